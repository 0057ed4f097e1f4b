"""Connects the debugger in a job with the terminal of this process."""

import hmac
import secrets
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

_KEY_BYTES = 16
_CHUNK = 4096


@contextmanager
def terminal(given: IO[str] | None = None, shown: IO[str] | None = None) -> Iterator[dict[str, str]]:
    """Yields the variables with which ``job_debugger`` finds this process and proves that it may.

    Args:
        given: what the person types; None for standard input.
        shown: what the debugger prints; None for standard output.
    """
    key = secrets.token_hex(_KEY_BYTES)
    with socket.create_server(("127.0.0.1", 0)) as server:
        arguments = (server, key, given or sys.stdin, shown or sys.stdout)
        threading.Thread(target=_serve, args=arguments, daemon=True).start()
        yield {"MLOPS_DEBUG_PORT": str(server.getsockname()[1]), "MLOPS_DEBUG_KEY": key}


def _serve(server: socket.socket, key: str, given: IO[str], shown: IO[str]) -> None:
    with suppress(OSError):  # closed
        while True:
            connection, _ = server.accept()
            with connection:
                if hmac.compare_digest(_line(connection), key.encode()):
                    threading.Thread(target=_send, args=(connection, given), daemon=True).start()
                    _show(connection, shown)


def _line(connection: socket.socket) -> bytes:
    """The first line, byte by byte, so that nothing after it is read."""
    line = b""
    while len(line) < _CHUNK and (byte := connection.recv(1)) not in {b"", b"\n"}:
        line += byte
    return line


def _show(connection: socket.socket, shown: IO[str]) -> None:
    while text := connection.recv(_CHUNK):
        shown.write(text.decode("utf-8", "replace"))
        shown.flush()


def _send(connection: socket.socket, given: IO[str]) -> None:
    with suppress(OSError):  # the job has ended
        for line in given:
            connection.sendall(line.encode())
        connection.shutdown(socket.SHUT_WR)
