"""A checkout of the module with its own environment, as a user has it."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.waiting import wait_until

PROJECT = Path(__file__).parent.parent.parent
SAMPLE = PROJECT / "tests" / "data" / "census-sample.csv"

SMALL_MODEL = ("--override", 'training.input.HyperParameters.max_iter="20"')
"""Options that make training short."""

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "of-the-shell",
    "AWS_SECRET_ACCESS_KEY": "of-the-shell",
    "AWS_PROFILE": "of-the-shell",
}
"""The AWS variables of the user's shell, which no environment may keep."""

# Without bytecode, which appears and disappears while other tests import.
_LEFT_OUT = shutil.ignore_patterns(
    *(".git", ".venv*", "node_modules", "out", "docs", "tests", "cdk.out", ".*_cache", "__pycache__")
)


@dataclass
class Checkout:
    """A copy of the module that a test may edit, and its commands."""

    folder: Path
    port: int

    def start_command(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts a command."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("COV", "AWS_", "MLOPS_"))
        }
        return subprocess.Popen(
            [sys.executable, "-c", "from cli.main import main; main()", *arguments],
            cwd=self.folder,
            env=environment | {"COLUMNS": "200"} | CREDENTIALS,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def mlops(self, *arguments: str, code: int = 0) -> str:
        """Runs a command, which must end with this exit code; returns its output."""
        process = self.start_command(*arguments)
        printed, _ = process.communicate(timeout=180)
        assert process.returncode == code, printed
        assert "Traceback" not in printed, printed
        return printed

    def run(self, *options: str, code: int = 0) -> str:
        """``mlops local run`` on the small sample, with a small model."""
        return self.mlops("local", "run", "--data", str(SAMPLE), *SMALL_MODEL, *options, code=code)

    @property
    def summary(self) -> dict[str, Any]:
        """The last run's summary.json."""
        content: dict[str, Any] = json.loads((self.folder / "out" / "demo" / "summary.json").read_text())
        return content

    @property
    def status(self) -> dict[str, Any]:
        """The output of ``mlops local status --json``."""
        process = self.start_command("local", "status", "--json")
        printed, _ = process.communicate(timeout=30)
        content: dict[str, Any] = json.loads(printed)
        assert process.returncode == (0 if content["status"] == "up" else 1)
        return content

    def processes(self) -> list[str]:
        """The commands of this checkout's processes, without zombies."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if command and str(self.folder) in command + (process / "environ").read_text():
                    found.append(command)
            except OSError:
                continue
        return [command for command in found if "pytest" not in command]

    def assert_nothing_left(self) -> None:
        """Asserts that all processes end within some seconds."""
        wait_until(lambda: not self.processes(), timeout=30)


def make_checkout(folder: Path, port: int) -> Checkout:
    """Copies the module with its installed packages."""
    shutil.copytree(PROJECT, folder, ignore=_LEFT_OUT)
    (folder / "node_modules").symlink_to(PROJECT / "node_modules")
    return Checkout(folder, port)
