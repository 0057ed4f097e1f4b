"""A package index on the loopback interface that has a later release of every locked package."""

import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

PROJECT = Path(__file__).parent.parent.parent
LOCKS = [PROJECT / "requirements.txt", *sorted((PROJECT / "requirements").glob("*.txt"))]
WHEELS = PROJECT / ".venv-clients" / "wheels"
LATER = "9999.0"

_BLOCK = re.compile(r"^(\S.*?==.+?) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)


class Pin(NamedTuple):
    """One package of a lock."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name in canonical form."""
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        """The locked version."""
        return str(self.requirement.specifier).removeprefix("==")

    @property
    def applies(self) -> bool:
        """Whether this machine needs it."""
        return self.requirement.marker is None or self.requirement.marker.evaluate()


def pins(lock: Path) -> list[Pin]:
    """Returns the pins of a lock. Raises AssertionError for lines that are neither a pin nor a hash."""
    text = lock.read_text()
    rest = _BLOCK.sub("", text)
    assert not rest.strip(), f"{lock.name} has lines that are neither a pin nor a hash: {rest[:200]}"
    return [
        Pin(Requirement(requirement), tuple(re.findall(r"sha256:([0-9a-f]{64})", hashes)))
        for requirement, hashes in _BLOCK.findall(text)
    ]


def applicable(lock: Path) -> set[tuple[str, str]]:
    """Names and versions in a lock that apply to this machine."""
    return {(pin.name, pin.version) for pin in pins(lock) if pin.applies}


class PackageIndex:
    """A package index that records its requests.

    Args:
        locks: the locks whose packages it has, in the locked version and in a later one.
        wheels: whether it has the wheels that the set-up downloaded, or only their metadata.
    """

    def __init__(self, *locks: Path, wheels: bool = True) -> None:
        self.url = ""
        self.asked: list[str] = []
        self._files: dict[str, dict[str, str]] = {}
        for lock in locks:
            for pin in pins(lock):
                files = self._files.setdefault(pin.name, {})
                files[_wheel(pin.name, pin.version)] = pin.hashes[0]
                files[_wheel(pin.name, LATER)] = "0" * 64
        for wheel in WHEELS.glob("*.whl") if wheels else ():
            name, version, *_ = parse_wheel_filename(wheel.name)
            self._files.get(name, {}).pop(_wheel(name, str(version)), None)
            self._files.setdefault(name, {})[wheel.name] = ""

    def answer(self, path: str) -> bytes | None:
        """The content of a path; None if there is none."""
        self.asked.append(path)
        parent, _, last = path.strip("/").rpartition("/")
        if parent == "simple" and last in self._files:
            return "".join(_link(file, sha256) for file, sha256 in self._files[last].items()).encode()
        if last.endswith(".metadata"):
            name, version, *_ = parse_wheel_filename(last.removesuffix(".metadata"))
            return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
        return (WHEELS / last).read_bytes() if (WHEELS / last).is_file() else None

    @contextmanager
    def served(self, certificate: Path | None = None) -> Iterator[None]:
        """Serves the index on a free port; over TLS if there is a certificate with its key."""
        index = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                content = index.answer(self.path)
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Type", "text/html" if "/simple/" in self.path else "application/octet-stream")
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

            def handle_error(self, request: object, client_address: object) -> None:
                """Ignores clients that do not trust the certificate."""

        with Server(("127.0.0.1", 0), Handler) as server:
            if certificate:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(certificate)
                server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            # By name: with an address, pip 24.2 (of Python 3.13.0) fails before it looks at the certificate.
            self.url = f"{'https' if certificate else 'http'}://localhost:{server.server_port}/simple/"
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            try:
                yield
            finally:
                server.shutdown()


def _link(file: str, sha256: str) -> str:
    """A file on a project's page. Wheels that are not downloaded have a hash and metadata only."""
    described = f'#sha256={sha256}" data-core-metadata="true"' if sha256 else '"'
    return f'<a href="/files/{file}{described}>{file}</a>\n'


def _wheel(name: str, version: str) -> str:
    return f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
