"""The stage monitoring: its job, and what it found."""

import json
from typing import Any

import pytest

from pipeline.asl.resources import PLACEHOLDERS
from pipeline.definition import definition
from pipeline.stages import MONITORING, STAGES
from tests.input.conftest import made, refused
from tests.pipeline.machine import EXECUTION, Ended, evaluated, run

STATES = definition(PLACEHOLDERS)["States"]
DRIFT = {"feature": "age", "check": "psi", "value": 0.2, "threshold": 0.05}


def monitored(found: dict[str, Any], *outputs: dict[str, Any]) -> Ended:
    """Runs only the stage, whose job finds this."""
    given = [{"OutputName": name, "S3Output": {"S3Uri": uri}} for output in outputs for name, uri in output.items()]
    data: dict[str, Any] = {stage.key: {"run": False} for stage in STAGES}
    data["monitoring"] = {"run": True, "input": {"ProcessingOutputConfig": {"Outputs": given}}}
    body = json.dumps(found)
    return run(data, {"createProcessingJob.sync": lambda _: {"A": 1}, "getObject": lambda _: {"Body": body}})


@pytest.mark.parametrize(
    ("outputs", "key"),
    [
        ([{"first": "s3://bucket/a/b"}, {"monitoring": "s3://bucket/c/d/"}], "c/d/monitoring.json"),
        ([{"first": "s3://bucket/a/b"}, {"other": "s3://bucket/c"}], "a/b/monitoring.json"),
    ],
)
@pytest.mark.parametrize("violations", [[], [DRIFT], [DRIFT, DRIFT]], ids=len)
def test_what_the_job_found_is_the_result(
    outputs: list[dict[str, Any]], key: str, violations: list[dict[str, Any]]
) -> None:
    """It is read from the output called monitoring, or else from the first one, and stored next to the job's answer."""
    outcome = "drift" if violations else "healthy"
    ended = monitored({"outcome": outcome, "records": 500, "violations": violations}, *outputs)
    assert ended.status == "SUCCEEDED"
    (job, read) = ended.requests
    assert job[1]["ProcessingJobName"] == f"monitoring-{EXECUTION}"
    assert read == ("getObject", {"Bucket": "bucket", "Key": key})
    result = ended.output["monitoring"]["result"]
    assert result == {"A": 1, "outcome": outcome, "records": 500, "violations": violations}


def test_the_summary_names_the_features() -> None:
    """Each once, with the outcome and the number of records."""
    found = {"outcome": "drift", "records": 5_000, "violations": [DRIFT, DRIFT | {"check": "range"}]}
    summary = MONITORING.summary(found | {"ProcessingJobName": "a"})
    assert summary == found
    assert MONITORING.summary_line(found) == ("monitoring", "drift, 5,000 records: age")
    assert MONITORING.report_rows(found) == {"Monitoring": "drift, 5,000 records: age"}
    assert MONITORING.summary({}) is None


def test_a_job_without_outputs_is_refused() -> None:
    """Its report could not be read."""
    (problem,) = refused(monitoring={"run": True, "input": {"ProcessingOutputConfig": None}})
    assert problem.path == ("monitoring", "input", "ProcessingOutputConfig", "Outputs")
    assert "is missing: the state machine reads monitoring.json from the first output" in problem.message
    assert made(monitoring={"run": False, "input": {"ProcessingOutputConfig": None}})


def test_its_state_is_a_request_like_any_other() -> None:
    """The user's input is passed on, nulls dropped."""
    data = {"monitoring": {"run": True, "input": {"Environment": {"MODEL": "demo"}, "NetworkConfig": None}}}
    request = evaluated(STATES["monitoring"]["Arguments"], data)
    assert request == {"ProcessingJobName": f"monitoring-{EXECUTION}", "Environment": {"MODEL": "demo"}}
