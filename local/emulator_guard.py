"""Guards the emulator's port: rejects requests that ``sagemaker_local.guard`` rejects, and limits all others.

The emulator itself answers anybody, with ``Access-Control-Allow-Origin: *``. It never sees a rejected request, and its
responses are stripped of headers that would let a web page read them.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from xml.sax.saxutils import escape

from hypercorn.asyncio.tcp_server import TCPServer

from local.file_bodies import HEADER, UNREADABLE, content_of
from sagemaker_local.guard import UNKNOWN_KEY, Credentials, Rejection, job_key, rejection, same

BODY_BYTES = 5 * 1024**3
"""The maximum size of a PUT to S3 (https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html)."""
BODY_SECONDS = 30.0
"""The longest pause within a body; a client that sends nothing for longer has stalled."""
CONNECTIONS = 1024
"""The maximum number of open connections: four times those of one of our boto3 clients, well below file limits."""

Message = dict[str, Any]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Guarded:
    """An ASGI application behind the guard.

    Args:
        app: the application.
        port: the port that it is served on.
        key: the key that requests must carry.
        issued: whether the application itself issued these credentials.
        handed_out: whether the application handed out this method and path as a secret URL.
        open_to_jobs: whether a request, given its scope and headers, is for a service that jobs may use with their key.
    """

    def __init__(
        self,
        app: App,
        *,
        port: int,
        key: str,
        issued: Callable[[Credentials], bool],
        handed_out: Callable[[str, str], bool],
        open_to_jobs: Callable[[Scope, dict[str, str]], bool],
    ) -> None:
        self._app = app
        self._port = port
        self._key = key
        self._issued = issued
        self._handed_out = handed_out
        self._job_key = job_key(key)
        self._open_to_jobs = open_to_jobs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification (https://asgi.readthedocs.io/en/stable/specs/main.html)."""
        if scope["type"] not in ("http", "websocket"):  # startup and shutdown of the server
            await self._app(scope, receive, send)
            return
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        rejected = self._rejection(scope, headers)
        named = dict(headers).get(HEADER)
        if rejected is None and named:
            try:
                content = content_of(named, self._key)
            except OSError as error:
                rejected = Rejection(UNREADABLE, f"the body's file cannot be read: {error}", status=400)
            else:
                if content is not None:
                    scope, receive = _with_body(scope, content)
        if rejected is None:
            await self._app(scope, _bounded(receive), _unshared(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _reject(send, rejected, dict(headers))

    def _rejection(self, scope: Scope, headers: list[tuple[str, str]]) -> Rejection | None:
        def accepted(shown: Credentials) -> bool:
            if same(shown.key, self._job_key):
                return scope["type"] == "http" and self._open_to_jobs(scope, dict(headers))
            return self._issued(shown) or self._handed_out(scope.get("method", ""), scope["path"])

        query = scope["query_string"].decode("latin-1")
        rejected = rejection(headers, query, port=self._port, key=self._key, issued=accepted)
        if rejected is None and any(name == "content-length" and _size(value) > BODY_BYTES for name, value in headers):
            return Rejection("EntityTooLarge", f"the body has more than {BODY_BYTES:,} bytes", status=413)
        if rejected and rejected.code == UNKNOWN_KEY:
            return replace(rejected, message=f'{rejected.message}; the key, for a shell: eval "$(mlops local env)"')
        return rejected


class BoundedTCPServer(TCPServer):
    """A connection to hypercorn, closed without a response if too many are open."""

    _open = 0

    async def run(self) -> None:
        """Serves the connection to its end."""
        if BoundedTCPServer._open >= CONNECTIONS:
            self.writer.close()
            return
        BoundedTCPServer._open += 1
        try:
            await super().run()
        finally:
            BoundedTCPServer._open -= 1


def _with_body(scope: Scope, body: bytes) -> tuple[Scope, Receive]:
    """Gives a request the content of the file that it names as its body."""
    replaced = (HEADER.encode(), b"content-length")
    headers = [(name, value) for name, value in scope["headers"] if name not in replaced]
    headers.append((b"content-length", str(len(body)).encode()))

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return scope | {"headers": headers}, receive


def _bounded(receive: Receive) -> Receive:
    """Passes messages on; treats a body that stalls or is too large as a disconnect of the client."""
    size = 0
    in_body = True

    async def bounded() -> Message:
        nonlocal size, in_body
        if not in_body:  # the next message is the disconnect, and the response may take long
            return await receive()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                message = await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        size += len(message.get("body", b""))
        in_body = bool(message.get("more_body", False))
        return message if size <= BODY_BYTES else {"type": "http.disconnect"}

    return bounded


def _unshared(send: Send) -> Send:
    """Passes the response on, without headers that let other origins read it."""

    async def unshared(message: Message) -> None:
        if "headers" in message:
            kept = [(name, value) for name, value in message["headers"] if not _shares(name)]
            message = message | {"headers": kept}
        await send(message)

    return unshared


def _shares(name: bytes) -> bool:
    return name.lower().startswith(b"access-control-")


async def _reject(send: Send, rejected: Rejection, headers: dict[str, str]) -> None:
    """Responds in the client's protocol, so that an SDK raises the error by its name."""
    if "json" in headers.get("content-type", ""):
        kind, body = "application/x-amz-json-1.1", json.dumps({"__type": rejected.code, "message": rejected.message})
    else:
        kind = "text/xml"
        error = f"<Error><Code>{rejected.code}</Code><Message>{escape(rejected.message)}</Message></Error>"
        body = f"<ErrorResponse>{error}</ErrorResponse>"
    content = body.encode()
    fields = {
        "content-type": kind,
        "content-length": str(len(content)),
        "x-amzn-errortype": rejected.code,
    }
    raw = [(name.encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": rejected.status, "headers": raw})
    await send({"type": "http.response.body", "body": content})


def _size(text: str) -> int:
    return int(text) if text.isdecimal() else 0
