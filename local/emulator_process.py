"""The emulator's process, ``python -m local.emulator_process``: ministack with our services, behind our guard."""

import os
import sys
from urllib.parse import parse_qs

from hypercorn.asyncio import run as hypercorn_run
from ministack import app as gateway
from ministack.core.router import detect_service
from ministack.services import s3

from local.emulator_guard import BoundedTCPServer, Guarded, Scope
from local.emulator_services import EmulatorServices
from sagemaker_local.guard import Credentials, same

_ANSWER_TO_CLOUDFORMATION = "/_ministack/cfn-response/"
"""Where custom resources' functions PUT their responses, unsigned, as on AWS; the rest of the path is a secret."""


def _issued(shown: Credentials) -> bool:
    """Whether the emulator's STS issued these temporary credentials."""
    sts = sys.modules.get("ministack.services.sts")  # loaded on first use
    session = sts._sessions.get(shown.key) if sts else None  # noqa: SLF001 - the library has no public way
    return session is not None and same(shown.session_token, session["SessionToken"])


def _handed_out(method: str, path: str) -> bool:
    """Whether this is the URL of a custom resource whose response is pending."""
    resources = sys.modules.get("ministack.services.cloudformation.custom_resource")  # as above
    return (
        resources is not None
        and method == "PUT"
        and path.startswith(_ANSWER_TO_CLOUDFORMATION)
        and path.removeprefix(_ANSWER_TO_CLOUDFORMATION) in resources._pending  # noqa: SLF001 - as above
    )


def _open_to_jobs(scope: Scope, headers: dict[str, str]) -> bool:
    """Whether the emulator would route this request to S3, for an existing bucket, or to CloudWatch metrics.

    Other services would let a job escape its isolation: a Lambda function that it creates runs outside.
    """
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    service = detect_service(scope["method"], scope["path"], headers, query)
    bucket = scope["path"].split("/")[1]
    in_bucket = any(name == bucket for _, name in s3._buckets._data)  # noqa: SLF001 - as above
    return service == "monitoring" or (service == "s3" and in_bucket)


if __name__ == "__main__":
    key = os.environ["AWS_ACCESS_KEY_ID"]
    EmulatorServices(task_url=os.environ["LOCAL_TASK_URL"], key=key).install()
    hypercorn_run.TCPServer = BoundedTCPServer  # type: ignore[attr-defined] # the library cannot limit connections
    gateway.app = Guarded(
        gateway.app,
        port=int(os.environ["GATEWAY_PORT"]),
        key=key,
        issued=_issued,
        handed_out=_handed_out,
        open_to_jobs=_open_to_jobs,
    )
    gateway.main()
