"""``results.json``: the results of each family with date, machine and versions."""

import json
import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import reference
from benchmarks.rows import REFERENCE, Result

FILE = Path(__file__).parent / "results.json"

_PACKAGES = ("aws-cdk-lib", "boto3", "ministack", "pyyaml")
_DIGITS = 4

Content = dict[str, Any]


def read(file: Path = FILE) -> Content:
    """Returns the results so far by family name; empty if there are none."""
    content: Content = json.loads(file.read_text()) if file.exists() else {}
    return content


def write(family: str, measured: Sequence[Result], *, order: Sequence[str], file: Path = FILE) -> None:
    """Replaces a family's results and keeps those of other families.

    Args:
        family: the family's name.
        measured: the results of its rows.
        order: the order of the families.
        file: the file with the results.
    """
    content = read(file)
    content[family] = {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": {name: version(name) for name in _PACKAGES},
        "rows": [as_json(result) for result in measured],
    }
    ordered = {name: content[name] for name in order if name in content}
    file.write_text(json.dumps(ordered, indent=1) + "\n")


def as_json(result: Result) -> Content:
    """Converts a row's result to JSON."""
    row = result.row
    content: Content = {"row": row.name, "unit": row.unit}
    for column, spread in result.spreads.items():
        content[column] = {
            "median": _rounded(spread.median),
            "min": _rounded(spread.least),
            "max": _rounded(spread.most),
            "n": spread.n,
        }
    if row.quoted is not None and REFERENCE not in result.spreads:
        content[REFERENCE] = {
            "quoted": row.quoted,
            "measured": reference.QUOTED_ON,
            "machine": reference.QUOTED_MACHINE,
        }
    if result.ratio is not None:
        content["ratio_to_limit"] = _rounded(result.ratio)
    if row.goal is not None:
        content["goal"] = {"most": row.goal.most, "of": "limit" if row.goal.of_limit else row.unit, "met": result.met}
    return content


def machine() -> Content:
    """Describes the machine as far as figures depend on it, without identifying it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gb": round(memory / 1e9),
        "system": platform.system(),
        "python": platform.python_version(),
        "load": _rounded(os.getloadavg()[0]),
    }


def _processor() -> str:
    """Returns the processor's model name, such as ``AMD EPYC``."""
    information = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.+)$", information.read_text(), re.MULTILINE) if information.exists() else None
    return found[1] if found else platform.machine()


def _rounded(value: float) -> float:
    """Rounds to four significant digits."""
    return float(f"{value:.{_DIGITS}g}")
