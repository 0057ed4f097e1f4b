"""S3 and Step Functions as far as a start needs them: any object is input.yaml, any start succeeds at once.

Against the emulator, the executions that begin would compete with what is measured. Here a call takes what boto3 and
the loopback take, so what the function does beside its calls shows as much as it can.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from benchmarks.shipped import unread

UNREAD = "unread/input.yaml"
"""The key of a file that is another one each time it is read."""


def _handler(file: bytes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else the second packet of an answer waits 40 ms for the first one's receipt
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
            """Nothing is logged."""

    return Handler


@contextmanager
def stub(file: bytes) -> Iterator[str]:
    """The URL of a stub that serves this file, as long as the context is."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(file)) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
