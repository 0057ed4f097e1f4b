"""The guard of the emulator's port."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypercorn.asyncio import run as hypercorn_run
from hypercorn.asyncio import serve
from hypercorn.config import Config

from local import emulator_guard
from local.emulator_guard import BoundedTCPServer, Guarded, Message, Receive, Scope, Send
from local.file_bodies import HEADER, LEAST, header_of
from sagemaker_local.guard import job_key

KEY = b"LOCALKEY"
OWN = [(b"host", b"127.0.0.1:4566"), (b"authorization", b"Bearer " + KEY)]


class Application:
    """An application that reads the whole body and allows every origin to read its response."""

    def __init__(self) -> None:
        self.bodies: list[bytes | None] = []

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.bodies.append(None)
                return
            body += message["body"]
            if not message["more_body"]:
                break
        self.bodies.append(body)
        headers = [(b"Access-Control-Allow-Origin", b"*"), (b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def application() -> Application:
    """An application behind the guard."""
    return Application()


def request(
    application: Application,
    *headers: tuple[bytes, bytes],
    body: Iterable[bytes | None] = (b"",),
    kind: str = "http",
    path: str = "/",
) -> list[Message]:
    """Sends a request and returns the response; None in the body means that the client stalls."""
    sent: list[Message] = []
    chunks = list(body)

    async def receive() -> Message:
        chunk = chunks.pop(0)
        if chunk is None:
            await asyncio.sleep(60)
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

    async def send(message: Message) -> None:
        sent.append(message)

    guarded = Guarded(
        application,
        port=4566,
        key=KEY.decode(),
        issued=lambda _: False,
        handed_out=lambda method, path: (method, path) == ("PUT", "/answer/token"),
        open_to_jobs=lambda scope, _: scope["path"] == "/bucket/key",
    )
    scope: dict[str, Any] = {"type": kind, "path": path, "query_string": b"", "headers": list(headers)}
    asyncio.run(guarded(scope | ({"method": "PUT"} if kind == "http" else {}), receive, send))
    return sent


def test_response_is_not_shared_with_origins(application: Application) -> None:
    """The application's response is passed on without the headers that let web pages read it."""
    start, body = request(application, *OWN, body=[b"a", b"b"])
    assert (start["status"], start["headers"]) == (200, [(b"content-type", b"text/plain")])
    assert body["body"] == b"ab"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (b"application/x-amz-json-1.1", b'{"__type": "UnrecognizedClientException", "message": '),
        (b"application/x-www-form-urlencoded", b"<ErrorResponse><Error><Code>UnrecognizedClientException</Code>"),
    ],
)
def test_rejected_request(application: Application, content_type: bytes, body: bytes) -> None:
    """A rejected request does not reach the application; the client gets the reason in its own protocol."""
    start, content = request(application, OWN[0], (b"content-type", content_type))
    assert start["status"] == 403
    assert dict(start["headers"])[b"x-amzn-errortype"] == b"UnrecognizedClientException"
    assert content["body"].startswith(body)
    assert application.bodies == []


def test_websockets(application: Application) -> None:
    """Websockets of web pages, to which browsers apply no same-origin policy, are rejected."""
    assert request(application, *OWN, (b"origin", b"http://evil.example"), kind="websocket") == [
        {"type": "websocket.close", "code": 1008}
    ]
    assert application.bodies == []


def test_secret_urls(application: Application) -> None:
    """A URL that the emulator handed out needs no key, but only that path, and not from web pages."""
    assert request(application, OWN[0], path="/answer/token")[0]["status"] == 200
    assert request(application, OWN[0], path="/answer/other")[0]["status"] == 403
    assert request(application, (b"host", b"evil.example"), path="/answer/token")[0]["status"] == 403
    assert request(application, OWN[0], (b"origin", b"null"), path="/answer/token")[0]["status"] == 403


def test_key_of_jobs_is_for_their_services_only(application: Application) -> None:
    """The jobs' key gives access to services that are open to jobs, and to no others."""
    bearer = (b"authorization", f"Bearer {job_key(KEY.decode())}".encode())
    assert request(application, OWN[0], bearer, path="/bucket/key")[0]["status"] == 200
    assert request(application, OWN[0], bearer, path="/functions")[0]["status"] == 403
    assert request(application, OWN[0], bearer, path="/answer/token")[0]["status"] == 403
    assert request(application, (b"host", b"evil.example"), bearer, path="/bucket/key")[0]["status"] == 403


def test_file_of_the_environment_as_body(application: Application, tmp_path: Path) -> None:
    """The application receives the file that the header names, if the header has the secret that jobs do not know."""
    with named_file(tmp_path, KEY.decode()) as header:
        assert request(application, *OWN, (b"content-length", b"0"), header)[0]["status"] == 200
    with named_file(tmp_path, job_key(KEY.decode())) as header:
        assert request(application, *OWN, header, body=[b"as sent"])[0]["status"] == 200
    assert application.bodies == [b"content" * LEAST, b"as sent"]


def test_file_that_is_not_open_is_named(application: Application, tmp_path: Path) -> None:
    """A request whose file is closed, or another one by now, is rejected with the reason."""
    with named_file(tmp_path, KEY.decode()) as header:
        pass
    assert b"the body's file cannot be read" in request(application, *OWN, header)[1]["body"]
    with named_file(tmp_path, KEY.decode()) as (name, value):
        start, content = request(application, *OWN, (name, value + b"0"))
    assert (start["status"], application.bodies) == (400, [])
    assert b"no longer has it open" in content["body"]


@contextlib.contextmanager
def named_file(folder: Path, key: str) -> Iterator[tuple[bytes, bytes]]:
    """A client's header for an open file, which is open while the context is active."""
    file = folder / "file"
    file.write_bytes(b"content" * LEAST)
    with file.open("rb") as opened:
        yield HEADER.encode(), str(header_of(opened, key)).encode()


def test_body_is_bounded(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body with too large a Content-Length is rejected; one that becomes too large, or stalls, is cut off."""
    monkeypatch.setattr(emulator_guard, "BODY_BYTES", 10)
    monkeypatch.setattr(emulator_guard, "BODY_SECONDS", 0.05)
    assert request(application, *OWN, (b"content-length", b"11"))[0]["status"] == 413
    assert application.bodies == []
    assert request(application, *OWN, body=[b"123456", b"123456"]) == []
    assert request(application, *OWN, body=[b"1", None]) == []
    assert application.bodies == [None, None]
    assert request(application, *OWN, body=[b"1234567890"])[0]["status"] == 200


def test_connections_are_limited(monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]) -> None:
    """Connections over the limit are closed without a response; once one closes, another is accepted."""
    monkeypatch.setattr(emulator_guard, "CONNECTIONS", 2)
    monkeypatch.setattr(hypercorn_run, "TCPServer", BoundedTCPServer)
    config = Config()
    config.bind = [f"127.0.0.1:{free_port()}"]
    assert asyncio.run(connections(config)) == [True, True, False, True]


async def connections(config: Config) -> list[bool]:
    """Whether three connections get responses, and a fourth after the first is closed."""
    end = asyncio.Event()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            await receive()
            await send({"type": "lifespan.startup.complete"})

    serving = asyncio.create_task(serve(application, config, shutdown_trigger=end.wait))  # type: ignore[arg-type] # a plain one
    host, _, port = config.bind[0].partition(":")
    opened: list[asyncio.StreamWriter] = []

    async def answered() -> bool:
        reader, writer = await asyncio.open_connection(host, int(port))
        opened.append(writer)
        try:
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            return (await reader.readline()).startswith(b"HTTP/1.1 200")
        except ConnectionError:
            return False

    async def eventually() -> bool:
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                if await answered():
                    return True
            await asyncio.sleep(0.02)

    async with asyncio.timeout(20):
        seen = [await eventually(), await answered(), await answered()]
        opened[0].close()
        seen.append(await eventually())
    for writer in opened:
        writer.close()
    end.set()
    await serving
    return seen
