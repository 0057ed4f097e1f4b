"""Lets a run send commands to a running environment, such as to deploy again, by HTTP on the loopback interface.

Each command is a POST with the environment's key; see ``sagemaker_local.guard``.
"""

import json
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

from local.connection import DIRECT, authorized
from local.errors import LocalError
from local.state import State
from sagemaker_local.loopback import RequestHandler, Server

_TIMEOUT = 600.0
_REJECTED = 409

Command = Callable[[dict[str, Any]], None]


@contextmanager
def serve_commands(commands: dict[str, Command], *, key: str) -> Iterator[str]:
    """Serves commands while the context is active; yields the URL.

    Args:
        commands: the commands by name; one that raises LocalError is rejected with its message.
        key: the key that requests must carry.
    """

    class Commands(_CommandRequests):
        known = commands

    server = Server(Commands, key=key)
    try:
        yield server.url
    finally:
        server.close()


def send_command(state: State, name: str, **parameters: str | None) -> None:
    """Sends a command to an environment and waits until it is done.

    Raises:
        LocalError: the command failed, or the environment has ended.
    """
    request = authorized(f"{state.control}/{name}", state.key, data=json.dumps(parameters).encode())
    try:
        with DIRECT.open(request, timeout=_TIMEOUT):
            return
    except HTTPError as error:
        with error:
            reason = error.read().decode(errors="replace")
        prefix = "" if error.code == _REJECTED else f"the environment could not {name}; its log: {state.log}; "
        raise LocalError(prefix + reason) from error
    except (URLError, HTTPException, OSError) as error:
        raise LocalError(f"the environment has ended; its log: {state.log}; check it: mlops local status") from error


def path_of(parameters: dict[str, Any], name: str) -> Path | None:
    """Returns a parameter that is a path or null."""
    return None if parameters.get(name) is None else Path(parameters[name])


class _CommandRequests(RequestHandler):
    known: dict[str, Command]

    def answer(self, body: bytes) -> None:
        command = self.known.get(self.path.removeprefix("/"))
        if command is None or self.command != "POST":
            self.reply(404, b"no such command", {})
            return
        try:
            command(json.loads(body))
        except LocalError as error:
            self.reply(_REJECTED, str(error).encode(), {})
        except Exception as error:  # noqa: BLE001 - the caller waits for a response
            traceback.print_exc()
            self.reply(500, f"{type(error).__name__}: {error}".encode(), {})
        else:
            self.reply(200, b"", {})
