"""Lets the emulator read large uploads from the client's open file, so that they need not travel over HTTP.

A client's PUT then has no body, but a header with the client's process, the file's descriptor and its identity. Even if
something else takes the file's place in its folder, the emulator reads what the client opened. The header also carries
a secret, which jobs do not know: otherwise they could read files outside their isolation.

Where the emulator cannot open the client's files, as under some security modules, the client sends them instead.
"""

import os
from pathlib import Path
from typing import Any

from sagemaker_local.guard import derived, same

HEADER = "x-local-file"
UNREADABLE = "UnreadableLocalFile"
"""The error's code if the emulator cannot read the file."""
LEAST = 1 << 20
"""The size in bytes from which a file is read directly."""


def send_files(s3: Any, key: str) -> None:
    """Makes a client of the emulator's S3 name large files instead of sending them, if the emulator can read them.

    Args:
        s3: a boto3 client.
        key: the environment's key.
    """
    readable = Path("/proc/self/fd").is_dir()

    def name_file(params: dict[str, Any], **_: Any) -> None:
        header = header_of(params["body"], key) if readable else None
        if header:
            params["context"][HEADER] = params["body"]
            params["headers"][HEADER] = header
            params["body"] = b""

    def send_unreadable(request_dict: dict[str, Any], response: Any, **_: Any) -> int | None:
        """Has botocore retry immediately, this time sending the file."""
        nonlocal readable
        answer = response[1] if response else {}
        if answer.get("Error", {}).get("Code") != UNREADABLE:
            return None
        readable = False
        request_dict["body"] = request_dict["context"].pop(HEADER)
        del request_dict["headers"][HEADER]
        return 0

    s3.meta.events.register("before-call.s3.PutObject", name_file)
    s3.meta.events.register("needs-retry.s3.PutObject", send_unreadable)


def header_of(body: Any, key: str) -> str | None:
    """Returns the header's value for a request's body; None if the body is not a large file, from its start.

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


def content_of(header: str, key: str) -> bytes | None:
    """Returns the content of the file that a request's header names; None if the header lacks the secret.

    Args:
        header: the header's value.
        key: the environment's key.

    Raises:
        OSError: the file cannot be read.
    """
    secret, _, file = header.partition("/")
    if not same(secret, _secret(key)):
        return None
    process, descriptor, device, inode = map(int, file.split("/"))
    # Without O_NONBLOCK, the emulator would hang if the descriptor were a pipe's by now.
    opened = os.open(f"/proc/{process}/fd/{descriptor}", os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(opened, "rb", buffering=0) as named:
        status = os.fstat(opened)
        if (status.st_dev, status.st_ino) != (device, inode):
            raise FileNotFoundError(f"process {process} no longer has it open")
        return named.read()


def _secret(key: str) -> str:
    return derived(key, "files")
