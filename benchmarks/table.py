"""Formats ``results.json`` as a table: for the terminal, and as Markdown for docs/performance.md."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.rows import BASELINE, LIMIT, MODULE, REFERENCE

DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"
HEADINGS = ("row", "module", "baseline", "limit", "reference", "module / limit", "goal", "met", "n")

_BEGIN, _END = "<!-- table -->", "<!-- end of the table -->"
_COLUMNS = (MODULE, BASELINE, LIMIT, REFERENCE)
_MARKS = {None: "", True: "yes", False: "no"}


def rows(content: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yields the cells of each row: the median and, for several measurements, the range in brackets."""
    for family in content.values():
        for row in family["rows"]:
            goal = row.get("goal", {})
            yield (
                f"{row['row']}, {row['unit']}" if row["unit"] else row["row"],
                *(_cell(row.get(column)) for column in _COLUMNS),
                _number(row["ratio_to_limit"]) if "ratio_to_limit" in row else "",
                _goal(goal, row["unit"]),
                _MARKS[goal.get("met")],
                str(row[MODULE]["n"]),
            )


def table(content: dict[str, Any]) -> Table:
    """Returns the table for the terminal."""
    shown = Table(box=None, pad_edge=False, header_style="dim")
    for number, heading in enumerate(HEADINGS):
        shown.add_column(heading, justify="left" if number == 0 else "right", no_wrap=True)
    for cells in rows(content):
        shown.add_row(*cells, style="red" if "no" in cells else None)
    return shown


def markdown(content: dict[str, Any]) -> str:
    """Returns the table for the document, followed by dates and machines."""
    lines = [HEADINGS, ("---",) + ("---:",) * (len(HEADINGS) - 1), *rows(content)]
    text = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"{text}\n\n{'; '.join(dict.fromkeys(_circumstances(content)))}."


def written(document: str, content: dict[str, Any]) -> str:
    """Returns the document with the table between its markers replaced."""
    block = f"{_BEGIN}\n{markdown(content)}\n{_END}"
    return re.sub(rf"{_BEGIN}.*?{_END}", lambda _: block, document, flags=re.DOTALL)


def _circumstances(content: dict[str, Any]) -> Iterator[str]:
    by_stamp: dict[str, list[str]] = {}
    for name, family in content.items():
        machine = family["machine"]
        stamp = (
            f"measured on {family['measured']} on {machine['cores']} cores ({machine['processor']}), "
            f"{machine['memory_gb']} GB, {machine['system']}, Python {machine['python']}"
        )
        by_stamp.setdefault(stamp, []).append(name)
    for stamp, names in by_stamp.items():
        yield f"{', '.join(names)}: {stamp}"


def _cell(figure: dict[str, Any] | None) -> str:
    if figure is None:
        return ""
    if "quoted" in figure:
        return f"{_number(figure['quoted'])}*"
    if figure["n"] == 1 or figure["min"] == figure["max"]:
        return _number(figure["median"])
    return f"{_number(figure['median'])} ({_number(figure['min'])}–{_number(figure['max'])})"


def _number(value: float) -> str:
    """Formats with three significant digits, or as a whole number."""
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004


def _goal(goal: dict[str, Any], unit: str) -> str:
    if not goal:
        return ""
    return f"≤ {goal['most']:g} × limit" if goal["of"] == "limit" else f"≤ {goal['most']:g} {unit}"
