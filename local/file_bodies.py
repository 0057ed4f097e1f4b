"""Lets the emulator read large uploads from the client's open file, so that they need not travel over HTTP.

A client's PUT then has no body, but a header with the client's process, the file's descriptor and its identity. Even if
something else takes the file's place in its folder, the emulator reads what the client opened. The header also carries
a secret, which jobs do not know: otherwise they could read files outside their isolation.

Where the emulator cannot open the client's files, such as under some security modules, the client sends them after all.
"""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sagemaker_local.guard import derived, same

HEADER = "x-local-file"
UNREADABLE = "UnreadableLocalFile"
"""The error's code if the emulator cannot read the file."""
LEAST = 1 << 20
"""The size in bytes from which a file is read directly."""

Message = dict[str, Any]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]


def send_files(s3: Any, key: str) -> None:
    """Makes a client of the emulator's S3 name large files instead of sending them, if the emulator can read them.

    Args:
        s3: a boto3 client.
        key: the environment's key.
    """
    readable = Path("/proc/self/fd").is_dir()

    def name_file(params: dict[str, Any], **_: Any) -> None:
        named = file_name(params["body"], key) if readable else None
        if named:
            params["context"][HEADER] = params["body"]
            params["headers"][HEADER] = named
            params["body"] = b""

    def send_unreadable(request_dict: dict[str, Any], response: Any, **_: Any) -> int | None:
        """Makes botocore repeat a request, now with the file, after no delay."""
        nonlocal readable
        if response is None or response[1].get("Error", {}).get("Code") != UNREADABLE:
            return None
        readable = False
        request_dict["body"] = request_dict["context"].pop(HEADER)
        del request_dict["headers"][HEADER]
        return 0

    s3.meta.events.register("before-call.s3.PutObject", name_file)
    s3.meta.events.register("needs-retry.s3.PutObject", send_unreadable)


def file_name(body: Any, key: str) -> str | None:
    """Returns the header's value for a request's body; None if that is not a large file, from its start.

    Args:
        body: an open file, or anything else.
        key: the environment's key.
    """
    try:
        descriptor, start = body.fileno(), body.tell()
    except (AttributeError, OSError):  # it is not a file
        return None
    status = os.fstat(descriptor)
    if start or status.st_size < LEAST:
        return None
    return f"{_secret(key)}/{os.getpid()}/{descriptor}/{status.st_dev}/{status.st_ino}"


def with_file(scope: Scope, receive: Receive, key: str) -> tuple[Scope, Receive]:
    """Returns an ASGI request with the file that it names as its body; unchanged if it names none, or lacks the secret.

    Args:
        scope: the request's.
        receive: the function that receives its body.
        key: the environment's key.

    Raises:
        OSError: the file cannot be read.
    """
    named = dict(scope["headers"]).get(HEADER.encode(), b"").decode("latin-1")
    secret, _, file = named.partition("/")
    if not same(secret, _secret(key)):
        return scope, receive
    content = _read(*map(int, file.split("/")))
    headers = [(name, value) for name, value in scope["headers"] if name not in (HEADER.encode(), b"content-length")]
    headers.append((b"content-length", str(len(content)).encode()))

    async def receive_file() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    return scope | {"headers": headers}, receive_file


def _read(process: int, descriptor: int, device: int, inode: int) -> bytes:
    # Without O_NONBLOCK, the emulator would hang if the descriptor were a pipe's by now.
    opened = os.open(f"/proc/{process}/fd/{descriptor}", os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(opened, "rb", buffering=0) as file:
        status = os.fstat(opened)
        if (status.st_dev, status.st_ino) != (device, inode):
            raise FileNotFoundError(f"process {process} no longer has it open")
        return file.read()


def _secret(key: str) -> str:
    return derived(key, "files")
