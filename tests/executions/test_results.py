"""Reading metrics from an evaluation report, and downloading what an execution produced."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from executions.results import Results, read_metrics

Make = Callable[..., Results]


@pytest.fixture
def results(tmp_path: Path) -> Iterator[Make]:
    """Makes the results of an execution whose stages had these results, with the objects that lie in the bucket."""
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="bucket")

        def make(objects: list[str], **stages: dict[str, Any]) -> Results:
            for key in objects:
                s3.put_object(Bucket="bucket", Key=key, Body=key.encode())
            output = {key: {"result": result} for key, result in stages.items()}
            return Results(s3=s3, output=output, folder=tmp_path)

        yield make


def trained(uri: str) -> dict[str, Any]:
    return {"ModelArtifacts": {"S3ModelArtifacts": uri}}


def test_a_model_is_downloaded(results: Make, tmp_path: Path) -> None:
    """A model's archive is downloaded to the folder."""
    found = results(["m/model.tar.gz"], training=trained("s3://bucket/m/model.tar.gz")).model()
    assert found == tmp_path / "model.tar.gz"
    assert found.read_text() == "m/model.tar.gz"


def test_a_model_that_is_not_compressed_is_downloaded_as_a_folder(results: Make, tmp_path: Path) -> None:
    """With CompressionType NONE the model is a prefix, and each file below it is downloaded."""
    keys = ["m/model/a.txt", "m/model/deep/b?.txt"]
    found = results(keys, training=trained("s3://bucket/m/model/")).model()
    assert found == tmp_path / "model"
    assert (found / "deep" / "b?.txt").read_text() == "m/model/deep/b?.txt"


@pytest.mark.parametrize("uri", ["s3://bucket/m/model.tar.gz", "s3://bucket/m/model/"])
def test_a_training_that_wrote_no_model_has_none(results: Make, uri: str) -> None:
    """A training job may succeed and leave /opt/ml/model empty."""
    assert results([], training=trained(uri)).model() is None
    assert results([], training={}).model() is None


def test_predictions_keep_their_folders(results: Make, tmp_path: Path) -> None:
    """Predictions of equal names lie in the folders that they had; a name that is no file's is left out."""
    transformed = {"TransformOutput": {"S3OutputPath": "s3://bucket/out/"}}
    keys = ["out/a/x.csv.out", "out/b/x.csv.out", "out/a/x.csv.out/below", "out/../escaped"]
    assert results(keys, batchTransform=transformed).predictions() == tmp_path / "predictions"
    found = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(found) == ["predictions/a/x.csv.out", "predictions/b/x.csv.out"]


def test_one_prediction_is_a_file(results: Make, tmp_path: Path) -> None:
    """A single file with predictions is named itself; without any, there are none."""
    transformed = {"TransformOutput": {"S3OutputPath": "s3://bucket/out"}}
    assert results([], batchTransform=transformed).predictions() is None
    found = results(["out/x.csv.out", "output/other"], batchTransform=transformed).predictions()
    assert found == tmp_path / "predictions" / "x.csv.out"


def test_an_evaluation_with_other_outputs(results: Make) -> None:
    """An output in a feature store, or an object whose name only begins like the report's, is not the report."""
    outputs = [{"FeatureStoreOutput": {}}, {"S3Output": {"S3Uri": "s3://bucket/e/"}}]
    evaluated = {"ProcessingOutputConfig": {"Outputs": outputs}}
    assert results(["e/evaluation.json.bak"], evaluation=evaluated).evaluation() is None
    assert results(["e/evaluation.json"], evaluation=evaluated).evaluation() is not None


@pytest.mark.parametrize("value", ["1" + "0" * 400, "-1" + "0" * 400, "NaN", "Infinity", "true", '"0.9"', "null"])
def test_a_metric_that_is_not_a_number_is_left_out(value: str, tmp_path: Path) -> None:
    """A metric that is not a finite number is left out; the others remain."""
    report = tmp_path / "evaluation.json"
    report.write_text(f'{{"g": {{"auc": {{"value": {value}}}, "f1": {{"value": 0.5}}}}}}')
    assert read_metrics(report) == {"f1": 0.5}


def test_a_flat_report_has_metrics(tmp_path: Path) -> None:
    """Numbers at the top of a report are metrics, but for the layout's version."""
    report = tmp_path / "evaluation.json"
    report.write_text(
        '{"version": 0.0, "accuracy": 0.9, "rows": 3, "name": "x", "ok": true, "g": {"f1": {"value": 1}}}'
    )
    assert read_metrics(report) == {"accuracy": 0.9, "rows": 3, "f1": 1}


@pytest.mark.parametrize("text", ["1" + "0" * 5000, '{"g":' * 100_000, "[]", "{", ""])
def test_a_report_that_cannot_be_read_has_no_metrics(text: str, tmp_path: Path) -> None:
    """A report that is not valid, or too deeply nested, has no metrics and does not fail the run."""
    report = tmp_path / "evaluation.json"
    report.write_text(text)
    assert read_metrics(report) == {}
