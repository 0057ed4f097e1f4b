"""Runs a command in SageMaker's container layout, with its own ``/opt/ml``.

``Container`` starts ``launcher`` as a small process that sets up the mounts (see ``mounts``), runs the command and
reports its exit. Even if this process or the launcher is killed, no process of the job survives (on Linux; elsewhere,
none of its process group).
"""

import contextlib
import json
import os
import re
import selectors
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sagemaker_local.environments import PythonEnvironment, bare_environment
from sagemaker_local.mounts import (
    PREFIX,
    PROGRAM,
    ROOT,
    base_environment,
    best_view,
    interpreter,
    launch_command,
    make_folders,
    with_root,
)

STOP_GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL when the user stops a job."""
TIMEOUT_GRACE = 120.0
"""The same when a job times out: SageMaker's value (API_StoppingCondition)."""

LOG_CHARACTERS = 64 << 20
"""Limit of a job's log: CloudWatch has none, but a disk does."""

_LINE = 65536
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_LAST_LINES = 50
_KILLED = 137


@dataclass(frozen=True, kw_only=True)
class Exit:
    """A command's exit."""

    code: int
    """The exit code; 128 plus the signal's number if a signal killed the command, as in Docker."""
    seconds: float
    """Wall-clock seconds from start to exit."""
    memory_bytes: int
    """Peak resident memory of its largest process."""
    timed_out: bool
    stopped: bool


class StoppedError(Exception):
    """The container was stopped before its command could start."""


@dataclass(frozen=True)
class _Running:
    """A running launcher and its pipes."""

    process: subprocess.Popen[bytes]
    control: IO[bytes]
    output: IO[bytes]
    status: int
    reader: threading.Thread


class Container:
    """A job's files and log, and the one command that runs on them.

    Args:
        folder: the job's folder; created if missing. The command sees ``folder/ml`` as /opt/ml.
        log_file: the command's output is appended to it; several containers may share it.
        log: called with each line of output, from another thread.
        namespaces: whether to use namespaces; None: if this machine supports them.
        private: folders to hide from an isolated command; the user's home is always hidden.

    Raises:
        OSError: namespaces are required and not available.
    """

    def __init__(
        self,
        *,
        folder: Path,
        log_file: Path,
        log: Callable[[str], None],
        namespaces: bool | None = None,
        private: Sequence[Path] = (),
    ) -> None:
        self.folder = folder
        self.ml = folder / "ml"
        self.view = PREFIX if namespaces is False else best_view()
        if namespaces and self.view == PREFIX:
            raise OSError("mount namespaces are not available on this machine")
        self._private = private
        self._log = log
        self._log_error: Exception | None = None
        self._lock = threading.Lock()
        self._stopped = False
        self._running: _Running | None = None
        self._log_room = LOG_CHARACTERS
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        make_folders(folder)
        log_file.parent.mkdir(parents=True, exist_ok=True)
        self._log_stream = log_file.open("a", buffering=1, encoding="utf-8", errors="replace")

    @property
    def last_lines(self) -> list[str]:
        """The last lines of the log, oldest first."""
        return list(self._last)

    def path(self, inside: str) -> Path:
        """Returns this machine's path for a path in the container. Raises ValueError if it is not below /opt/ml."""
        below = os.path.relpath(os.path.normpath(inside), ROOT)
        if not inside.startswith("/") or Path(below).parts[:1] == (os.pardir,):
            raise ValueError(f"{inside!r} is not below {ROOT}")
        return self.ml / below

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        python: PythonEnvironment | None = None,
        cwd: str | None = None,
        descriptors: Sequence[int] = (),
        offline: bool = False,
        protected: Sequence[str] = (),
        program: Path | None = None,
    ) -> None:
        """Starts the command and returns.

        Args:
            command: program and arguments. ``python3``, ``python`` and a Python path that exists only in the container
                image run the image's interpreter.
            environment: the command's variables in addition to ``base_environment``; ours are not inherited.
            python: the image's packages; None: an interpreter without packages.
            cwd: the working directory in the container; defaults to an empty folder.
            descriptors: open file descriptors that the command inherits.
            offline: whether to cut off the network, which only the isolated view can do.
            protected: folders below /opt/ml that the command must not write to.
            program: the folder that the command sees as ``mounts.PROGRAM``.

        Raises:
            StoppedError: ``stop`` was called first.
        """
        python = python or bare_environment()
        if program is not None and self.view == PREFIX:
            command = [with_root(word, program, PROGRAM) for word in command]
        status, status_writer = os.pipe()
        launch = launch_command(
            [self._inside(word) for word in [interpreter(command[0]), *command[1:]]],
            folder=self.folder,
            view=self.view,
            status=status_writer,
            python=python,
            descriptors=descriptors,
            cwd=self._inside(cwd) if cwd else None,
            offline=offline,
            private=self._private,
            protected=protected,
            program=program,
        )
        try:
            self._launch(launch, self._environment(environment, python), status, [status_writer, *descriptors])
        except BaseException:
            os.close(status)
            raise
        finally:
            os.close(status_writer)

    def wait(self, timeout: float | None = None, *, grace: float = TIMEOUT_GRACE) -> Exit:
        """Waits until the command and all processes it started have exited.

        Args:
            timeout: seconds until it gets SIGTERM; None: never.
            grace: seconds between SIGTERM and SIGKILL.

        Raises:
            Exception: the exception that the ``log`` callback raised, if it did.
        """
        running = self._running
        if running is None:
            raise RuntimeError("nothing has been started")
        timed_out = not _readable(running.status, timeout)
        if timed_out:
            _send_stop(running, grace)
            _readable(running.status, None)
        report = os.read(running.status, 4096)
        self._end()
        if self._log_error is not None:
            raise self._log_error
        # The report is empty if the launcher itself was killed, which only happens when memory runs out.
        exited: dict[str, Any] = json.loads(report) if report else {"code": _KILLED, "seconds": 0.0, "memory": 0}
        return Exit(
            code=exited["code"],
            seconds=exited["seconds"],
            memory_bytes=exited["memory"],
            timed_out=timed_out,
            stopped=self._stopped,
        )

    def wait_for_exit(self, timeout: float | None = None) -> bool:
        """Waits until the command has exited; call ``wait`` afterwards. Returns False on timeout."""
        running = self._running
        return running is None or _readable(running.status, timeout)

    def stop(self, grace: float = STOP_GRACE) -> None:
        """Sends SIGTERM to the command, SIGKILL after ``grace`` seconds, and returns. Callable from any thread."""
        with self._lock:
            self._stopped = True
            running = self._running
        if running is not None:
            _send_stop(running, grace)

    def close(self) -> None:
        """Kills the command if it still runs, and closes the log."""
        self._end()
        self._log_stream.close()

    def _end(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            with contextlib.suppress(OSError):
                running.control.close()  # at the end of its input, the launcher kills the command
            running.process.wait()
            # No writer remains, so the output ends here; the timeout is for systems without a subreaper.
            running.reader.join(timeout=STOP_GRACE)
            running.output.close()
            os.close(running.status)

    def log_line(self, line: str) -> None:
        """Appends a line to the job's log, with control characters escaped, until the log reaches its limit."""
        line = printable(line)
        self._last.append(line)
        if self._log_room < 0:
            return
        self._log_room -= len(line) + 1
        if self._log_room < 0:
            line = f"The log has reached {LOG_CHARACTERS >> 20} MiB and ends here; the job continues"
        with contextlib.suppress(ValueError):  # the log has been closed
            self._log_stream.write(line + "\n")
        self._log(line)

    def _launch(self, launch: list[str], environment: dict[str, str], status: int, descriptors: list[int]) -> None:
        with self._lock:
            if self._stopped:
                raise StoppedError
            process = subprocess.Popen(
                launch,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
                pass_fds=descriptors,
                start_new_session=True,
            )
            if process.stdin is None or process.stdout is None:  # never; for the type checker
                raise RuntimeError
            reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
            self._running = _Running(process, process.stdin, process.stdout, status, reader)
        reader.start()

    def _read(self, stream: IO[bytes]) -> None:
        while raw := stream.readline(_LINE):
            # A progress bar rewrites one line: keep its last state.
            line = raw.decode("utf-8", "replace").rstrip("\r\n").rpartition("\r")[2]
            try:
                self.log_line(line)
            except Exception as error:  # noqa: BLE001 - the job must not hang because its callback failed; wait() raises it
                self._log_error = self._log_error or error

    def _inside(self, text: str) -> str:
        return with_root(text, self.ml) if self.view == PREFIX else text

    def _environment(self, given: Mapping[str, str], python: PythonEnvironment) -> dict[str, str]:
        base = base_environment(self.folder, self.view, python)
        if self.view == PREFIX:
            base["SAGEMAKER_BASE_DIR"] = str(self.ml)
        return base | {name: self._inside(value) for name, value in given.items()}


def printable(text: str, *, keep: str = "\t") -> str:
    r"""Escapes control characters, which a terminal would obey, as ``\x1b`` and the like.

    Args:
        text: any text.
        keep: control characters to keep.
    """
    return _CONTROLS.sub(lambda found: found[0] if found[0] in keep else f"\\x{ord(found[0]):02x}", text)


def _send_stop(running: _Running, grace: float) -> None:
    with contextlib.suppress(OSError, ValueError):  # it has just exited by itself
        running.control.write(f"{grace}\n".encode())
        running.control.flush()


def _readable(descriptor: int, timeout: float | None) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        return bool(selector.select(timeout))
