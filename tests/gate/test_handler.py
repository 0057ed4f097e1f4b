"""The gate as the state machine calls it, with the reports in S3."""

import logging
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from infrastructure.function_code import function_archive
from tests.gate.conftest import AT_LEAST_90, AUC, BUCKET, CHAMPION, EXECUTION, PACKAGE, REPORT, Gate, champion, quality

BEATEN = {"metrics": [{"name": AUC}], "must_beat_champion": True}


def test_a_good_model_is_approved(gate: Gate) -> None:
    """The whole answer for a report like the shipped evaluation's, with a champion."""
    gate.put(quality(0.9535))
    gate.put(quality(0.95), uri=CHAMPION)
    answer = gate.ask(AT_LEAST_90, champion=champion())
    cause = answer.pop("cause")
    assert answer == {
        "decision": "Approved",
        "error": None,
        "reason": f"all thresholds met: {AUC} 0.9535 >= 0.9",
        "metrics": [{"name": AUC, "value": 0.9535, "minimum": 0.9, "maximum": None, "champion": 0.95, "passed": True}],
        "report": REPORT,
        "model_package": f"{PACKAGE}/7",
        "champion": champion(),
        "report_version": None,
        "champion_report_version": None,
    }
    assert cause.startswith(f"{EXECUTION}: Approved: ")


def test_a_model_that_is_worse_than_the_champion_is_rejected(gate: Gate) -> None:
    """The champion's value is read from its own report."""
    gate.put(quality(0.94))
    gate.put(quality(0.95), uri=CHAMPION)
    answer = gate.ask({**AT_LEAST_90, "must_beat_champion": True}, champion=champion())
    assert (answer["decision"], answer["error"]) == ("Rejected", "ModelRejected")
    assert answer["reason"] == f"1 of 1 metrics missed: {AUC} 0.94 >= 0.9, < the champion's 0.95"


@pytest.mark.parametrize("known", [None, champion(report=None)], ids=["no champion", "no report of it"])
def test_without_a_champion_nothing_must_be_beaten(gate: Gate, known: Any) -> None:
    """The first model of a group has no champion to beat; a champion without a report is ignored."""
    gate.put(quality(0.5))
    answer = gate.ask(BEATEN, champion=known)
    assert (answer["decision"], answer["champion"]) == ("Approved", None)
    assert "There is no champion with a report" in answer["cause"]


@pytest.mark.parametrize(
    ("report", "error", "expected"),
    [
        (b"", "ReportInvalid", "invalid JSON: Expecting value"),
        (b"<html>", "ReportInvalid", "invalid JSON"),
        (b"\xff\xfe\x00", "ReportInvalid", "invalid JSON"),
        (b"[" * 200_000, "ReportInvalid", "nested too deeply"),
        (b'{"a": ' + b"1" * 5000 + b"}", "ReportInvalid", "invalid JSON"),
        (b"[0.95]", "ReportInvalid", "must be a JSON object, not a list"),
        (b"null", "ReportInvalid", "must be a JSON object"),
        (quality(float("nan")), "MetricMissing", f"{AUC} must be a finite number; in the report it is NaN"),
        (quality("0.95"), "MetricMissing", 'in the report it is "0.95"'),
        ({"\ud800 \n": 1}, "MetricMissing", f"the report has no {AUC}"),
    ],
    ids=str,
)
def test_unusable_report_is_never_approved(gate: Gate, report: Any, error: str, expected: str) -> None:
    """The reason is a single line, and the model is not approved, whatever else is configured."""
    gate.put(report)
    answer = gate.ask({**AT_LEAST_90, "manual": True})
    assert (answer["decision"], answer["error"]) == ("Invalid", error)
    assert expected in answer["reason"]
    assert answer["reason"].isprintable()
    assert "announcement" not in answer
    if error == "ReportInvalid":
        assert answer["reason"].startswith(f"{REPORT}: ")


def test_every_missing_metric_is_reported(gate: Gate) -> None:
    """The reason names each; they have no value, have not passed, and come first in the table."""
    gate.put({"auc": 0.95})
    answer = gate.ask({"metrics": [{"name": "auc"}, {"name": "f1", "minimum": 0}, {"name": "recall"}]})
    assert answer["error"] == "MetricMissing"
    assert "the report has no f1" in answer["reason"]
    assert "the report has no recall" in answer["reason"]
    assert [(item["value"], item["passed"]) for item in answer["metrics"]] == [
        (0.95, True),
        (None, False),
        (None, False),
    ]
    assert [line.split()[-1] for line in answer["cause"].split("\n\n")[1].splitlines()[1:]] == [
        "missing",
        "missing",
        "-",
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_encodings_are_read(gate: Gate, encoding: str) -> None:
    """A report with a byte order mark, as other tools write it, is read like any other."""
    gate.put('{"größe": 1}'.encode(encoding))
    assert gate.ask({"metrics": [{"name": "größe", "minimum": 1}]})["decision"] == "Approved"


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (f"s3://{BUCKET}/no/such.json", "there is no such object"),
        ("s3://no-such-bucket/evaluation.json", "there is no such bucket"),
        ("s3://no bucket/evaluation.json", "not a valid S3 name"),
        (f"s3://{BUCKET}/", "invalid S3 URI"),
        ("evaluation.json", "invalid S3 URI"),
    ],
)
@pytest.mark.parametrize("approval", [{}, AT_LEAST_90, BEATEN], ids=["nothing asked", "threshold", "champion"])
def test_missing_report_is_reported(gate: Gate, report: str, expected: str, approval: Any) -> None:
    """A report that is named must exist, whatever is configured; the message has its location."""
    answer = gate.ask(approval, report=report)
    assert (answer["decision"], answer["error"]) == ("Invalid", "ReportMissing")
    assert answer["reason"].startswith(f"{report}: {expected}")


@pytest.mark.parametrize(
    ("approval", "error"),
    [
        (AT_LEAST_90, "ReportMissing"),
        (BEATEN, "ReportMissing"),
        ({"by": AUC}, "ReportMissing"),
        ({"must_beat_champion": True}, "MetricMissing"),
    ],
)
def test_thresholds_need_an_evaluation(gate: Gate, approval: Any, error: str) -> None:
    """A threshold without a report never passes, nor does a comparison without a metric."""
    answer = gate.ask(approval, report=None, champion=champion())
    assert (answer["decision"], answer["error"]) == ("Invalid", error)
    assert "approval" in answer["reason"]


@pytest.mark.parametrize(
    ("report", "error", "expected"),
    [
        (None, "ReportMissing", f"{CHAMPION}: there is no such object"),
        (b"{", "ReportInvalid", f"{CHAMPION}: invalid JSON"),
        ({"auc": 0.9}, "MetricMissing", f"the report has no {AUC}"),
    ],
)
def test_a_champion_that_must_be_beaten_must_be_readable(gate: Gate, report: Any, error: str, expected: str) -> None:
    """An error in its report is attributed to the champion; if it need not be beaten, the error is only a note."""
    gate.put(quality(0.99))
    if report is not None:
        gate.put(report, uri=CHAMPION)
    answer = gate.ask(BEATEN, champion=champion())
    assert (answer["decision"], answer["error"]) == ("Invalid", error)
    assert "the champion must be beaten" in answer["reason"]
    assert expected in answer["reason"]
    lenient = gate.ask(AT_LEAST_90, champion=champion())
    assert lenient["decision"] == "Approved"
    assert lenient["metrics"][0]["champion"] is None
    assert expected in lenient["cause"]


@pytest.mark.parametrize(
    ("approval", "expected"),
    [
        (None, "approval: is null; must be a mapping"),
        ({"metrics": {}}, "approval.metrics: is {}; must be a list"),
        ({"metrics": ["auc"]}, 'approval.metrics[0]: is "auc"; must be a mapping with the keys name, minimum, maximum'),
        ({"metrics": [{"name": AUC}, {"minimum": 1}]}, "approval.metrics[1].name: is null; must be a metric's path"),
        ({"metrics": [{"name": AUC, "min": 0.9}]}, 'has the key "min"; the keys allowed are name, minimum, maximum'),
        ({"metrics": [{"name": AUC, "minimum": "0.9"}]}, 'approval.metrics[0].minimum: is "0.9"; must be a number'),
        ({"metrics": [{"name": AUC, "maximum": True}]}, "approval.metrics[0].maximum: is true; must be a number"),
        ({"metrics": [{"name": AUC, "minimum": 2, "maximum": 1}]}, "minimum 2 exceeds maximum 1"),
        ({"metrics": [{"name": "\ud800"}]}, "approval.metrics[0].name: is"),
        ({"manual": "yes"}, 'approval.manual: is "yes"; must be true or false'),
        ({"must_beat_champion": 1}, "approval.must_beat_champion: is 1; must be true or false"),
        ({"by": ""}, 'approval.by: is ""; must be a metric\'s path'),
        ({"timeout_seconds": 0}, "approval.timeout_seconds: is 0; must be a whole number of seconds from 1 to"),
        ({"timeout_seconds": True}, "approval.timeout_seconds: is true; must be a whole number"),
        ({"timeout_seconds": 1e9}, "approval.timeout_seconds: is 1000000000.0; must be a whole number"),
        ({"timeout_seconds": 10**9}, "approval.timeout_seconds: is 1000000000; must be a whole number"),
    ],
)
def test_a_section_that_nobody_checked_is_no_pass(gate: Gate, approval: Any, expected: str) -> None:
    """An execution can be started by hand, past the start Lambda's checks; a mistake is told with key and value."""
    gate.put(quality(0.99))
    answer = gate.ask(approval)
    assert (answer["decision"], answer["error"]) == ("Invalid", "ApprovalInvalid")
    assert expected in answer["reason"]


def test_each_decision_is_one_line_in_the_log(gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    """The log has the execution, the decision and the reason on one line."""
    caplog.set_level(logging.INFO)
    gate.put(quality(0.95))
    gate.ask(AT_LEAST_90)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "gate.handler"]
    assert line == f"{EXECUTION}: Approved: all thresholds met: {AUC} 0.95 >= 0.9"


def test_only_the_runtimes_packages_are_imported(tmp_path: Path) -> None:
    """The archive is complete, and the function starts fast: nothing of requirements.txt is imported."""
    from infrastructure.approval import GATE_CONTENTS  # noqa: PLC0415 - slow to import

    with function_archive(*GATE_CONTENTS) as archive, zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path)
    program = "import sys; before = set(sys.modules); import gate.handler; print(*set(sys.modules) - before)"
    environment = {"PYTHONPATH": str(tmp_path), "AWS_DEFAULT_REGION": "us-east-1"}
    completed = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    # The other name is one that multiprocessing gives to __main__.
    imported = {name.partition(".")[0] for name in completed.stdout.split()} - {*sys.stdlib_module_names, "__mp_main__"}
    assert {"gate", "boto3"} <= imported
    boto3s_own = {"boto3", "botocore", "s3transfer", "jmespath", "urllib3", "dateutil", "six", "certifi"}
    assert imported <= {"gate", "pipeline"} | boto3s_own


def test_the_answer_says_which_versions_were_read(gate: Gate) -> None:
    """In a versioned bucket, the answer has the VersionId of each report, so that it can be looked up later."""
    versioning = {"Status": "Enabled"}
    gate.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=versioning)
    try:
        gate.put(quality(0.95))
        gate.put(quality(0.91), uri=CHAMPION)
        answer = gate.ask(AT_LEAST_90, champion=champion())
        for field, uri in (("report_version", REPORT), ("champion_report_version", CHAMPION)):
            key = uri.removeprefix(f"s3://{BUCKET}/")
            assert answer[field] == gate.s3.head_object(Bucket=BUCKET, Key=key)["VersionId"]
    finally:
        gate.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=versioning | {"Status": "Suspended"})


def test_a_model_is_not_held_against_itself(gate: Gate) -> None:
    """A champion that is the model's own package counts as none."""
    gate.put(quality(0.95))
    own = {"ModelPackageArn": f"{PACKAGE}/7", "report": REPORT}
    approval = AT_LEAST_90 | {"must_beat_champion": True}
    assert gate.ask(approval, champion=own)["champion"] is None
