"""Isolates a job with the kernel's namespaces, a separate root file system and dropped privileges.

``launcher`` calls ``create`` in its own process, ``change_root`` in the first process of the new PID namespace, and
``drop_privileges`` in the command's process. ``mounts`` decides what the new root shows. All functions raise OSError if
a system call fails.

Imports only the standard library: see ``launcher``.
"""

# ruff: noqa: PTH103, PTH110, PTH112, PTH120, PTH123, PTH211

from __future__ import annotations

import ctypes
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

# linux/sched.h, linux/mount.h, linux/prctl.h, linux/capability.h
_NEWNS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = 0x00020000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
_MNT_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE, _MOUNT_ATTR_RDONLY = -100, 0x8000, 1
_SYS_MOUNT_SETATTR = 442
"""The same number on all architectures that Python supports; glibc has a wrapper only since 2.36."""
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_SET_DUMPABLE = 24, 38, 4
_KEPT_CAPABILITIES = {0, 1, 3, 4, 5, 6, 7, 10}
"""CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, NET_BIND_SERVICE: root's capabilities in a container,
without those that reach beyond it: mounts, devices, raw sockets, other users' processes."""

_IFF_UP, _SIOCSIFFLAGS = 1, 0x8914
_KERNEL_SETTINGS = ("sys", "sysrq-trigger")
"""Parts of ``/proc`` that root can write without any capability, such as the program that the host runs on a crash."""


def create(*, isolated: bool, offline: bool) -> None:
    """Creates namespaces and moves this process into them.

    Args:
        isolated: whether to create a PID namespace, for the children, and an IPC namespace.
        offline: whether to create a network namespace that has only a loopback interface.
    """
    _unshare(_NEWNS | (_NEWPID | _NEWIPC if isolated else 0) | (_NEWNET if offline else 0))
    if offline:
        _raise_loopback()


def change_root(root: str, mounts: Sequence[Sequence[str]], *, isolated: bool) -> None:
    """Builds a root file system and moves this process, which must have its own mount namespace, into it.

    Args:
        root: an empty folder for the new root.
        mounts: kind, source and target of each mount, in order. ``read`` and ``write`` bind the source at the target,
            ``read`` read-only; ``link`` creates a symbolic link to the source; ``folder`` creates an empty folder,
            ``memory`` a tmpfs; ``hide`` covers an existing folder with an empty one, ``protect`` makes an existing
            folder read-only.
        isolated: whether to make the root read-only, mount this PID namespace's ``/proc``, and prevent other processes
            from inspecting this one.
    """
    call("mount", None, b"/", None, _MS_REC | _MS_PRIVATE, None)
    _mount_tmpfs(root)
    for kind, source, target in mounts:
        _mount(kind, source, root + target)
    if isolated:
        _mount_proc(f"{root}/proc")
        for folder in (root, *(root + target for kind, _, target in mounts if kind == "hide")):
            if os.path.ismount(folder):
                _make_read_only(folder, recursive=False)
        call("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0)
    os.chdir(root)
    call("pivot_root", b".", b".")
    call("umount2", b".", _MNT_DETACH)
    os.chdir("/")


def drop_privileges() -> None:
    """Drops all capabilities except those of root in a container, and prevents gaining others."""
    call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    with open("/proc/sys/kernel/cap_last_cap") as last:
        for capability in set(range(int(last.read()) + 1)) - _KEPT_CAPABILITIES:
            call("prctl", _PR_CAPBSET_DROP, capability, 0, 0, 0)


def call(name: str, *arguments: Any) -> None:
    """Calls a function of the C library. Raises OSError, with the function's name, if it fails."""
    library = ctypes.CDLL(None, use_errno=True)
    # Flags are unsigned longs, but ctypes passes an int as a C int.
    if getattr(library, name)(*(ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _unshare(kinds: int) -> None:
    """Creates namespaces, within a user namespace unless the process is root and privileged to do without."""
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        try:
            call("unshare", kinds)
        except PermissionError:
            pass
        else:
            return
    call("unshare", kinds | _NEWUSER)
    # The user keeps their id: the kernel allows a one-line mapping, and a group mapping only if setgroups is denied.
    for name, line in (("setgroups", "deny"), ("gid_map", f"{group} {group} 1"), ("uid_map", f"{user} {user} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(line)


def _mount(kind: str, source: str, target: str) -> None:
    if kind == "hide":
        if os.path.isdir(target):
            _mount_tmpfs(target)
        return
    if kind == "protect":
        _bind(target, target)
        _make_read_only(target)
        return
    if kind == "read" and os.path.lexists(target):  # part of an earlier mount
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if kind == "link":
        os.symlink(source, target)
    elif kind in {"folder", "memory"} or os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    if kind in {"read", "write"}:
        _bind(source, target)
    if kind == "read":
        _make_read_only(target)
    if kind == "memory":
        _mount_tmpfs(target, mode="1777")


def _mount_proc(target: str) -> None:
    """Mounts ``/proc``. Must run before the old root is unmounted, while an unprivileged user may still do this."""
    call("mount", b"proc", os.fsencode(target), b"proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, None)
    for name in _KERNEL_SETTINGS:
        path = f"{target}/{name}"
        if os.path.exists(path):
            _bind(path, path)
            _make_read_only(path)


def _mount_tmpfs(target: str, mode: str = "0755") -> None:
    call("mount", b"tmpfs", os.fsencode(target), b"tmpfs", _MS_NOSUID | _MS_NODEV, f"mode={mode}".encode())


def _bind(source: str, target: str) -> None:
    call("mount", os.fsencode(source), os.fsencode(target), None, _MS_BIND | _MS_REC, None)


def _make_read_only(target: str, *, recursive: bool = True) -> None:
    """Makes a mount, and by default those below it, read-only, keeping their other flags."""
    attributes = (ctypes.c_uint64 * 4)(_MOUNT_ATTR_RDONLY, 0, 0, 0)
    flags = _AT_RECURSIVE if recursive else 0
    path = os.fsencode(target)
    call("syscall", _SYS_MOUNT_SETATTR, _AT_FDCWD, path, flags, ctypes.byref(attributes), ctypes.sizeof(attributes))


def _raise_loopback() -> None:
    import fcntl  # noqa: PLC0415 - few jobs need this
    import socket  # noqa: PLC0415 - as above
    import struct  # noqa: PLC0415 - as above

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
