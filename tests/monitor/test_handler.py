"""The windows of what the version in service has scored: each counts once, and one drift starts one retraining."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor import captured as captures
from monitor.captured import captured
from monitor.decision import Decision, Past, Policy, decide
from monitor.errors import (
    BaselineMissingError,
    MonitorError,
    NotCapturedError,
    NotRegisteredError,
    NotServingError,
    ServiceError,
    TooManyCapturesError,
)
from tests.monitor.conftest import BUCKET, KEPT, NOW, OTHER, VERSION, Monitor, package

DAY = timedelta(days=1)
EACH = Policy(retrain=True, consecutive=1, cooldown=DAY)


def test_a_window_has_the_version_in_service_and_what_was_captured(monitor: Monitor) -> None:
    """The version is that with the artefact in service, not the newest; the baseline is what was registered with it."""
    keys = [monitor.capture("00-00-000-a.jsonl"), monitor.capture("00-01-000-b.jsonl")]
    opened = monitor.open()
    assert opened["files"] == len(keys)
    assert opened["window"]["version"] == VERSION
    assert opened["inputs"]["baseline"] == {"S3Uri": KEPT, "S3DataType": "S3Prefix"}
    assert opened["inputs"]["records"]["S3DataType"] == "ManifestFile"
    assert monitor.files(opened) == keys


def test_a_counted_window_is_not_read_again(monitor: Monitor) -> None:
    """The next window begins where it ended."""
    monitor.capture()
    opened = monitor.open()
    assert monitor.close(opened, "healthy") == {"retrain": False, "reason": "no drift", "drifted": 0}
    assert monitor.open("second")["files"] == 0


def test_too_little_data_counts_in_the_next_window(monitor: Monitor) -> None:
    """The window stays open."""
    monitor.capture()
    first = monitor.open()
    assert "the next window has these records, too" in monitor.close(first, "too_little_data")["reason"]
    second = monitor.open("second")
    assert second["files"] == 1
    assert second["window"]["begins"] == first["window"]["begins"]


def test_a_repeated_request_gets_the_same_decision(monitor: Monitor) -> None:
    """Fifty deliveries count one window and ask for one retraining, with the same answer each."""
    monitor.capture()
    opened = monitor.open()
    answers = [monitor.close(opened, consecutive=1) for _ in range(50)]
    assert all(answer == answers[0] for answer in answers)
    assert answers[0] == {"retrain": True, "reason": "drift in 1 window in a row", "drifted": 1}


def test_of_two_executions_at_the_same_time_one_counts(monitor: Monitor) -> None:
    """The other says so, and retrains nothing."""
    monitor.capture()
    first, second = monitor.open("first"), monitor.open("second")
    assert monitor.close(first, execution="first")["retrain"]
    answer = monitor.close(second, execution="second")
    assert answer == {"retrain": False, "reason": "execution first has counted these records meanwhile", "drifted": 1}


def test_a_window_counted_between_reading_and_writing_is_tried_again(monitor: Monitor) -> None:
    """The table refuses the second write, and the retry sees the first one."""
    monitor.capture()
    opened = monitor.open()
    module: Any = monitor.module
    stale = module.Ledger(module.dynamodb, table="windows", endpoint="demo")
    monitor.close(opened)
    decision = Decision(retrain=True, reason="", drifted=1)
    with pytest.raises(ServiceError, match="another execution has just counted"):
        stale.count(opened["window"], "second", decision, waiting=(), now=NOW)


def test_an_hours_files_are_all_read_or_none(monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """If there are more than can be listed, the window ends before the last hour listed; within one hour it fails."""
    for hour in ("08", "09"):
        for number in range(2):
            monitor.s3.put_object(Bucket=BUCKET, Key=f"c/demo/AllTraffic/2026/11/29/{hour}/{number}.jsonl", Body=b"")
    monkeypatch.setattr(captures, "MOST", 3)
    uri, until = "c/demo", datetime.now(UTC) + DAY
    begin = datetime(2026, 11, 29, 8, tzinfo=UTC)
    found = captured(monitor.s3, uri, ("AllTraffic",), bucket=BUCKET, after=begin, until=until)
    assert found.ends == begin + timedelta(hours=1)
    with pytest.raises(TooManyCapturesError, match="more than 3 files within two hours of 2026-11-29 09:00"):
        captured(monitor.s3, uri, ("AllTraffic",), bucket=BUCKET, after=found.ends, until=until)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"capture": None}, NotCapturedError, "endpoint demo captures no requests: give its variants instances"),
        ({"capture": {"EnableCapture": False}}, NotCapturedError, "captures no requests"),
        ({"capture": {"DestinationS3Uri": "s3://other/a"}}, NotCapturedError, "captured under s3://other/a/demo; only"),
        ({"capture": None}, NotCapturedError, "and no batch transform of .*demo/2 could be taken"),
        ({"artefact": "s3://other/b.tar.gz"}, NotRegisteredError, "has the artefact in service, s3://other/b.tar.gz"),
        (
            {"packages": [package(VERSION, f"{KEPT}/model.tar.gz") | {"DriftCheckBaselines": {}}]},
            BaselineMissingError,
            "demo/2 has no DriftCheckBaselines.ModelDataQuality",
        ),
    ],
)
def test_what_cannot_be_monitored_is_an_error(
    monitor: Monitor, change: dict[str, Any], error: type[MonitorError], message: str
) -> None:
    """It names the endpoint or the version, and what to do; nothing is healthy by default."""
    for name, value in change.items():
        setattr(monitor.sagemaker, name, value)
    with pytest.raises(error, match=message):
        monitor.open()


def test_an_endpoint_that_does_not_exist_is_an_error(monitor: Monitor) -> None:
    """It is named."""
    with pytest.raises(NotServingError, match="there is no endpoint other; deploy a model"):
        monitor.open(endpoint="other")


@pytest.mark.parametrize(
    ("outcome", "policy", "past", "retrain", "reason"),
    [
        ("healthy", EACH, Past(drifted=3), False, "no drift"),
        ("drift", EACH, Past(), True, "drift in 1 window in a row"),
        ("drift", Policy(retrain=False, consecutive=1, cooldown=DAY), Past(), False, "retrain is not true"),
        ("drift", Policy(retrain=True, consecutive=2, cooldown=DAY), Past(), False, "consecutive is 2"),
        ("drift", Policy(retrain=True, consecutive=2, cooldown=DAY), Past(drifted=1), True, "2 windows in a row"),
        ("drift", EACH, Past(retrained=NOW - DAY / 2), False, "cooldown_hours is 24"),
        ("drift", EACH, Past(retrained=NOW - DAY), True, "drift in 1 window in a row"),
    ],
)
def test_when_to_train_again(outcome: str, policy: Policy, past: Past, retrain: bool, reason: str) -> None:  # noqa: FBT001 - a parameter
    """After enough windows with drift in a row, and not within the cooldown; the reason says which."""
    decision = decide(outcome, policy, past, now=NOW)
    assert decision.retrain is retrain
    assert reason in decision.reason


def test_windows_of_another_version_do_not_count(monitor: Monitor) -> None:
    """A new version in service begins with none."""
    monitor.capture()
    opened = monitor.open()
    monitor.close(opened, consecutive=3)
    again = {"window": opened["window"] | {"version": OTHER, "counted": "first"}}
    assert monitor.close(again, execution="second", consecutive=3)["drifted"] == 1
