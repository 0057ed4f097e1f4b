"""How a run has the environment that is up bring itself up to date: two commands, by HTTP on the loopback.

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
_REFUSED = 409

Command = Callable[[dict[str, Any]], None]


@contextmanager
def serve_commands(commands: dict[str, Command], *, key: str) -> Iterator[str]:
    """Serves commands while the context lasts; gives the URL.

    Args:
        commands: by name; one that raises LocalError is refused with its message.
        key: what a caller must send along.
    """

    class Commands(_CommandRequests):
        known = commands

    server = Server(Commands, key=key)
    try:
        yield server.url
    finally:
        server.close()


def send_command(state: State, name: str, **parameters: str | None) -> None:
    """Gives a command to an environment and waits until it is carried out.

    Raises:
        LocalError: it could not be, or the environment has ended meanwhile.
    """
    request = authorized(f"{state.control}/{name}", state.key, data=json.dumps(parameters).encode())
    try:
        with DIRECT.open(request, timeout=_TIMEOUT):
            return
    except HTTPError as error:
        reason = error.read().decode(errors="replace")
        prefix = "" if error.code == _REFUSED else f"the environment could not {name}; its log: {state.log}; "
        raise LocalError(prefix + reason) from error
    except (URLError, HTTPException, OSError) as error:
        raise LocalError(f"the environment has ended; its log: {state.log}; mlops local status says more") from error


def path_of(parameters: dict[str, Any], name: str) -> Path | None:
    """A parameter that is a path or null."""
    return None if parameters.get(name) is None else Path(parameters[name])


class _CommandRequests(RequestHandler):
    known: dict[str, Command]

    def answer(self, body: bytes) -> None:
        command = self.known.get(self.path.removeprefix("/"))
        if command is None or self.command != "POST":
            self.reply(404, b"there is no such command", {})
            return
        try:
            command(json.loads(body))
        except LocalError as error:
            self.reply(_REFUSED, str(error).encode(), {})
        except Exception as error:  # noqa: BLE001 - whoever waits for the answer must get one
            traceback.print_exc()
            self.reply(500, f"{type(error).__name__}: {error}".encode(), {})
        else:
            self.reply(200, b"", {})
