"""A job's first process: sets up namespaces and mounts, runs the command, and kills everything that it started.

A separate program (``mounts.launch_command``), so that it starts in milliseconds and a job's memory is measured from a
small process. In order:

1. It enters the namespaces of the plan's view (``namespaces``).
2. It forks the job's init process. In an isolated view, init is the first process of a PID namespace: when it exits,
   the kernel kills all its descendants, and it is killed when this process dies. In the other views this process itself
   acts as init and is the subreaper of its descendants, so that it can find and kill daemons.
3. Init sets up the root file system and forks the child that executes the command. It waits for the child's exit and
   reads standard input: a line means stop, with the grace period in seconds; end of file means that the parent died.
4. It kills the remaining processes and writes the command's exit as JSON to the status descriptor.

Imports only the standard library and ``namespaces``, and of the library only what starts quickly: json, contextlib,
typing and pathlib would double the launcher's time.
"""

# ruff: noqa: PTH112, PTH123, PTH208, SIM105

from __future__ import annotations

import os
import resource  # noqa: F401 - os.wait4 imports it, and the job's root may not have it
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from sagemaker_local import namespaces
else:  # a program, not part of the package
    import namespaces

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
_CANNOT_START = 127
_KILL_SECONDS = 5.0


def main(text: str) -> NoReturn:
    """Runs a plan's command, reports its exit and ends.

    Args:
        text: the plan, a dictionary as Python prints it: ``command`` (list of strings), ``cwd``, ``status`` (a file
            descriptor), ``descriptors`` (those that the command inherits), ``isolated`` (whether the job gets a PID
            namespace), ``namespaces`` and ``root`` (the arguments of ``namespaces.create`` and
            ``namespaces.change_root``, or None to skip them).
    """
    _run(eval(text))  # noqa: S307 - only our own process calls this
    os._exit(0)  # finalizing the interpreter would cost each job milliseconds, twice


def _run(plan: dict[str, Any]) -> None:
    os.set_inheritable(plan["status"], False)  # noqa: FBT003 - the library takes it by position only
    try:
        if plan["namespaces"] is not None:
            namespaces.create(**plan["namespaces"])
        init = os.fork() if plan["isolated"] else 0
        if init:
            _close(plan["descriptors"])
            os.waitpid(init, 0)
            return
        _prctl(*((_PR_SET_PDEATHSIG, signal.SIGKILL) if plan["isolated"] else (_PR_SET_CHILD_SUBREAPER, 1)))
        if plan["root"] is not None:
            namespaces.change_root(**plan["root"])
        _run_init(plan)
    except OSError as error:
        _report(plan, _cannot_start(plan, error), 0.0, 0)


def _run_init(plan: dict[str, Any]) -> None:
    """Acts as the job's init process: runs the command, handles stop requests, and reports the exit."""
    wake, wake_writer = os.pipe()
    os.set_blocking(wake_writer, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_writer)
    started = time.monotonic()
    init = os.getpid()
    child = os.fork()
    if child == 0:
        _exec(plan, init)
    _close(plan["descriptors"])
    try:
        os.setpgid(child, child)
    except OSError:  # it is already running its command
        pass
    code, memory = _wait_for_exit(child, wake)
    seconds = time.monotonic() - started
    _kill_descendants(child)
    _report(plan, code, seconds, memory)


def _close(descriptors: list[int]) -> None:
    """Closes our copies of the command's descriptors, so that they close when it exits."""
    for descriptor in descriptors:
        os.close(descriptor)


def _report(plan: dict[str, Any], code: int, seconds: float, memory: int) -> None:
    try:
        os.write(plan["status"], f'{{"code": {code}, "seconds": {seconds}, "memory": {memory}}}'.encode())
    except OSError:  # no reader remains if our parent has died
        pass


def _cannot_start(plan: dict[str, Any], error: BaseException) -> int:
    os.write(2, f"{plan['command'][0]}: {error}\n".encode())
    return _CANNOT_START


def _wait_for_exit(child: int, wake: int) -> tuple[int, int]:
    """Waits for the child, and stops it on request. Returns its exit code, as in a shell, and its peak memory."""
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
            request = os.read(0, 64).split()
            _signal_group(child, signal.SIGTERM if request else signal.SIGKILL)
            kill_at = time.monotonic() + (float(request[-1]) if request else 0.0)


def _signal_group(child: int, number: int) -> None:
    try:
        os.killpg(child, number)
    except OSError:  # it has ended
        pass


def _kill_descendants(child: int) -> None:
    """Kills the command's remaining processes: first its process group, then the orphans that became our children."""
    _signal_group(child, signal.SIGKILL)
    until = time.monotonic() + _KILL_SECONDS
    while time.monotonic() < until:  # a process that switched user, as with sudo, cannot be killed
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid:
            continue
        for orphan in _children():
            try:
                os.kill(orphan, signal.SIGKILL)
            except OSError:  # as above
                pass
        time.sleep(0.001)


def _children() -> list[int]:
    """Returns our children's PIDs. A killed child's children become ours, so one generation at a time suffices."""
    found = []
    for name in os.listdir("/proc") if os.path.isdir("/proc") else []:
        if not name.isdecimal():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as stat:
                # The second field is the program's name in parentheses, which may contain anything: count from its end.
                parent = int(stat.read().rpartition(b")")[2].split()[1])
        except OSError:  # it has ended
            continue
        if parent == os.getpid():
            found.append(int(name))
    return found


def _exec(plan: dict[str, Any], init: int) -> NoReturn:
    """Replaces the child with the command."""
    try:
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        if plan["isolated"]:
            namespaces.drop_privileges()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != init:
            os._exit(_CANNOT_START)
        os.chdir(plan["cwd"])
        os.execvp(plan["command"][0], plan["command"])  # noqa: S606 - running the job's command is the purpose
    except BaseException as error:  # noqa: BLE001 - a forked child must never unwind into its parent's code
        _cannot_start(plan, error)
    finally:
        os._exit(_CANNOT_START)


def _prctl(option: int, value: int) -> None:
    """Calls prctl on Linux; other systems can only track the process group."""
    if sys.platform == "linux":
        namespaces.call("prctl", option, value, 0, 0, 0)
