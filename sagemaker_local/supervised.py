"""A child process whose whole process tree dies with this process, even if it is killed."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from sagemaker_local.mounts import launch_command

_KILLED = 137


class Supervised:
    """A process run by ``launcher``, which kills it when our end of a pipe closes.

    Args:
        command: program and arguments.
        cwd: its working directory.
        environment: its complete environment.
        output: an open file for its stdout and stderr.
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
                # Ctrl-C in the terminal must not kill it before we do.
                start_new_session=True,
            )
        finally:
            os.close(writer)
        self._code: int | None = None

    def poll(self) -> int | None:
        """Returns its exit code, as in a shell, or None while it runs."""
        return None if self._code is None and self._process.poll() is None else self.wait()

    def wait(self) -> int:
        """Waits for it to exit. Returns its exit code, as in a shell."""
        if self._code is None:
            self._process.wait()
            # The report is empty if the launcher itself was killed.
            self._code = json.loads(os.read(self._status, 4096) or f'{{"code": {_KILLED}}}')["code"]
            os.close(self._status)
            if self._process.stdin is not None:
                self._process.stdin.close()
        return self._code

    def end(self) -> None:
        """Kills it, if it still runs, and all processes that it started."""
        if self._code is None and self._process.stdin is not None:
            self._process.stdin.close()
            self.wait()
