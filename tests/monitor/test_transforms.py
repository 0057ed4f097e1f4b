"""Batch transforms in a window of what the version in service has scored."""

from datetime import timedelta
from typing import Any

import pytest

from monitor import transforms
from monitor.errors import NotCapturedError
from tests.monitor.conftest import BUCKET, HOUR, KEPT, NOW, Monitor

JULY = "demo/data/july.csv"


def answers(name: str = "batch-mlops-demo-2") -> str:
    """The key of the answers of a job."""
    return f"demo/predictions/{name}/july.csv.out"


def test_a_window_has_what_batch_transforms_have_scored(monitor: Monitor) -> None:
    """Next to what was captured; each file of answers is named with its file of records."""
    key = monitor.capture()
    monitor.transform()
    opened = monitor.open()
    assert opened["files"] == 2
    assert monitor.files(opened) == [key, JULY]
    assert monitor.files(opened, "answers") == [answers()]
    assert monitor.read(opened, "window") == {"answers": {answers(): JULY}}
    assert opened["inputs"]["window"]["S3DataType"] == "S3Prefix"
    assert opened["window"]["notes"] == []


def test_a_window_without_batch_transforms_has_no_answers(monitor: Monitor) -> None:
    """A processing job fails for an input without files."""
    monitor.capture()
    opened = monitor.open()
    assert set(opened["inputs"]) == {"baseline", "records", "window"}
    assert monitor.read(opened, "window") == {"answers": {}}


def test_each_job_counts_once(monitor: Monitor) -> None:
    """The next window has only those that have completed since; one with too little data is not counted."""
    monitor.transform()
    monitor.close(monitor.open(), "too_little_data")
    opened = monitor.open("second")
    assert monitor.files(opened, "answers") == [answers()]
    monitor.close(opened, "healthy", "second")
    assert monitor.open("third")["files"] == 0
    monitor.transform("batch-mlops-demo-3")
    assert monitor.files(monitor.open("third"), "answers") == [answers("batch-mlops-demo-3")]


def test_an_endpoint_that_captures_nothing_has_batch_transforms(monitor: Monitor) -> None:
    """The outcome says that requests are not watched; later windows may have nothing."""
    monitor.sagemaker.capture = None
    monitor.transform()
    opened = monitor.open()
    assert monitor.files(opened) == [JULY]
    (note,) = opened["window"]["notes"]
    assert note.startswith("endpoint demo captures no requests")
    monitor.close(opened, "healthy")
    later = monitor.open("second")
    assert (later["files"], later["inputs"], later["window"]["notes"]) == (0, {}, [note])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"DataProcessing__JoinSource": "Input"},
            "DataProcessing.JoinSource is Input: its files are not what the model",
        ),
        ({"DataProcessing__InputFilter": "$[1:]"}, r"DataProcessing.InputFilter is \$\[1:\]"),
        ({"DataProcessing__OutputFilter": "$[0]"}, r"DataProcessing.OutputFilter is \$\[0\]"),
        ({"TransformInput__ContentType": "application/json"}, "ContentType is application/json, not text/csv"),
        ({"TransformInput__CompressionType": "Gzip"}, "CompressionType is Gzip, not None"),
        ({"TransformOutput__Accept": "application/json"}, "Accept is application/json, not text/csv"),
        ({"TransformOutput__AssembleWith": "None"}, "AssembleWith is None, not Line"),
        ({"TransformInput__SplitType": "RecordIO"}, "SplitType is RecordIO, not Line"),
        (
            {"TransformInput__DataSource__S3DataSource__S3DataType": "ManifestFile"},
            "S3DataType is ManifestFile, not S3Prefix",
        ),
        (
            {"TransformInput__DataSource__S3DataSource__S3Uri": "s3://elsewhere/july"},
            "its input, s3://elsewhere/july, is not in the pipeline's bucket, mlops-bucket",
        ),
        ({"TransformOutput__S3OutputPath": f"s3://{BUCKET}-2/a"}, "its output, s3://mlops-bucket-2/a, is not in"),
        (
            {"TransformInput__DataSource__S3DataSource__S3Uri": f"s3://{BUCKET}/demo/executions/mlops-demo-1/test"},
            "its input is from the execution that trained the model: the baseline has these records",
        ),
        (
            {"TransformInput__DataSource__S3DataSource__S3Uri": f"s3://{BUCKET}/demo/executions/monitor-1/records/a"},
            "mlops monitor --data has judged it",
        ),
        ({"ModelName": "model-mlops-demo-9"}, "model model-mlops-demo-9 no longer exists"),
    ],
)
def test_what_cannot_be_taken_is_named(monitor: Monitor, changes: dict[str, Any], reason: str) -> None:
    """With the job and the reason; the error of an endpoint that captures nothing has it, too."""
    monitor.transform(**changes)
    opened = monitor.open()
    assert opened["files"] == 0
    (note,) = opened["window"]["notes"]
    assert note.startswith("batch transform batch-mlops-demo-2 is not taken: ")
    monitor.sagemaker.capture = None
    with pytest.raises(
        NotCapturedError, match=f"could be taken; batch transform batch-mlops-demo-2 is not taken: {reason}"
    ):
        monitor.open()


@pytest.mark.parametrize(
    "changes", [{"DataProcessing__InputFilter": "$"}, {"TransformInput__SplitType": "None"}], ids=str
)
def test_other_forms_of_the_same_are_taken(monitor: Monitor, changes: dict[str, Any]) -> None:
    """A filter that leaves everything, and a file that is one request."""
    monitor.transform(**changes)
    assert monitor.files(monitor.open()) == [JULY]


def test_jobs_of_other_versions_and_of_others_are_left_alone(monitor: Monitor) -> None:
    """The function may not even describe the models and jobs of other pipelines."""
    monitor.transform(ModelName="model-mlops-demo-0")
    monitor.transform("batch-mlops-demo-3", ModelName="model-of-others")
    monitor.sagemaker.transforms.append({"TransformJobName": "batch-seldemo-1", "TransformEndTime": NOW})
    opened = monitor.open()
    assert (opened["files"], opened["window"]["notes"]) == (0, [])


def test_a_later_model_of_the_same_version_counts(monitor: Monitor) -> None:
    """Each execution creates a model of its own; what they have in common is the registered artefact."""
    monitor.sagemaker.models["model-mlops-demo-2"] = f"{KEPT}/model.tar.gz"
    monitor.transform(ModelName="model-mlops-demo-2")
    assert monitor.files(monitor.open()) == [JULY]


def test_files_without_answers_or_changed_since_are_not_taken(monitor: Monitor) -> None:
    """The others are; a file may have been overwritten with the next month's records."""
    job = monitor.transform()
    monitor.put("demo/data/august.csv")
    opened = monitor.open()
    assert monitor.files(opened) == [JULY]
    assert opened["window"]["notes"] == [
        "batch transform batch-mlops-demo-2: 1 of its 2 files have no answers, or have changed since"
    ]
    job["TransformStartTime"] = NOW - HOUR
    assert "2 of its 2 files" in monitor.open()["window"]["notes"][0]


def test_a_file_that_was_scored_twice_counts_once(monitor: Monitor) -> None:
    """With the answers of the later job."""
    monitor.transform()
    monitor.transform("batch-mlops-demo-3")
    opened = monitor.open()
    assert monitor.files(opened) == [JULY]
    assert monitor.files(opened, "answers") == [answers("batch-mlops-demo-3")]


def test_a_prefix_can_end_within_a_name(monitor: Monitor) -> None:
    """The answers' file has the whole name."""
    monitor.transform(TransformInput__DataSource__S3DataSource__S3Uri=f"s3://{BUCKET}/demo/data/ju")
    assert monitor.files(monitor.open()) == [JULY]


def test_a_window_is_bounded(monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with the last job that it can take; the next one has the others."""
    for number in range(3):
        job = monitor.transform(f"batch-mlops-demo-{number}")
        job["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"] = f"s3://{BUCKET}/demo/data-{number}/"
        monitor.put(f"demo/data-{number}/july.csv")
        job["TransformEndTime"] += timedelta(milliseconds=number)
    monkeypatch.setattr(transforms, "JOBS", 2)
    assert taken(monitor, "a") == [f"demo/data-{number}/july.csv" for number in range(2)]
    assert taken(monitor, "b") == ["demo/data-2/july.csv"]
    monkeypatch.setattr(transforms, "JOBS", 100)
    monitor.module.dynamodb.delete_item(TableName="windows", Key={"endpoint": {"S": "demo"}})
    monkeypatch.setattr(transforms, "MOST", 1)
    assert [taken(monitor, name) for name in "cde"] == [[f"demo/data-{number}/july.csv"] for number in range(3)]


def test_a_job_that_is_listed_late_counts_too(monitor: Monitor) -> None:
    """It ended before the last window did, but SageMaker did not list it yet; the jobs counted then are known."""
    first = monitor.transform()
    first["TransformEndTime"] = NOW - HOUR / 2
    assert taken(monitor, "a") == [JULY]
    second = monitor.transform("batch-mlops-demo-3", TransformInput__SplitType="None")
    second["TransformEndTime"] = NOW - HOUR / 4
    opened = monitor.open("b")
    assert monitor.files(opened, "answers") == [answers("batch-mlops-demo-3")]
    assert set(opened["window"]["jobs"]) == {"batch-mlops-demo-2", "batch-mlops-demo-3"}
    monitor.close(opened, "drift", "b", waiting=["records"])
    assert taken(monitor, "c") == [JULY]
    assert monitor.open("d")["files"] == 0


def test_jobs_that_are_not_taken_do_not_end_a_window(monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a window of such jobs only would have nothing, and never be counted."""
    for number in range(2):
        monitor.transform(f"batch-mlops-demo-{number}", ModelName="model-mlops-demo-0")
        monitor.transform(f"batch-mlops-demo-1{number}", TransformOutput__Accept="application/json")
    monitor.transform()
    monkeypatch.setattr(transforms, "JOBS", 1)
    assert taken(monitor, "a") == [JULY]


def taken(monitor: Monitor, execution: str) -> list[str]:
    """Opens a window and counts it. Returns its files of records."""
    opened = monitor.open(execution)
    monitor.close(opened, "healthy", execution)
    return monitor.files(opened)


def test_a_versions_first_transforms_can_precede_its_deployment(monitor: Monitor) -> None:
    """A window of the former version that ended in between has not counted them."""
    entry = {"endpoint": "demo", "ends": (NOW - HOUR).isoformat(), "version": "arn/1", "execution": "a", "drifted": "0"}
    item = {name: {"S": value} for name, value in entry.items()}
    monitor.module.dynamodb.put_item(TableName="windows", Item=item)
    job = monitor.transform()
    job["TransformEndTime"] = NOW - 2.5 * HOUR
    monitor.sagemaker.since = NOW - HOUR / 2
    assert monitor.files(monitor.open()) == [JULY]
    monitor.sagemaker.since = NOW - 2 * HOUR  # it was in service before, when its windows counted the job
    assert monitor.open()["files"] == 0
