"""S3 errors while the gate reads a report."""

import io

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from gate.errors import ServiceError
from pipeline.limits import MAX_REPORT_BYTES
from tests.gate.conftest import AT_LEAST_90, CHAMPION, REPORT, Gate, champion, quality


def test_report_that_is_too_large(gate: Gate) -> None:
    """A report of more than 16 MiB is rejected; one of exactly 16 MiB is read."""
    start = b'{"auc": 0.9, "padding": "'
    largest = start + b"x" * (MAX_REPORT_BYTES - len(start) - 2) + b'"}'
    with Stubber(gate.module.s3) as stubber:
        for report in (largest, largest + b" "):
            stubber.add_response("get_object", {"Body": StreamingBody(io.BytesIO(report), len(report))})
        assert gate.ask({"metrics": [{"name": "auc"}]})["decision"] == "Approved"
        answer = gate.ask({})
    assert (answer["decision"], answer["error"]) == ("Invalid", "ReportInvalid")
    assert "larger than 16,777,216 bytes" in answer["reason"]


def test_denied_access_is_the_users_to_fix(gate: Gate) -> None:
    """If the function may not read the report, the answer says what it may read."""
    with Stubber(gate.module.s3) as stubber:
        stubber.add_client_error("get_object", "AccessDenied", http_status_code=403)
        answer = gate.ask(AT_LEAST_90)
    assert (answer["decision"], answer["error"]) == ("Invalid", "ReportMissing")
    assert f"{REPORT}: access denied; the function may read the pipeline's own bucket only" in answer["reason"]


class BrokenBody(StreamingBody):
    """An S3 object whose download times out."""

    def read(self, amt: int | None = None) -> bytes:
        """Fails as botocore does."""
        raise ReadTimeoutError(endpoint_url=f"s3 after less than {amt} bytes", error="timed out")


@pytest.mark.parametrize(
    "body", [StreamingBody(io.BytesIO(b'{"a": 1'), 8), BrokenBody(io.BytesIO(b""), 8)], ids=["cut off", "timed out"]
)
def test_interrupted_reads_are_retried(gate: Gate, body: StreamingBody) -> None:
    """A truncated download is not an invalid report: it raises a ``ServiceError``, which Step Functions retries."""
    with Stubber(gate.module.s3) as stubber:
        stubber.add_response("get_object", {"Body": body})
        with pytest.raises(ServiceError, match=f"^{REPORT}: could not be read from S3"):
            gate.ask(AT_LEAST_90)


def test_aws_errors_are_retried(gate: Gate) -> None:
    """S3 errors raise an exception, for the champion's report as well."""
    gate.put(quality(0.95))
    with Stubber(gate.module.s3) as stubber:
        stubber.add_response("get_object", {"Body": StreamingBody(io.BytesIO(b'{"auc": 1}'), 10)})
        stubber.add_client_error("get_object", "SlowDown", http_status_code=503)
        with pytest.raises(ServiceError, match=f"^{CHAMPION}: .*SlowDown"):
            gate.ask({"metrics": [{"name": "auc"}]}, champion=champion())
