"""Serves moto's S3 on a port, because moto by itself works within one process only."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto import mock_aws
from moto.core.models import botocore_stubber

_LOCK = threading.Lock()


class _S3(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Forwards the request to moto."""
        headers = HTTPHeaders()
        for name, value in self.headers.items():
            headers[name] = value
        content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        url = f"https://s3.amazonaws.com{self.path}"
        request = AWSPreparedRequest(self.command, url, headers, content, stream_output=False)
        with _LOCK:
            answer = botocore_stubber.process_request(request)
        assert answer is not None
        status, fields, body = answer
        sent = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in fields.items():
            if name.lower() not in ("content-length", "date", "server", "connection", "transfer-encoding"):
                self.send_header(name, str(value))
        length = fields.get("content-length", fields.get("Content-Length")) if self.command == "HEAD" else None
        self.send_header("Content-Length", str(length or len(sent)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(sent)

    do_PUT = do_POST = do_HEAD = do_DELETE = do_GET  # noqa: N815 - the library's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Logs nothing."""


@contextmanager
def s3_server() -> Iterator[str]:
    """Runs an S3 server. Yields its URL."""
    with mock_aws(), ThreadingHTTPServer(("127.0.0.1", 0), _S3) as server:
        threading.Thread(target=server.serve_forever, args=[0.1], daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
