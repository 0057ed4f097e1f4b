"""How tests speak to the endpoint ``demo``."""

import contextlib
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from sagemaker_local.guard import endpoint_token
from tests.sagemaker_local.sandbox import KEY, Sandbox

AUTHORIZED = {"Authorization": f"Bearer {endpoint_token(KEY, 'demo')}"}
"""What each request to the endpoint's own port carries."""


def wait_until_settled(sandbox: Sandbox) -> dict[str, Any]:
    """What DescribeEndpoint says once the endpoint ``demo`` is neither being created nor updated."""
    until = time.monotonic() + 20
    while (described := sandbox.run("describeEndpoint", {"EndpointName": "demo"}))["EndpointStatus"].endswith("ing"):
        assert time.monotonic() < until
        time.sleep(0.02)
    return described


def invoke(sandbox: Sandbox, body: str = "a", **request: Any) -> dict[str, Any]:
    """Invokes the endpoint ``demo`` as a state machine does."""
    given = {"EndpointName": "demo", "Body": body, "ContentType": "text/csv", "Accept": "text/csv"}
    return sandbox.run("invokeEndpoint", given | request)


def launchers(sandbox: Sandbox) -> int:
    """How many processes of this machine run its jobs and model servers; whose own PIDs are not this machine's."""
    found = 0
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found += str(sandbox.folder).encode() in command.read_bytes()
    return found


def post(url: str, body: bytes = b"a") -> tuple[int, str, bytes]:
    """Posts to an endpoint's own port: status, content type and body of the answer."""
    headers = {"Content-Type": "text/csv", "Accept": "text/csv"} | AUTHORIZED
    request = urllib.request.Request(f"{url}/invocations", data=body, headers=headers)  # noqa: S310 - of this machine
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - as above
            return answer.status, answer.headers["Content-Type"], answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read()
