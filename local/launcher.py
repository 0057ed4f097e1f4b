"""The first process of a job: makes the container's view of the files, starts the command, leaves nothing behind.

Run as a program of its own (``python -I -S launcher.py PLAN``) so that it starts in milliseconds and so that a job's
memory is measured from a small process, not from ours. In order:

1. It becomes the reaper of all its descendants, so that a daemon which a script starts stays within reach.
2. It forks. The child leaves for a mount namespace of its own, mounts the job's folder at ``/opt/ml``, puts every other
   entry of ``/opt`` back, and becomes the command.
3. It waits for the command's end and for its standard input: a line there is the order to stop, with the seconds of
   grace; the end of file means that whoever started it has died, however that happened.
4. It kills whatever is left and writes how the command ended, as JSON, to the status descriptor.

It imports nothing but the standard library and nothing from this package.
"""

# pathlib would take longer to import than all else here.
# ruff: noqa: PTH102, PTH112, PTH115, PTH123, PTH208, PTH211

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import time
from typing import Any, NoReturn

# linux/sched.h, linux/mount.h, linux/prctl.h
_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36

_MOUNT_POINT = "/opt/ml"
_CANNOT_START = 127
_PATIENCE = 5.0


def main(plan: dict[str, Any]) -> None:
    """Runs the command of a plan and reports how it ended.

    Args:
        plan: ``command`` (list of strings), ``cwd``, ``ml`` (the folder to see at /opt/ml), ``view`` (``mount``,
            ``user`` or ``prefix``, see ``local.views``) and ``status`` (a file descriptor).
    """
    os.set_inheritable(plan["status"], False)  # noqa: FBT003 - the library takes it by position only
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    wake, wake_writer = os.pipe()
    os.set_blocking(wake_writer, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_writer)
    started = time.monotonic()
    launcher = os.getpid()
    child = os.fork()
    if child == 0:
        _become(plan, launcher)
    with contextlib.suppress(OSError):
        os.setpgid(child, child)
    code, memory = _attend(child, wake)
    seconds = time.monotonic() - started
    _kill_descendants(child)
    report = {"code": code, "seconds": seconds, "memory": memory}
    with contextlib.suppress(OSError):  # nobody is left to read it when we run because our parent died
        os.write(plan["status"], json.dumps(report).encode())


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


def _become(plan: dict[str, Any], launcher: int) -> NoReturn:
    """In the child: takes the container's view and turns into the command. Never returns."""
    try:
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        if plan["view"] != "prefix":
            _enter(plan["ml"], as_user=plan["view"] == "user")
        # Only now: a change of credentials, as entering a user namespace is one, clears it.
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != launcher:
            os._exit(_CANNOT_START)
        os.chdir(plan["cwd"])
        os.execvp(plan["command"][0], plan["command"])  # noqa: S606 - running the job's command is the purpose
    except BaseException as error:  # noqa: BLE001 - a forked child must never unwind into its parent's code
        os.write(2, f"{plan['command'][0]}: {error}\n".encode())
    finally:
        os._exit(_CANNOT_START)


def _enter(folder: str, *, as_user: bool) -> None:
    """Leaves for a mount namespace in which ``folder`` is ``/opt/ml`` and the rest of ``/opt`` is as it was."""
    user, group = os.getuid(), os.getgid()
    _call("unshare", _CLONE_NEWNS | (_CLONE_NEWUSER if as_user else 0))
    if as_user:
        # A user keeps their own id; the kernel allows one line, and the group only once setgroups is denied.
        for name, line in (("setgroups", "deny"), ("gid_map", f"{group} {group} 1"), ("uid_map", f"{user} {user} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(line)
    _call("mount", None, b"/", None, _MS_REC | _MS_PRIVATE, None)
    source = os.open(folder, os.O_PATH)
    if not os.path.isdir(_MOUNT_POINT):
        _cover_opt()
    _bind(source, _MOUNT_POINT)


def _cover_opt() -> None:
    """Puts an empty file system over ``/opt``, every entry of the old one back into it, and ``ml`` beside them.

    The entries are held open beforehand: once covered, they have no path any more.
    """
    old = [(entry.name, entry.is_symlink(), entry.is_dir()) for entry in os.scandir("/opt")]
    held = {name: os.open(f"/opt/{name}", os.O_PATH) for name, link, _ in old if not link}
    links = {name: os.readlink(f"/opt/{name}") for name, link, _ in old if link}
    _call("mount", b"tmpfs", b"/opt", b"tmpfs", _MS_NOSUID | _MS_NODEV, b"mode=0755")
    for name, _, folder in old:
        target = f"/opt/{name}"
        if name in links:
            os.symlink(links[name], target)
            continue
        if folder:
            os.mkdir(target)
        else:
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY))
        _bind(held[name], target)
    os.mkdir(_MOUNT_POINT)


def _bind(source: int, target: str) -> None:
    _call("mount", f"/proc/self/fd/{source}".encode(), target.encode(), None, _MS_BIND | _MS_REC, None)
    os.close(source)


def _call(name: str, *arguments: Any) -> None:
    """Calls a function of the C library. Raises OSError with its name where it fails."""
    library = ctypes.CDLL(None, use_errno=True)
    # Flags are unsigned longs, which a plain int would not be.
    if getattr(library, name)(*(ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _prctl(option: int, value: int) -> None:
    """Linux only: elsewhere the process group is all there is to hold on to."""
    if sys.platform == "linux":
        _call("prctl", option, value, 0, 0, 0)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
