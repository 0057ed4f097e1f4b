"""One command as a process that sees SageMaker's container layout: a real ``/opt/ml`` of its own.

``Container`` starts ``launcher`` as a small process, which makes the view of the files (see ``mounts``),
runs the command in it and reports its end. Whatever happens to the command, to this process or to the one between them,
no process of the job outlives it (on Linux; elsewhere, none of its process group).
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
    ROOT,
    base_environment,
    interpreter,
    launch_command,
    make_folders,
    view_of_this_machine,
    with_root,
)

STOP_GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL when the user stops a job."""
TIMEOUT_GRACE = 120.0
"""The same when its time is up: SageMaker's own (API_StoppingCondition)."""

LOG_CHARACTERS = 64 << 20
"""What a job's log may have; CloudWatch has no limit, and a disk has."""

_LINE = 65536
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_LAST_LINES = 50
_KILLED = 137


@dataclass(frozen=True, kw_only=True)
class Exit:
    """How a command ended."""

    code: int
    """Its exit code; 128 and the signal's number where a signal ended it, as Docker reports it."""
    seconds: float
    """Wall seconds from its start to its end."""
    memory_bytes: int
    """Peak resident memory of the largest of its processes."""
    timed_out: bool
    stopped: bool


class StoppedError(Exception):
    """The container was stopped before its command could start."""


@dataclass(frozen=True)
class _Running:
    """A started launcher, and what connects us with it."""

    process: subprocess.Popen[bytes]
    orders: IO[bytes]
    output: IO[bytes]
    status: int
    reader: threading.Thread


class Container:
    """One job's place on this machine, and the one command that runs there.

    Args:
        folder: the job's own; made if missing. What the command sees as /opt/ml is ``folder/ml``.
        log_file: the command's output is added to it: a container may follow another, or run beside it.
        log: is called with each line of output, from a thread of the container's own.
        namespaces: whether to use them; None: if this machine has them.
        private: folders that an isolated command must not see, wherever they lie; the user's home never shows.

    Raises:
        OSError: namespaces are asked for, and this machine has none for us.
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
        self.view = PREFIX if namespaces is False else view_of_this_machine()
        if namespaces and self.view == PREFIX:
            raise OSError("this machine gives us no mount namespace")
        self._private = private
        self._log = log
        self._log_error: Exception | None = None
        self._lock = threading.Lock()
        self._stopped = False
        self._running: _Running | None = None
        self._room = LOG_CHARACTERS
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        make_folders(folder)
        log_file.parent.mkdir(parents=True, exist_ok=True)
        self._log_stream = log_file.open("a", buffering=1, encoding="utf-8", errors="replace")

    @property
    def last_lines(self) -> list[str]:
        """The end of the log, oldest line first."""
        return list(self._last)

    def path(self, inside: str) -> Path:
        """Where this machine has a path of the container's. Raises ValueError for one that is not below /opt/ml."""
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
    ) -> None:
        """Starts the command and returns.

        Args:
            command: program and arguments; ``python3`` and ``python`` are the image's interpreter, and so is one named
                by a path that only the image has.
            environment: all the command gets beside ``base_environment``. Nothing of our own is passed on.
            python: the image's packages; None: an interpreter without any.
            cwd: the working directory, as the container sees it; an empty folder unless given.
            descriptors: open files that the command inherits under the same numbers.
            offline: whether to keep the network from it, which only the isolated view can.

        Raises:
            StoppedError: ``stop`` came first.
        """
        python = python or bare_environment()
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
        )
        try:
            self._launch(launch, self._environment(environment, python), status, [status_writer, *descriptors])
        except BaseException:
            os.close(status)
            raise
        finally:
            os.close(status_writer)

    def wait(self, timeout: float | None = None, *, grace: float = TIMEOUT_GRACE) -> Exit:
        """Waits until the command and everything it started have ended.

        Args:
            timeout: seconds until it is told to stop; None: never.
            grace: seconds it then has before it is killed.

        Raises:
            Exception: what the listener to the log raised, if it did.
        """
        running = self._running
        if running is None:
            raise RuntimeError("nothing has been started")
        timed_out = not _readable(running.status, timeout)
        if timed_out:
            _order_stop(running, grace)
            _readable(running.status, None)
        report = os.read(running.status, 4096)
        self._end()
        if self._log_error is not None:
            raise self._log_error
        # An empty report: the launcher itself was killed, which only the machine's lack of memory does.
        ended: dict[str, Any] = json.loads(report) if report else {"code": _KILLED, "seconds": 0.0, "memory": 0}
        return Exit(
            code=ended["code"],
            seconds=ended["seconds"],
            memory_bytes=ended["memory"],
            timed_out=timed_out,
            stopped=self._stopped,
        )

    def ended(self, timeout: float | None = None) -> bool:
        """Waits until the command has ended, and leaves the rest to ``wait``. Returns False when the time is up."""
        running = self._running
        return running is None or _readable(running.status, timeout)

    def stop(self, grace: float = STOP_GRACE) -> None:
        """Tells the command to stop and returns; it is killed after ``grace`` seconds. From any thread, at any time."""
        with self._lock:
            self._stopped = True
            running = self._running
        if running is not None:
            _order_stop(running, grace)

    def close(self) -> None:
        """Ends what still runs, at once, and closes the log. Harmless when all has ended."""
        self._end()
        self._log_stream.close()

    def _end(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            with contextlib.suppress(OSError):
                running.orders.close()  # the launcher takes the end of its input for the end of us
            running.process.wait()
            # Nobody is left to write, so the output ends here; the limit is for systems without a reaper.
            running.reader.join(timeout=STOP_GRACE)
            running.output.close()
            os.close(running.status)

    def say(self, line: str) -> None:
        """Adds a line to the job's log, with its control characters shown as text, as long as the log may grow."""
        line = printable(line)
        self._last.append(line)
        if self._room < 0:
            return
        self._room -= len(line) + 1
        if self._room < 0:
            line = f"The log ends here, since it has reached {LOG_CHARACTERS >> 20} MiB; the job goes on"
        with contextlib.suppress(ValueError):  # a line after the end has no file to go to
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
            if process.stdin is None or process.stdout is None:  # never: for the type checker
                raise RuntimeError
            reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
            self._running = _Running(process, process.stdin, process.stdout, status, reader)
        reader.start()

    def _read(self, stream: IO[bytes]) -> None:
        while raw := stream.readline(_LINE):
            # Of a progress bar, which draws itself over and over in one line, what it showed last.
            line = raw.decode("utf-8", "replace").rstrip("\r\n").rpartition("\r")[2]
            try:
                self.say(line)
            except Exception as error:  # noqa: BLE001 - a job must not hang because its listener failed; wait() raises it
                self._log_error = self._log_error or error

    def _inside(self, text: str) -> str:
        return with_root(text, self.ml) if self.view == PREFIX else text

    def _environment(self, given: Mapping[str, str], python: PythonEnvironment) -> dict[str, str]:
        base = base_environment(self.folder, self.view, python)
        if self.view == PREFIX:
            base["SAGEMAKER_BASE_DIR"] = str(self.ml)
        return base | {name: self._inside(value) for name, value in given.items()}


def printable(text: str, *, keep: str = "\t") -> str:
    r"""The text with control characters as ``\x1b`` and the like: a terminal would obey them.

    Args:
        text: any.
        keep: the control characters that stay as they are.
    """
    return _CONTROLS.sub(lambda found: found[0] if found[0] in keep else f"\\x{ord(found[0]):02x}", text)


def _order_stop(running: _Running, grace: float) -> None:
    with contextlib.suppress(OSError, ValueError):  # it has just ended by itself
        running.orders.write(f"{grace}\n".encode())
        running.orders.flush()


def _readable(descriptor: int, timeout: float | None) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        return bool(selector.select(timeout))
