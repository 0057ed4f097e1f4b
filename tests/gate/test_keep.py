"""The copies that the gate makes before a model is registered."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from tests.gate.conftest import BUCKET, EXECUTION, Gate, quality

MODEL = f"s3://{BUCKET}/demo/executions/{EXECUTION}/model/output/model.tar.gz"
REPORT = f"s3://{BUCKET}/demo/executions/{EXECUTION}/evaluation/evaluation.json"
KEPT = f"s3://{BUCKET}/demo/registered/{EXECUTION}"


def ask(gate: Gate, *containers: dict[str, Any], **more: Any) -> Any:
    """Asks the gate to copy these containers, as the state machine does."""
    what = {"containers": list(containers), "evaluated": None, "outputs": []} | more
    return gate.module.handler({"execution": EXECUTION, "report": what.pop("report", None), "keep": what}, None)


def content(gate: Gate, uri: str) -> bytes:
    """The content of the object."""
    body: bytes = gate.s3.get_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/"))["Body"].read()
    return body


def test_model_and_report_are_copied(gate: Gate) -> None:
    """Both are copied under registered/, with the copy's ETag in the package, and later writes change neither."""
    gate.put(b"model", MODEL)
    gate.put(quality(0.9), REPORT)
    container = {"Image": "i", "ModelDataUrl": MODEL, "Environment": {"SAGEMAKER_SUBMIT_DIRECTORY": MODEL, "A": "b"}}
    answer = ask(gate, container, report=REPORT)
    place = f"{KEPT}/container-1/model.tar.gz"
    (kept,) = answer["containers"]
    etag = gate.s3.head_object(Bucket=BUCKET, Key=place.removeprefix(f"s3://{BUCKET}/"))["ETag"].strip('"')
    environment = {"SAGEMAKER_SUBMIT_DIRECTORY": place, "A": "b"}
    assert kept == {"Image": "i", "ModelDataUrl": place, "ModelDataETag": etag, "Environment": environment}
    assert answer["moved"] == [{"from": MODEL, "to": place}]
    assert answer["report"]["S3Uri"] == f"{KEPT}/evaluation.json"
    gate.put(b"hijacked", MODEL)
    gate.put(quality(1.0), REPORT)
    assert content(gate, place) == b"model"
    assert b"0.9" in content(gate, f"{KEPT}/evaluation.json")


def test_the_baseline_is_copied(gate: Gate) -> None:
    """Both files next to the report; one without the other is no baseline."""
    gate.put(quality(0.9), REPORT)
    gate.put(b"{}", REPORT.replace("evaluation.json", "statistics.json"))
    assert ask(gate, {"Image": "i"}, report=REPORT)["baseline"] is None
    gate.put(b"[]", REPORT.replace("evaluation.json", "constraints.json"))
    expected = {"Statistics": f"{KEPT}/statistics.json", "Constraints": f"{KEPT}/constraints.json"}
    assert ask(gate, {"Image": "i"}, report=REPORT)["baseline"] == expected
    assert content(gate, expected["Statistics"]) == b"{}"
    assert ask(gate, {"Image": "i"}, report=f"{KEPT}/evaluation.json")["baseline"] is None


def test_a_large_model_is_copied_in_parts(gate: Gate) -> None:
    """A model too large for one copy request arrives complete."""
    large = bytes(64 * 1024 * 1024) + b"the end"
    gate.put(large, MODEL)
    (kept,) = ask(gate, {"ModelDataUrl": MODEL})["containers"]
    assert content(gate, kept["ModelDataUrl"]) == large


def test_an_uncompressed_model_is_copied_whole(gate: Gate) -> None:
    """Every object under the prefix is copied with its relative path."""
    prefix = MODEL.removesuffix("model.tar.gz") + "model/"
    for name in ("a.bin", "code/inference.py"):
        gate.put(name.encode(), prefix + name)
    source = {"S3DataSource": {"S3Uri": prefix, "S3DataType": "S3Prefix", "CompressionType": "None"}}
    (kept,) = ask(gate, {"ModelDataSource": source})["containers"]
    place = kept["ModelDataSource"]["S3DataSource"]["S3Uri"]
    assert place == f"{KEPT}/container-1/"
    assert content(gate, f"{place}a.bin") == b"a.bin"
    assert content(gate, f"{place}code/inference.py") == b"code/inference.py"


@pytest.mark.parametrize(
    "uri",
    ["s3://theirs/model.tar.gz", f"s3://{BUCKET}/demo/registered/x/model.tar.gz", f"s3://{BUCKET}/shared/m", None],
)
def test_what_no_job_can_write_stays_where_it_is(gate: Gate, uri: str | None) -> None:
    """Models in other buckets, already registered ones, and those without an artefact are not copied."""
    container = {"Image": "i"} | ({"ModelDataUrl": uri} if uri else {})
    assert ask(gate, container) == {"containers": [container], "moved": [], "report": None, "baseline": None}


def test_a_model_written_after_its_evaluation_began(gate: Gate) -> None:
    """It is rejected with its name and both times, unless the evaluation itself wrote it."""
    gate.put(b"model", MODEL)
    before, after = (datetime.now(UTC) + timedelta(hours=hours) for hours in (-1, 1))
    assert ask(gate, {"ModelDataUrl": MODEL}, evaluated=after.isoformat())["moved"]
    with pytest.raises(gate.module.GateError, match=f"{MODEL} was written at .* after the evaluation began at") as e:
        ask(gate, {"ModelDataUrl": MODEL}, evaluated=before.isoformat().replace("+00:00", "Z"))
    assert type(e.value).__name__ == "ModelChangedError"
    outputs = [MODEL.rpartition("/")[0]]
    assert ask(gate, {"ModelDataUrl": MODEL}, evaluated=before.isoformat(), outputs=outputs)["moved"]


def test_a_model_overwritten_during_the_copy(gate: Gate) -> None:
    """The copy is conditional on the ETag that was seen, and a failed precondition ends the registration."""
    gate.put(b"model", MODEL)
    seen = gate.s3.head_object(Bucket=BUCKET, Key=MODEL.removeprefix(f"s3://{BUCKET}/"))["ETag"]

    def refuse(params: Any, **_: Any) -> Any:
        assert params["headers"]["x-amz-copy-source-if-match"] == seen
        parsed = {"Error": {"Code": "PreconditionFailed"}, "ResponseMetadata": {"HTTPStatusCode": 412}}
        return AWSResponse("", 412, HTTPHeaders(), None), parsed

    gate.module.s3.meta.events.register("before-call.s3.CopyObject", refuse)
    try:
        with pytest.raises(gate.module.GateError, match="was overwritten while it was being copied"):
            ask(gate, {"ModelDataUrl": MODEL})
    finally:
        gate.module.s3.meta.events.unregister("before-call.s3.CopyObject", refuse)


def test_what_is_missing(gate: Gate) -> None:
    """A missing model cannot be registered; a missing report leaves the version without metrics."""
    gate.put(b"model", MODEL)
    assert ask(gate, {"ModelDataUrl": MODEL}, report=REPORT)["report"] is None
    with pytest.raises(gate.module.GateError, match="there is no such object"):
        ask(gate, {"ModelDataUrl": MODEL + ".gone"})
    source = {"S3DataSource": {"S3Uri": MODEL + "/gone/", "S3DataType": "S3Prefix", "CompressionType": "None"}}
    with pytest.raises(gate.module.GateError, match="there is no such object"):
        ask(gate, {"ModelDataSource": source})
