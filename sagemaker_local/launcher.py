"""The first process of a job: makes the job's view of this machine, starts the command, leaves nothing behind.

Run as a program of its own (``python -I -S launcher.py PLAN``) so that it starts in milliseconds and so that a job's
memory is measured from a small process, not from ours. In order:

1. It leaves for the namespaces of the plan's view (``namespaces``).
2. It forks the job's keeper. In an isolated view the keeper is the first process of a PID namespace, so that the kernel
   ends with it whatever it has started, and is itself ended with this one. In any other view there is no further
   process: this one is the keeper, and the reaper of all its descendants, so that a daemon which a script starts stays
   within reach.
3. The keeper makes the root that the job sees, and forks the child that becomes the command. It waits for its end and
   for the standard input: a line there is the order to stop, with the seconds of grace; the end of file means that
   whoever started us has died, however that happened.
4. It kills whatever is left and writes how the command ended, as JSON, to the status descriptor.

It imports nothing but the standard library and nothing from this package.
"""

# pathlib would take longer to import than all else here.
# ruff: noqa: PTH100, PTH112, PTH120, PTH123, PTH208

import contextlib
import json
import os
import resource  # noqa: F401 - os.wait4 imports it, and the job's root may not have it
import select
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from sagemaker_local import namespaces
else:  # we are a program and no part of a package
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))
    import namespaces

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
_CANNOT_START = 127
_PATIENCE = 5.0


def main(plan: dict[str, Any]) -> None:
    """Runs the command of a plan and reports how it ended.

    Args:
        plan: ``command`` (list of strings), ``cwd``, ``status`` (a file descriptor),
            ``descriptors`` (those that the command inherits), ``isolated`` (whether the job has
            processes of its own), ``namespaces`` and ``root`` (the arguments of ``namespaces.leave`` and ``enter``, or
            null for none of it).
    """
    os.set_inheritable(plan["status"], False)  # noqa: FBT003 - the library takes it by position only
    try:
        if plan["namespaces"] is not None:
            namespaces.leave(**plan["namespaces"])
        keeper = os.fork() if plan["isolated"] else 0
        if keeper:
            _close(plan["descriptors"])
            os.waitpid(keeper, 0)
            return
        _prctl(*((_PR_SET_PDEATHSIG, signal.SIGKILL) if plan["isolated"] else (_PR_SET_CHILD_SUBREAPER, 1)))
        if plan["root"] is not None:
            namespaces.enter(**plan["root"])
        _keep(plan)
    except OSError as error:
        _report(plan, _cannot_start(plan, error), 0.0, 0)


def _keep(plan: dict[str, Any]) -> None:
    """Runs the command, sees to the orders, and reports the end."""
    wake, wake_writer = os.pipe()
    os.set_blocking(wake_writer, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_writer)
    started = time.monotonic()
    keeper = os.getpid()
    child = os.fork()
    if child == 0:
        _become(plan, keeper)
    _close(plan["descriptors"])
    with contextlib.suppress(OSError):
        os.setpgid(child, child)
    code, memory = _attend(child, wake)
    seconds = time.monotonic() - started
    _kill_descendants(child)
    _report(plan, code, seconds, memory)


def _close(descriptors: list[int]) -> None:
    """Leaves the command alone in holding them, so that its end closes them."""
    for descriptor in descriptors:
        os.close(descriptor)


def _report(plan: dict[str, Any], code: int, seconds: float, memory: int) -> None:
    with contextlib.suppress(OSError):  # nobody is left to read it when we run because our parent died
        os.write(plan["status"], json.dumps({"code": code, "seconds": seconds, "memory": memory}).encode())


def _cannot_start(plan: dict[str, Any], error: BaseException) -> int:
    os.write(2, f"{plan['command'][0]}: {error}\n".encode())
    return _CANNOT_START


def _attend(child: int, wake: int) -> tuple[int, int]:
    """Waits for the child; stops it when told to. Returns its exit code as a shell gives it, and its peak bytes."""
    kill_at: float | None = None
    while True:
        pid, status, usage = os.wait4(-1, os.WNOHANG)
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            scale = 1 if sys.platform == "darwin" else 1024
            return (code if code >= 0 else 128 - code), usage.ru_maxrss * scale
        if pid:
            continue
        timeout = None if kill_at is None else max(0.0, kill_at - time.monotonic())
        if kill_at is not None and not timeout:
            _signal_group(child, signal.SIGKILL)
            timeout = None
        ready, _, _ = select.select([wake] if timeout is None and kill_at is not None else [wake, 0], [], [], timeout)
        if wake in ready:
            os.read(wake, 4096)
        if 0 in ready:
            order = os.read(0, 64).split()
            _signal_group(child, signal.SIGTERM if order else signal.SIGKILL)
            kill_at = time.monotonic() + (float(order[-1]) if order else 0.0)


def _signal_group(child: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(child, number)


def _kill_descendants(child: int) -> None:
    """Kills all that the command left behind: first its group, then what escaped it and was handed to us."""
    _signal_group(child, signal.SIGKILL)
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:  # what has become another user's, as with sudo, does not go at our word
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid:
            continue
        for orphan in _children():
            with contextlib.suppress(OSError):
                os.kill(orphan, signal.SIGKILL)
        time.sleep(0.001)


def _children() -> list[int]:
    """The ids of our own children: a killed child's children become ours, so one generation at a time is enough."""
    found = []
    for name in os.listdir("/proc") if os.path.isdir("/proc") else []:
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int(name)
            with open(f"/proc/{pid}/stat", "rb") as stat:
                # The second field is the program's name in brackets and may hold anything, so count from its end.
                if int(stat.read().rpartition(b")")[2].split()[1]) == os.getpid():
                    found.append(pid)
    return found


def _become(plan: dict[str, Any], keeper: int) -> NoReturn:
    """In the child: turns into the command. Never returns."""
    try:
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        if plan["isolated"]:
            namespaces.drop_privileges()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != keeper:
            os._exit(_CANNOT_START)
        os.chdir(plan["cwd"])
        os.execvp(plan["command"][0], plan["command"])  # noqa: S606 - running the job's command is the purpose
    except BaseException as error:  # noqa: BLE001 - a forked child must never unwind into its parent's code
        _cannot_start(plan, error)
    finally:
        os._exit(_CANNOT_START)


def _prctl(option: int, value: int) -> None:
    """Linux only: elsewhere the process group is all there is to hold on to."""
    if sys.platform == "linux":
        namespaces.call("prctl", option, value, 0, 0, 0)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
