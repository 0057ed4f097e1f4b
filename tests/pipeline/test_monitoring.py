"""The stage monitoring: its job, and what it found."""

import json
from typing import Any

import pytest

from pipeline.asl.resources import PLACEHOLDERS
from pipeline.definition import definition
from pipeline.monitoring_run import MONITORING_ONLY
from pipeline.stages import EVALUATION, MONITORING, STAGES
from tests.input.conftest import made, refused
from tests.pipeline.machine import EXECUTION, STATE_MACHINE, Ended, evaluated, run

STATES = definition(PLACEHOLDERS)["States"]
DRIFT = {"feature": "age", "check": "psi", "value": 0.2, "threshold": 0.05}


def monitored(found: dict[str, Any], *outputs: dict[str, Any]) -> Ended:
    """Runs only the stage, whose job finds this."""
    given = [{"OutputName": name, "S3Output": {"S3Uri": uri}} for output in outputs for name, uri in output.items()]
    data: dict[str, Any] = {stage.key: {"run": False} for stage in STAGES}
    data["monitoring"] = {"run": True, "input": {"ProcessingOutputConfig": {"Outputs": given}}}
    body = json.dumps(found)
    return run(
        data,
        {
            "createProcessingJob.sync": lambda _: {"A": 1},
            "getObject": lambda _: {"Body": body},
            "publish": lambda _: {"MessageId": "1"},
        },
    )


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
    job, read, *announced = ended.requests
    assert job[1]["ProcessingJobName"] == f"monitoring-{EXECUTION}"
    assert read == ("getObject", {"Bucket": "bucket", "Key": key})
    result = ended.output["monitoring"]["result"]
    assert result == {"A": 1, "outcome": outcome, "records": 500, "violations": violations}
    assert [call for call, _ in announced] == ["publish"] * bool(violations)


def test_labels_are_counted_in_the_result() -> None:
    """How many records have one, as the job wrote it, in the result and in the summary."""
    labels = {"records": 4100, "of": 5000, "without_record": 12, "share_taken": 1.0}
    found = {"outcome": "healthy", "records": 5_000, "violations": []}
    result = monitored(found | {"labels": labels}, {"monitoring": "s3://bucket/c"}).output["monitoring"]["result"]
    assert MONITORING.summary(result) == found | {"labels": labels}


def test_drift_is_announced() -> None:
    """People read which features drifted, how far, that nothing was started, and what to do."""
    ended = monitored({"outcome": "drift", "records": 500, "violations": [DRIFT]}, {"monitoring": "s3://bucket/c"})
    (request,) = (request for call, request in ended.requests if call == "publish")
    assert request["Subject"] == f"DRIFT: {EXECUTION}"
    assert "- age: psi is 0.2, threshold 0.05" in request["Message"].splitlines()
    assert "it starts no retraining" in request["Message"]
    assert f"mlops report {EXECUTION}" in request["Message"]


def test_an_announcement_says_how_many_labels_there_are() -> None:
    """Labels of earlier requests can be all that a window has."""
    labels = {"records": 300, "of": 2_000, "without_record": 0, "share_taken": 1}
    found = {"outcome": "drift", "records": 0, "labels": labels, "violations": [DRIFT]}
    ended = monitored(found, {"monitoring": "s3://bucket/c"})
    (request,) = (request for call, request in ended.requests if call == "publish")
    assert request["Message"].splitlines()[0].endswith("(0 records, 300 with labels):")


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


def test_the_least_number_of_records_reaches_the_job() -> None:
    """As a variable, next to the user's own ones; without the key, or for another stage, there is none."""
    section = {"run": True, "minimum_records": 5000, "input": {"Environment": {"MODEL": "demo"}}}
    arguments = STATES["monitoring"]["Arguments"]
    request = evaluated(arguments, {"monitoring": section})
    assert request["Environment"] == {"MODEL": "demo", "MINIMUM_RECORDS": "5000"}
    assert MONITORING.variables(section) == {"MINIMUM_RECORDS": "5000"}
    assert evaluated(arguments, {"monitoring": section | {"input": {}}})["Environment"] == {"MINIMUM_RECORDS": "5000"}
    assert "Environment" not in evaluated(arguments, {"monitoring": {"minimum_records": None, "input": {}}})
    assert EVALUATION.variables(section) == {}


WINDOW: dict[str, Any] = {
    "version": "arn:package/demo/2",
    "begins": "2026-11-29T00:00:00",
    "ends": "2026-11-29T01:00:00",
    "notes": ["batch transform a: its input is elsewhere"],
}
FOUND = {
    "baseline": {"S3Uri": "s3://b/kept", "S3DataType": "S3Prefix"},
    "records": {"S3Uri": "s3://b/records.json", "S3DataType": "ManifestFile"},
    "window": {"S3Uri": "s3://b/window.json", "S3DataType": "S3Prefix"},
}


def serving(
    decision: dict[str, Any],
    *,
    files: int = 3,
    found: dict[str, Any] = FOUND,
    waiting: list[str] | None = None,
    **section: Any,
) -> Ended:
    """Runs only the stage for what is in service, with the shipped input; its window has as many files."""
    data = made(**MONITORING_ONLY | {"monitoring": MONITORING_ONLY["monitoring"] | section}).content

    def monitor(request: dict[str, Any]) -> Any:
        assert request["FunctionName"] == "MONITOR"
        opened = {"files": files, "inputs": found, "window": WINDOW}
        return {"Payload": decision if "window" in request["Payload"] else opened}

    more = {} if waiting is None else {"waiting": waiting}
    body = json.dumps({"outcome": "drift", "records": 500, "violations": [DRIFT]} | more)
    return run(
        data,
        {
            "invoke": monitor,
            "createProcessingJob.sync": lambda _: {"A": 1},
            "getObject": lambda _: {"Body": body},
            "putEvents": lambda _: {"FailedEntryCount": 0},
            "publish": lambda _: {"MessageId": "1"},
        },
    )


def test_what_is_in_service_is_compared_with_its_own_baseline() -> None:
    """The function's inputs replace those of the same name; an input for which it has no files is left out."""
    ended = serving({"retrain": False, "reason": "no"}, cooldown_hours=3)
    opened, job, _, closed, announced = [request for _, request in ended.requests]
    assert opened["Payload"] == {"execution": EXECUTION, "endpoint": "demo", "group": "demo"}
    inputs = {given["InputName"]: given["S3Input"] for given in job["ProcessingInputs"]}
    assert set(inputs) == {"baseline", "code", "records", "window"}
    assert {name: inputs["records"][name] for name in FOUND["records"]} == FOUND["records"]
    assert inputs["baseline"]["S3Uri"] == FOUND["baseline"]["S3Uri"]
    assert inputs["records"]["LocalPath"] == "/opt/ml/processing/records"
    assert inputs["window"] == FOUND["window"] | {
        "LocalPath": "/opt/ml/processing/window",
        "S3InputMode": "File",
        "S3DataDistributionType": "FullyReplicated",
    }
    assert closed["Payload"]["policy"] == {"retrain": False, "consecutive": 1, "cooldown_hours": 3}
    assert closed["Payload"]["window"] == WINDOW | {"files": 3}
    assert closed["Payload"]["outcome"] == "drift"
    assert "waiting" not in closed["Payload"]
    assert ended.output["monitoring"]["result"]["decision"] == {"retrain": False, "reason": "no"}
    assert (MONITORING.summary(ended.output["monitoring"]["result"]) or {})["notes"] == WINDOW["notes"]
    assert "Retraining not started: no" in announced["Message"].splitlines()


@pytest.mark.parametrize("waiting", [[], ["labels"], ["records"]], ids=str)
def test_what_was_too_few_to_judge_is_not_counted(waiting: list[str]) -> None:
    """The function learns what the next window has to have, too."""
    ended = serving({"retrain": False, "reason": "no"}, waiting=waiting)
    (closed,) = (request["Payload"] for _, request in ended.requests if "outcome" in request.get("Payload", {}))
    assert closed["waiting"] == waiting


def test_a_window_of_labels_only_has_no_records() -> None:
    """They are of requests of earlier windows; a job would fail for want of an input."""
    names = ("labels", "earlier")
    found = {name: place for name, place in FOUND.items() if name != "records"}
    found |= {name: {"S3Uri": f"s3://b/{name}.json", "S3DataType": "ManifestFile"} for name in names}
    (job,) = (r for call, r in serving({"retrain": False, "reason": ""}, found=found).requests if "Processing" in call)
    assert {given["InputName"] for given in job["ProcessingInputs"]} == {"baseline", "code", "window", *names}


def test_nothing_scored_is_too_little_data() -> None:
    """Without a job, which would fail for want of an input; the window stays open."""
    ended = serving({}, files=0)
    assert [call for call, _ in ended.requests] == ["invoke"]
    assert len(ended.entered) == 5  # docs/performance.md has their price
    result = ended.output["monitoring"]["result"]
    assert (result["outcome"], result["records"], result["decision"]["retrain"]) == ("too_little_data", 0, False)
    assert result["notes"] == WINDOW["notes"]


def test_a_retraining_is_asked_for_with_an_id_of_version_and_window() -> None:
    """So that all deliveries of the event start one execution; it names the state machine that the rule is for."""
    ended = serving({"retrain": True, "reason": "drift in 2 windows in a row"}, retrain=True)
    (call, request), (_, announced) = ended.requests[-2:]
    assert (ended.status, call) == ("SUCCEEDED", "putEvents")
    assert len(ended.entered) == 11  # docs/performance.md has their price
    assert "Retraining started: drift in 2 windows in a row" in announced["Message"].splitlines()
    (entry,) = request["Entries"]
    assert (entry["Source"], entry["DetailType"]) == ("mlops-stepfunctions", "Retraining requested")
    assert entry["Detail"] == {
        "state_machine": STATE_MACHINE,
        "id": f"retraining {WINDOW['version']} {WINDOW['ends']}",
        "reason": f"monitoring in {EXECUTION}: drift in 2 windows in a row",
    }


@pytest.mark.parametrize(
    ("section", "path", "message"),
    [
        ({"retrain": True}, ("monitoring", "retrain"), "is true, but monitoring.scope is not serving"),
        (
            {"scope": "serving", "input": {"ProcessingInputs": []}},
            ("monitoring", "input", "ProcessingInputs"),
            "has no input called baseline, whose location monitoring.scope serving replaces",
        ),
        ({"scope": "all"}, ("monitoring", "scope"), "all"),
        ({"consecutive": 0}, ("monitoring", "consecutive"), "0"),
        ({"minimum_records": 0}, ("monitoring", "minimum_records"), "0"),
        ({"minimum_records": 0.5}, ("monitoring", "minimum_records"), "0.5"),
        ({"minimum_records": "200"}, ("monitoring", "minimum_records"), 'is "200" (a string); expected a whole number'),
        (
            {"input": {"Environment": {"MINIMUM_RECORDS": "9"}}},
            ("monitoring", "input", "Environment", "MINIMUM_RECORDS"),
            "is given, and so is monitoring.minimum_records, which sets it: leave this one out",
        ),
        ({"cooldown_hours": -1}, ("monitoring", "cooldown_hours"), "-1"),
    ],
)
def test_a_section_that_contradicts_itself_is_refused(
    section: dict[str, Any], path: tuple[str, ...], message: str
) -> None:
    """The error names the key and what is allowed."""
    problems = refused(monitoring={"run": True} | section)
    assert (path, True) in [(problem.path, message in str(problem)) for problem in problems]
