"""Labels that arrive after their records were scored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import baseline
import late_labels
import monitoring
import scored
from columns import Feature
from job import JobError
from late_quality import design_effects, quality_of
from schema import Schema
from tests.scripts.conftest import Container

RANDOM = np.random.default_rng(0)
SCHEMA = Schema("income", "binary_classification", ("low", "high"), (Feature("age", "number"),))
SCORES = RANDOM.random(5_000)
LABELS = (RANDOM.random(5_000) < SCORES).astype(int)
QUALITY: dict[str, Any] = quality_of(SCHEMA.label, SCHEMA.problem, SCHEMA.classes, LABELS, {"probability": SCORES})


@pytest.fixture
def watched(container: Container) -> Container:
    """A container with a baseline and a batch transform's input and output of 2,000 records."""
    ages = pd.DataFrame({"age": RANDOM.normal(40, 10, 5_000)})
    folder = container.put("processing/baseline/other", "").parent
    baseline.write(folder, SCHEMA, train=None, test=ages, labels=LABELS, predictions=SCORES)
    container.put("processing/records/a.csv", "".join(f"{age}\n" for age in ages["age"][:2_000]))
    container.put("processing/answers/a.csv.out", "".join(f"{score},1\n" for score in SCORES[:2_000]))
    return container


def judged(container: Container) -> dict[str, Any]:
    """Runs the job. Returns its summary."""
    container.run("monitoring.py")
    found: dict[str, Any] = json.loads(container.read("processing/monitoring/monitoring.json"))
    return found


def test_labels_that_confirm_the_answers_are_healthy(watched: Container) -> None:
    """The summary says how many records have one; the statistics have the evaluation's metrics."""
    watched.put("processing/labels/a.csv", "".join(f"{label}\n" if label else "low\n" for label in LABELS[:2_000]))
    found = judged(watched)
    assert found["outcome"] == "healthy"
    assert found["labels"] == {"records": 2_000, "of": 2_000, "without_record": 0, "share_taken": 1}
    quality = json.loads(watched.read("processing/monitoring/statistics.json"))["quality"]
    expected = quality_of("income", SCHEMA.problem, SCHEMA.classes, LABELS[:2_000], {"probability": SCORES[:2_000]})
    assert list(quality["metrics"]) == list(expected["metrics"])
    for name, metric in expected["metrics"].items():
        assert quality["metrics"][name] == pytest.approx(metric)


def test_labels_reach_processes_that_are_not_forked(watched: Container) -> None:
    """Python does not fork them on macOS and, from 3.14 on, on Linux."""
    watched.put("processing/labels/a.csv", "".join(f"{label}\n" for label in LABELS[:2_000]))
    early = watched.put("early/sitecustomize.py", "import multiprocessing; multiprocessing.set_start_method('spawn')\n")
    watched.run("monitoring.py", PYTHONPATH=str(early.parent))
    assert json.loads(watched.read("processing/monitoring/monitoring.json"))["labels"]["records"] == 2_000


def test_answers_that_turn_out_wrong_are_a_violation_of_each_metric(watched: Container) -> None:
    """Features and scores are as before; the metrics are named with their values and thresholds."""
    wrong = np.where(RANDOM.random(2_000) < 0.3, 1 - LABELS[:2_000], LABELS[:2_000])
    watched.put("processing/labels/a.csv", "".join(f"{label}\n" for label in wrong))
    found = judged(watched)
    assert found["outcome"] == "drift"
    by_metric = {violation["feature"]: violation for violation in found["violations"]}
    assert set(by_metric) == {"auc", "accuracy", "precision", "recall", "f1", "brier_score"}
    assert by_metric["auc"]["check"] == "quality"
    assert by_metric["auc"]["value"] < by_metric["auc"]["threshold"] < QUALITY["metrics"]["auc"]["value"]
    assert by_metric["brier_score"]["value"] > by_metric["brier_score"]["threshold"]


def test_probabilities_that_are_too_high_are_a_violation_of_the_calibration() -> None:
    """Even if the records' order by probability is as good as ever."""
    found = checked(LABELS, SCORES * 0.8 + 0.2)
    assert ("calibration", "calibration") in found
    assert ("auc", "quality") not in found


def checked(labels: np.ndarray, scores: np.ndarray) -> set[tuple[str, str]]:
    """Returns the violations of a window with these labels."""
    statistics = {"features": [], "scores": [], "dataset": {"item_count": len(labels)}}
    answers = {"probability": scores}
    quality = quality_of(SCHEMA.label, SCHEMA.problem, SCHEMA.classes, labels, answers)
    reference = baseline.Baseline(dict(statistics, quality=QUALITY), {"monitoring_config": {}})
    _, found = monitoring.judge(dict(statistics, quality=quality), reference, 200)
    return {(check.feature, check.check) for check in found}


CLASSES = (np.array([1, 1, 1, 0, 2] * 60), np.array([0, 2, 0, 1, 2] * 60))
CLASS_ANSWERS = {"probability": np.full(300, 0.6), "label": np.array(["b"] * 300)}
NUMBERS = (np.linspace(0, 2.1, 300), np.linspace(2, 0, 300))
NUMBER_ANSWERS = {"prediction": np.linspace(0, 2, 300)}


@pytest.mark.parametrize(
    ("problem", "classes", "labels", "answers", "metric"),
    [
        ("multiclass_classification", ("a", "b", "c"), CLASSES, CLASS_ANSWERS, "weighted_f1"),
        ("regression", None, NUMBERS, NUMBER_ANSWERS, "rmse"),
    ],
)
def test_other_problems_have_their_own_metrics(
    problem: str, classes: Any, labels: tuple[np.ndarray, ...], answers: dict[str, np.ndarray], metric: str
) -> None:
    """Answers that turn out wrong are found with them."""
    good, bad = (quality_of("y", problem, classes, each, answers) for each in labels)
    statistics = {"features": [], "scores": [], "dataset": {"item_count": 300}}
    reference = baseline.Baseline(dict(statistics, quality=good), {"monitoring_config": {}})
    assert monitoring.judge(dict(statistics, quality=good), reference, 200) == ("healthy", [])
    outcome, found = monitoring.judge(dict(statistics, quality=bad), reference, 200)
    assert outcome == "drift"
    assert metric in {check.feature for check in found}


def test_records_that_come_together_say_less() -> None:
    """Ten copies of each record are as uncertain as one; of records that are alone nothing changes."""
    answers = {"probability": np.repeat(SCORES[:500], 10)}
    labels = np.repeat(LABELS[:500], 10)
    quality = quality_of("income", SCHEMA.problem, SCHEMA.classes, labels, answers)
    effects = design_effects(quality, labels, answers, np.repeat(np.arange(500), 10))
    assert effects.keys() == quality["metrics"].keys()
    assert list(effects.values()) == pytest.approx([10] * len(effects))
    alone = design_effects(quality, labels, answers, np.arange(5_000))
    assert list(alone.values()) == pytest.approx([1] * len(alone))


def test_few_labels_are_no_sign_of_health(watched: Container) -> None:
    """The records are as before, but whether the answers are right is not known."""
    known = [str(label) for label in LABELS[:199]] + [""] * 1_801
    watched.put("processing/labels/a.csv", "".join(f"{label}\n" for label in known))
    found = judged(watched)
    assert (found["outcome"], found["labels"]["records"]) == ("too_little_data", 199)


def captured(folder: Path, events: list[tuple[str, str, str]]) -> None:
    """Puts captured requests: event ID, inference ID and lines."""
    folder.mkdir(parents=True)
    lines = []
    for event, inference, body in events:
        part = {"observedContentType": "text/csv", "mode": "INPUT", "data": body, "encoding": "CSV"}
        answer = dict(part, mode="OUTPUT", data="0.5,1\n" * body.count("\n"))
        metadata = {"eventId": event, **({"inferenceId": inference} if inference else {})}
        content = {"captureData": {"endpointInput": part, "endpointOutput": answer}, "eventMetadata": metadata}
        lines.append(json.dumps(content) + "\n")
    (folder / "a.jsonl").write_text("".join(lines))


def joined(folder: Path, **files: str) -> dict[str, float]:
    """Returns the labels of the captured records by their keys."""
    for name, content in files.items():
        file = folder / "labels" / name.replace("__", ".")
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
    labels = late_labels.read(folder / "labels", folder / "records", QUALITY)
    labelled = late_labels.Labelled(labels)
    late_labels.BY_KEY.clear()
    late_labels.BY_KEY.update(labels.by_key)
    found: dict[str, float] = {}
    features, scores = [{"name": "age", "type": "number"}], [{"name": "probability", "type": "number"}]
    for block in labelled.watched(scored.blocks(folder / "records", folder / "answers")):
        part = late_labels.joined(scored.read(block, features, scores))
        labelled.add(part)
        found.update(zip(part.keys, part.labels.tolist(), strict=True))
    labelled.counts(3)
    return found


def test_labels_find_captured_records_by_their_identifiers(tmp_path: Path) -> None:
    """The client's inference ID comes before the event's; SageMaker's ground truth has a label for each record."""
    captured(tmp_path / "records", [("e1", "", "30\n"), ("e2", "mine", "31\n"), ("e3", "", "32\n33\n")])
    truth = {"groundTruthData": {"data": "high\nlow", "encoding": "CSV"}, "eventMetadata": {"eventId": "e3"}}
    found = joined(tmp_path, a__csv="inference_id,label\ne1,low\nmine,high\n", b__jsonl=json.dumps(truth))
    assert found == {"e1\n0": 0, "mine\n0": 1, "e3\n0": 1, "e3\n1": 0}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a__csv", "inference_id,label\nother,low\n", "none of the 1 labels in .*a.csv has a record; .* of 'other'"),
        ("a__csv", "inference_id,label\ne1,middle\n", "a.csv, line 2: 'income' is 'middle', expected one of .*'low'"),
        ("a__csv", "inference_id,label\ne1,low\ne1,high\n", "a.csv, line 3: 'e1 0' already has another label"),
        ("a__csv", "id,label\ne1,low\n", "a.csv begins with 'id,label', expected the header inference_id,label"),
        ("a__csv", "inference_id,label\ne1\n", "a.csv, line 2: expected 2 values"),
        ("a__csv", "inference_id,label\n", "a.csv has no labels"),
        ("a__jsonl", "{", "a.jsonl, line 1 is not SageMaker's ground truth"),
        ("a__csv", "inference_id,label\ntwice,low\n", "two records have the inference ID 'twice', and one label"),
    ],
)
def test_labels_that_fit_no_record_name_their_file(tmp_path: Path, name: str, content: str, message: str) -> None:
    """Nothing is healthy by default."""
    captured(tmp_path / "records", [("e1", "", "30\n"), ("e2", "twice", "31\n"), ("e3", "twice", "32\n")])
    with pytest.raises(JobError, match=message):
        joined(tmp_path, **{name: content})


def test_a_file_has_as_many_labels_as_records(watched: Container) -> None:
    """One line missing would move all others."""
    watched.put("processing/labels/a.csv", "0\n" * 1_999)
    reason = watched.fail("monitoring.py", "output/message")
    assert "labels/a.csv has 1,999 labels, but" in reason


def test_memory_is_bounded_by_a_sample(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of more labels than fit, a uniform sample is taken, and its share is known."""
    monkeypatch.setattr(late_labels, "MOST", 1_000)
    file = tmp_path / "labels" / "a.csv"
    file.parent.mkdir()
    file.write_text("inference_id,label\n" + "".join(f"{number},low\n" for number in range(10_000)))
    labels = late_labels.read(tmp_path / "labels", tmp_path, QUALITY)
    assert 1_000 >= len(labels.by_key) > 400
    assert labels.share == pytest.approx(len(labels.by_key) / 10_000, rel=0.2)
