"""What the user sees of a local run: the steps of the set-up, a live table of the stages, the jobs' log lines."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from executions.progress import ABORTED, FAILED, PENDING, RUNNING, SKIPPED, SUCCEEDED, StageProgress
from pipeline.stages import STAGES

MARKS = {
    PENDING: ("·", "dim"),
    RUNNING: ("▶", "bold cyan"),
    SUCCEEDED: ("✓", "green"),
    FAILED: ("✗", "bold red"),
    SKIPPED: ("-", "dim"),
    ABORTED: ("■", "yellow"),
}
"""A sign and a colour for each state of a stage."""
_KEY_WIDTH = max(len(stage.key) for stage in STAGES)


class Display:
    """Draws the run on a terminal; where there is none, it prints each change as a line."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress: Mapping[str, StageProgress] = {}

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Shows that a step of the set-up goes on, and at its end how many seconds it took."""
        started = time.monotonic()
        if self._console.is_terminal:
            with self._console.status(text):
                yield
        else:
            yield
        self._console.print(Text.assemble(("✓ ", "green"), text, (f"  {time.monotonic() - started:.1f} s", "dim")))

    def say(self, text: str) -> None:
        """Shows that something is so."""
        self._console.print(Text.assemble(("✓ ", "green"), text), soft_wrap=True)

    def waits_for_answer(self, execution: str, *, options: str) -> None:
        """Shows that an execution waits for a person, and the commands to answer with.

        Args:
            execution: its name.
            options: what the commands need to find this environment, such as ``--local``.
        """
        self._console.print(
            Text.assemble(
                ("\nwaits for your approval; answer from another terminal:\n", "bold"),
                f"  mlops approve {execution} {options}\n  mlops reject {execution} {options} --reason TEXT\n",
            ),
            soft_wrap=True,
        )

    @contextmanager
    def stages(self) -> Iterator[None]:
        """Shows the stages as :meth:`update` gives them, and leaves their last state on the screen."""
        try:
            if self._console.is_terminal:
                with Live(get_renderable=self._table, console=self._console, refresh_per_second=5, transient=True):
                    yield
            else:
                yield
        finally:
            self._console.print()
            self._console.print(self._table())

    def update(self, progress: Mapping[str, StageProgress]) -> None:
        """Shows the stages as they are now."""
        if not self._console.is_terminal:
            for key, state in progress.items():
                if state.status not in {PENDING, self._progress[key].status if self._progress else PENDING}:
                    self._console.print(Text(f"{key:>{_KEY_WIDTH}} : {state.status}"))
        self._progress = progress

    def log(self, stage: str, line: str) -> None:
        """Shows one line that a job printed."""
        self._console.print(Text.assemble((f"{stage:>{_KEY_WIDTH}} │ ", "dim"), Text(line)), soft_wrap=True)

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for title in ("", "stage", "state"):
            table.add_column(title)
        table.add_column("seconds", justify="right")
        now = datetime.now(UTC)
        for key, state in self._progress.items():
            mark, style = MARKS[state.status]
            seconds = state.seconds(now)
            table.add_row(
                Text(mark, style), key, Text(state.status, style), "" if seconds is None else f"{seconds:.1f}"
            )
        return table
