"""The monitoring job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pandas as pd
import pytest
from botocore.stub import Stubber

import baseline
import metrics
import monitoring
import scored
from check import Check
from columns import Feature
from job import JobError
from schema import Schema
from tests.scripts.conftest import Container

SCHEMA = Schema(
    label="income",
    problem="binary_classification",
    classes=("low", "high"),
    features=(Feature("age", "number"), Feature("colour", "category")),
)
RANDOM = np.random.default_rng(0)


def table(records: int, *, older: float = 0) -> pd.DataFrame:
    """Records of the same kind, whose ages are so much higher."""
    colours = RANDOM.choice(["red", "green", "blue"], records, p=[0.5, 0.3, 0.2])
    ages = [str(age) for age in RANDOM.integers(18, 90, records) + older]
    return pd.DataFrame({"age": ages, "colour": colours}).astype("category")


@pytest.fixture
def watched(container: Container) -> Container:
    """A container with a baseline."""
    folder = container.put("processing/baseline/other", "").parent
    scores = RANDOM.random(5_000)
    labels = (RANDOM.random(5_000) < scores).astype(int)
    baseline.write(folder, SCHEMA, train=table(20_000), test=table(5_000), labels=labels, predictions=scores)
    return container


def put_batch(container: Container, records: pd.DataFrame) -> None:
    """Puts the input and output of a batch transform."""
    container.put("processing/records/a.csv", records.to_csv(header=False, index=False))
    container.put("processing/answers/a.csv.out", "".join(f"{score},1\n" for score in RANDOM.random(len(records))))


def summary(container: Container) -> Any:
    """The job's summary."""
    return json.loads(container.read("processing/monitoring/monitoring.json"))


def test_records_of_the_same_kind_are_healthy(watched: Container) -> None:
    """The job says so, and describes them like the baseline."""
    put_batch(watched, table(3_000))
    assert watched.run("monitoring.py") == "healthy: 3,000 records, 0 violations\n"
    assert summary(watched) == {"outcome": "healthy", "records": 3_000, "violations": []}
    assert json.loads(watched.read("processing/monitoring/constraint_violations.json")) == {"violations": []}
    statistics = json.loads(watched.read("processing/monitoring/statistics.json"))
    assert [entry["name"] for entry in statistics["features"] + statistics["scores"]] == [
        "age",
        "colour",
        "probability",
    ]


def test_drift_names_the_feature_and_how_far_it_moved(watched: Container) -> None:
    """In the summary, in Model Monitor's file, and in the log."""
    put_batch(watched, table(3_000, older=20))
    log = watched.run("monitoring.py")
    assert log.startswith("drift: 3,000 records, ")
    found = summary(watched)
    assert found["outcome"] == "drift"
    assert {violation["feature"] for violation in found["violations"]} == {"age"}
    assert all(violation["value"] > violation["threshold"] for violation in found["violations"])
    violations = json.loads(watched.read("processing/monitoring/constraint_violations.json"))["violations"]
    assert len(violations) == len(found["violations"])
    assert {violation["constraint_check_type"] for violation in violations} == {"baseline_drift_check"}
    assert any("age: population stability index: " in line for line in log.splitlines())


@pytest.mark.parametrize("records", [0, 199])
def test_too_few_records_are_neither_healthy_nor_drift(watched: Container, records: int) -> None:
    """Even if all of them are far off."""
    if records:
        put_batch(watched, table(records, older=1_000))
    watched.run("monitoring.py")
    assert summary(watched) == {"outcome": "too_little_data", "records": records, "violations": []}


def test_minimum_records_is_checked(watched: Container) -> None:
    """It is the user's, so it may be wrong."""
    job = watched.start("monitoring.py", MINIMUM_RECORDS="few")
    assert (job.returncode, job.stderr) == (1, "error: MINIMUM_RECORDS is 'few', expected a whole number from 1\n")


def test_a_block_that_cannot_be_read_fails_the_job(watched: Container) -> None:
    """Its reason names the file, although another process read it."""
    watched.put("processing/records/2026/a.jsonl", "{")
    reason = watched.fail("monitoring.py", "output/message")
    assert "records/2026/a.jsonl, line 1 is not a captured request" in reason


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("statistics.json", None, "no statistics.json in .*: there is no baseline"),
        ("constraints.json", None, "no constraints.json in"),
        ("statistics.json", "{", "statistics.json is not JSON"),
        ("statistics.json", "[]", "statistics.json is not a JSON object"),
        ("statistics.json", "{}", "are not a baseline: KeyError"),
        ("constraints.json", '{"features": [], "monitoring_config": {}}', "do not have the same features"),
    ],
)
def test_a_baseline_that_is_none_is_an_error(watched: Container, file: str, content: str | None, message: str) -> None:
    """Without one nothing is healthy."""
    folder = watched.base / "processing" / "baseline"
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_text(content)
    with pytest.raises(JobError, match=message):
        baseline.read(folder)


def test_a_vanished_feature_is_found(watched: Container) -> None:
    """All of its values are missing; the other features are healthy."""
    records = table(1_000)
    records["colour"] = ""
    put_batch(watched, records)
    found = judged(watched.base / "processing")
    assert [(check.feature, check.check) for check in found] == [("colour", "missing")]


def test_texts_among_numbers_are_found(watched: Container) -> None:
    """They are no reason to fail: the records were scored, too."""
    records = table(1_000)
    records["age"] = ["old"] * 50 + records["age"].tolist()[50:]
    put_batch(watched, records)
    found = judged(watched.base / "processing")
    assert [(check.check, check.constraint) for check in found] == [("not_a_number", "data_type_check")]


def judged(folder: Path) -> list[Check]:
    """The violations in a window."""
    reference = baseline.read(folder / "baseline")
    window, _ = monitoring.window_of(scored.blocks(folder / "records", folder / "answers"), reference)
    return monitoring.judge(window.statistics(), reference, 1)[1]


def test_metrics_are_few() -> None:
    """Two for the model, and one for each of the ten features that drifted most."""
    found = [Check(f"f{number}", check, 1, 0, exceeded=True, description="") for number in range(30) for check in "ab"]
    entries = metrics.data("demo", 500, found)
    assert [entry["Value"] for entry in entries] == [500, 60] + [2] * 10
    assert {tuple(d["Name"] for d in entry["Dimensions"]) for entry in entries} == {("Model",), ("Model", "Feature")}
    client = boto3.client("cloudwatch", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")  # noqa: S106 - of no account
    with Stubber(client) as stub:
        stub.add_response("put_metric_data", {}, {"Namespace": metrics.NAMESPACE, "MetricData": entries})
        client.put_metric_data(Namespace=metrics.NAMESPACE, MetricData=entries)


def test_metrics_that_cannot_be_put_fail_the_job(watched: Container) -> None:
    """With the reason; an alarm would otherwise wait for them in vain."""
    put_batch(watched, table(300))
    job = watched.start(
        "monitoring.py",
        MODEL="demo",
        AWS_ENDPOINT_URL="http://127.0.0.1:9",
        AWS_REGION="us-east-1",
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="a",
        AWS_SECRET_ACCESS_KEY="b",  # noqa: S106 - of no account
        AWS_MAX_ATTEMPTS="1",
    )
    assert job.returncode == 1
    assert job.stderr.startswith("error: the metrics could not be put in CloudWatch: ")
    assert summary(watched)["outcome"] == "healthy"
