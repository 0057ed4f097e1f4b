"""Shows an execution: as a live table in a terminal, elsewhere as one line per change."""

from collections.abc import Mapping
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from executions.progress import (
    ABORTED,
    FAILED,
    PENDING,
    REJECTED,
    REUSED_STAGE,
    RUNNING,
    SKIPPED,
    SUCCEEDED,
    StageProgress,
)
from executions.watch import View, Viewer
from pipeline.stages import STAGES

MARKS = {
    PENDING: ("·", "dim"),
    RUNNING: ("▶", "bold cyan"),
    SUCCEEDED: ("✓", "green"),
    FAILED: ("✗", "bold red"),
    SKIPPED: ("-", "dim"),
    REUSED_STAGE: ("=", "green"),
    REJECTED: ("✗", "bold yellow"),
    ABORTED: ("■", "yellow"),
}
"""A symbol and a colour for each state of a stage."""

_WIDE = 110
"""The minimum width of a terminal, in characters, for a table with the jobs' names."""
_GAP = 2
"""Characters between two columns."""
_KEY_WIDTH = max(len(stage.key) for stage in STAGES)


def follow(viewer: Viewer, console: Console, *, options: str) -> View:
    """Shows an execution until it ends.

    Args:
        viewer: polls it. If it reads whole logs, every line is printed, instead of the last one in the table.
        console: where to show it.
        options: what ``mlops approve`` needs to find the same deployment, such as `` --local``.

    Returns:
        The last view.
    """
    screen = _Screen(viewer, console, options=options)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        for view in viewer.until_end():
            screen.show(view)
            if console.is_terminal:
                table = stage_table(view, datetime.now(UTC), width=console.width, last_lines=not viewer.whole_logs)
                live.update(table, refresh=True)
    return view


class _Screen:
    """Prints what has changed since the last view."""

    def __init__(self, viewer: Viewer, console: Console, *, options: str) -> None:
        self._viewer = viewer
        self._console = console
        self._options = options
        self._shown: dict[str, str] = {}
        self._has_asked = False

    def show(self, view: View) -> None:
        """Prints the new states, the new lines of the logs, and how to answer."""
        lines = self._viewer.new_lines(view) if self._viewer.whole_logs else {}
        for key, stage in view.progress.items():
            # A stage's lines come after its start and before its end.
            if stage.ended is None:
                self._show_state(key, stage)
            for line in lines.get(key, ()):
                self._console.print(Text.assemble((f"{key:>{_KEY_WIDTH}} │ ", "dim"), Text(line)), soft_wrap=True)
            if stage.ended is not None:
                self._show_state(key, stage)
        if view.waits and not self._has_asked:
            self._has_asked = True
            name = view.execution["name"]
            self._console.print(
                f"waits for an answer: mlops approve {name}{self._options}\n"
                f"                  or mlops reject {name}{self._options} --reason TEXT",
                soft_wrap=True,
            )

    def _show_state(self, key: str, stage: StageProgress) -> None:
        if self._console.is_terminal or stage.status in {PENDING, self._shown.get(key)}:
            return
        self._shown[key] = stage.status
        seconds = stage.seconds(datetime.now(UTC))
        took = f" {seconds:.1f} s" if stage.ended and seconds is not None else ""
        name = f"{key:>{_KEY_WIDTH}}" if self._viewer.whole_logs else key
        self._console.print(f"{name}: {stage.text}{took}", soft_wrap=True)


def stage_table(view: View, now: datetime, *, width: int, last_lines: bool = True) -> Table:
    """Returns a table with one row per stage.

    Args:
        view: the execution.
        now: the time.
        width: the terminal's, in characters; a narrow table omits the jobs' names.
        last_lines: whether to show the last line of each stage's log.
    """
    started = {key: name for key, (_, name) in view.jobs.items() if view.progress[key].started}
    jobs = started if width >= _WIDE else {}
    titles = ["", "stage", "state", "seconds", *(["job"] if jobs else [])]
    rows = {
        key: [*_cells(key, stage, now), *([Text(jobs.get(key, ""))] if jobs else [])]
        for key, stage in view.progress.items()
    }
    taken = sum(max(map(len, column)) + _GAP for column in zip(titles, *rows.values(), strict=True))
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in (*titles, *(["last log line"] if last_lines else [])):
        table.add_column(title, no_wrap=True, justify="right" if title == "seconds" else "left")
    for key, row in rows.items():
        table.add_row(*row, *([_last_line(view.lines, key, max(width - taken, 0))] if last_lines else []))
    return table


def _cells(key: str, stage: StageProgress, now: datetime) -> list[Text]:
    """A stage's mark, name, state and seconds."""
    mark, style = MARKS[stage.status]
    seconds = stage.seconds(now)
    return [Text(mark, style), Text(key), Text(stage.text, style), Text("" if seconds is None else f"{seconds:.1f}")]


def _last_line(lines: Mapping[str, str], key: str, width: int) -> Text:
    """The last line of a stage's log, truncated to the available width: Rich would shrink all columns equally."""
    line = Text(lines.get(key, ""), "dim")
    line.truncate(width, overflow="ellipsis")
    return line
