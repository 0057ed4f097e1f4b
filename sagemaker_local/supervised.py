"""A program of this machine that ends with us, with all that it has started, however we end."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from sagemaker_local.views import launch_command

_KILLED = 137


class Supervised:
    """A running program below ``launcher``, which takes the end of our side of a pipe for the order to end it.

    Args:
        command: program and arguments.
        cwd: its working directory.
        environment: all the variables that it gets.
        output: an open file for what it prints.
    """

    def __init__(self, command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], output: IO[Any]) -> None:
        self._status, writer = os.pipe()
        try:
            self._process = subprocess.Popen(
                launch_command(list(command), folder=cwd, view="prefix", status=writer, cwd=str(cwd)),
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[writer],
                # A Ctrl-C in the terminal must not end it before we say so.
                start_new_session=True,
            )
        finally:
            os.close(writer)
        self._code: int | None = None

    def poll(self) -> int | None:
        """Its exit code as a shell gives it; None while it runs."""
        return None if self._code is None and self._process.poll() is None else self.wait()

    def wait(self) -> int:
        """Waits for its end, and returns its exit code as a shell gives it."""
        if self._code is None:
            self._process.wait()
            # An empty report: the launcher itself was killed, or ended it at our word.
            self._code = json.loads(os.read(self._status, 4096) or f'{{"code": {_KILLED}}}')["code"]
            os.close(self._status)
            if self._process.stdin is not None:
                self._process.stdin.close()
        return self._code

    def end(self) -> None:
        """Ends it at once, if it still runs, and all that it has started."""
        if self._code is None and self._process.stdin is not None:
            self._process.stdin.close()
            self.wait()
