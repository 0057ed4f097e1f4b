"""A command of the CDK, whose output goes to a log."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from local.errors import LocalError
from sagemaker_local.supervised import Supervised

_LAST_LINES = 8


class Command:
    """Runs in the background, and ends with this process.

    Args:
        words: program and arguments.
        variables: its complete environment.
        folder: its working directory.
        log: the file to append its output to.
    """

    def __init__(self, words: Sequence[str], variables: Mapping[str, str], folder: Path, log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = Supervised(words, cwd=folder, environment=variables, output=output)

    def finish(self) -> None:
        """Waits for its end.

        Raises:
            LocalError: it failed; the message has the last lines of the log.
        """
        if self._process.wait() != 0:
            last_lines = "\n".join(self._log.read_text(errors="replace").rstrip().splitlines()[-_LAST_LINES:])
            raise LocalError(f"the CDK could not deploy the stack; its log is {self._log} and ends:\n{last_lines}")

    def end(self) -> None:
        """Ends it, with all processes that it started, if it is still running."""
        self._process.end()
