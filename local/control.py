"""How a run has the environment that is up bring itself up to date: two orders, by HTTP on the loopback.

Each order is a POST with the environment's token, which lies in a file that only its owner may read: a page in a
browser can reach the port, but has no business there.
"""

import json
import secrets
import threading
import traceback
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

from local.connection import DIRECT
from local.errors import LocalError
from local.state import State

_TIMEOUT = 600.0
_REFUSED = 409

Order = Callable[[dict[str, Any]], None]


@contextmanager
def served(orders: dict[str, Order], *, token: str) -> Iterator[str]:
    """Serves orders while the context lasts; gives the URL.

    Args:
        orders: by name; one that raises LocalError is refused with its message.
        token: what a caller must send along.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            given = self.headers.get("Authorization", "")
            order = orders.get(self.path.removeprefix("/"))
            if order is None or not secrets.compare_digest(given, f"Bearer {token}"):
                self._answer(404, "there is no such order, or the token is wrong")
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                order(json.loads(body))
            except LocalError as error:
                self._answer(_REFUSED, str(error))
            except Exception as error:  # noqa: BLE001 - whoever waits for the answer must get one
                traceback.print_exc()
                self._answer(500, f"{type(error).__name__}: {error}")
            else:
                self._answer(200, "")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Says nothing: orders are answered, and faults are in the log."""

        def _answer(self, status: int, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def give_order(state: State, name: str, **parameters: str | None) -> None:
    """Gives an order to an environment and waits until it is carried out.

    Raises:
        LocalError: it could not be, or the environment has ended meanwhile.
    """
    request = urllib.request.Request(  # noqa: S310 - a URL of the loopback that we have written ourselves
        f"{state.control}/{name}",
        data=json.dumps(parameters).encode(),
        headers={"Authorization": f"Bearer {state.token}"},
        method="POST",
    )
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
