"""Stubs S3 and Step Functions for a start: any object is input.yaml, any start succeeds immediately.

On the emulator, the started executions would compete with the measurement. Here a call costs only boto3 and the
loopback, so that the function's own work shows as clearly as possible.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from benchmarks.shipped import unread

UNREAD = "unread/input.yaml"
"""The key of a file whose content differs each time it is read."""


def _handler(file: bytes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else a response's second packet waits 40 ms for the first one's ACK
        wbufsize = -1

        def do_GET(self) -> None:
            """S3's GetObject."""
            body = unread(file) if self.path.endswith(UNREAD) else file
            self._answer(body, "binary/octet-stream")

        def do_POST(self) -> None:
            """Step Functions' StartExecution."""
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            arn = f"{request['stateMachineArn'].replace(':stateMachine:', ':execution:')}:{request['name']}"
            body = json.dumps({"executionArn": arn, "startDate": time.time()}).encode()
            self._answer(body, "application/x-amz-json-1.0")

        def _answer(self, body: bytes, content_type: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Disables logging."""

    return Handler


@contextmanager
def stub(file: bytes) -> Iterator[str]:
    """Serves the file from a stub while the context is active; yields its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(file)) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
