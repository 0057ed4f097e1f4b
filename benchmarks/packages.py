"""What synth installs: ``requirements.txt`` in a fresh virtual environment, against the necessary minimum."""

import re
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks import reference
from benchmarks.processes import PYTHON, environment, usage
from benchmarks.reference import Reference
from benchmarks.rows import LIMIT, MODULE, Experiment, Experiments, Figures, Row
from executions.defaults import PROJECT

_LOCK = PROJECT / "requirements.txt"
_LOCKS = (_LOCK, PROJECT / "requirements" / "clients.txt")
"""If both lock a package, the first one's version counts."""
_NEEDED = ("aws-cdk-lib", "constructs", "pydantic")
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)

ROWS = (
    Row(name="installed for synth", unit="MB", figure="size", quoted=reference.INSTALLED_MB),
    Row(name="packages for synth", unit="", figure="packages", quoted=reference.PACKAGES),
)


def locked(lock: Path = _LOCK) -> dict[str, str]:
    """Returns the versions in a lock by package name."""
    return dict(_LOCKED.findall(lock.read_text()))


def experiments(_checkout: Reference | None) -> Experiments:
    """Yields the experiments of this family."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        versions = {name: version for lock in reversed(_LOCKS) for name, version in locked(lock).items()}
        constraints.writelines(f"{name}=={version}\n" for name, version in versions.items())
        constraints.flush()
        yield Experiment(
            rows=ROWS,
            subjects={
                MODULE: partial(_install, ["--no-deps", "--require-hashes", "--requirement", str(_LOCK)]),
                LIMIT: partial(_install, [*_NEEDED, "--constraint", constraints.name]),
            },
            rounds=1,
        )


def _install(arguments: Sequence[str]) -> Figures:
    """Installs packages, without bytecode, and measures their size and number."""
    with tempfile.TemporaryDirectory() as folder:
        variables = environment()
        usage([PYTHON, "-m", "venv", "--without-pip", folder], cwd=PROJECT, variables=variables)
        uv: list[str | Path] = [PYTHON, "-m", "uv", "pip", "install", "--quiet", "--python", f"{folder}/bin/python"]
        usage([*uv, *arguments], cwd=PROJECT, variables=variables)
        files = [file for file in Path(folder, "lib").rglob("*") if file.is_file()]
        return {
            "size": sum(file.stat().st_size for file in files) / 1e6,
            "packages": sum(file.match("*.dist-info/METADATA") for file in files),
        }
