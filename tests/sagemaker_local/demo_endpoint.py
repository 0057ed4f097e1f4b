"""Helpers for tests of the endpoint ``demo``."""

import contextlib
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from sagemaker_local.guard import endpoint_token
from tests.sagemaker_local.sandbox import KEY, Sandbox

AUTHORIZED = {"Authorization": f"Bearer {endpoint_token(KEY, 'demo')}"}
"""The header that authorizes requests to the endpoint's port."""


def wait_until_settled(sandbox: Sandbox) -> dict[str, Any]:
    """Waits until the endpoint ``demo`` is no longer being created or updated. Returns DescribeEndpoint's response."""
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
    """Counts the launchers of the sandbox's jobs and model servers, which have their own PID namespaces."""
    found = 0
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found += str(sandbox.folder).encode() in command.read_bytes()
    return found


def post(url: str, body: bytes = b"a") -> tuple[int, str, bytes]:
    """Posts to an endpoint's port. Returns the response's status, content type and body."""
    headers = {"Content-Type": "text/csv", "Accept": "text/csv"} | AUTHORIZED
    request = urllib.request.Request(f"{url}/invocations", data=body, headers=headers)  # noqa: S310 - of this machine
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - as above
            return answer.status, answer.headers["Content-Type"], answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read()
