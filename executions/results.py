"""Reads what the stages of an execution produced, and downloads it."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from executions.evaluation import BASELINE, metrics
from pipeline.stages import STAGES, RequestStage

REPORT = "evaluation.json"
"""The file with the evaluation's metrics, in SageMaker's model-quality layout."""

_NAMES = {"auc": "roc_auc"}
"""SageMaker's ``auc`` is the area under the ROC curve, not under the precision-recall curve."""


def report_uri(s3: Any, results: Mapping[str, dict[str, Any]]) -> str | None:
    """Finds the S3 URI of the evaluation report; None if there is none.

    Args:
        s3: an S3 client.
        results: the ``result`` of each stage that ran, by its key.
    """
    for output in (results.get("evaluation", {}).get("ProcessingOutputConfig") or {}).get("Outputs") or ():
        place = urlsplit(output["S3Output"]["S3Uri"])
        key = f"{place.path.strip('/')}/{REPORT}"
        if s3.list_objects_v2(Bucket=place.netloc, Prefix=key, MaxKeys=1).get("Contents"):
            return f"s3://{place.netloc}/{key}"
    return None


class Results:
    """Downloads an execution's results from S3 into a folder."""

    def __init__(self, *, s3: Any, output: dict[str, Any], folder: Path) -> None:
        """Takes an execution's output.

        Args:
            s3: an S3 client.
            output: the execution's output: every stage that ran has its ``result``.
            folder: where to put the files.
        """
        self._s3 = s3
        self._results = {
            key: stage["result"] for key, stage in output.items() if isinstance(stage, dict) and "result" in stage
        }
        self._folder = folder

    def model(self) -> Path | None:
        """The trained model's archive; None if nothing was trained."""
        if "training" not in self._results:
            return None
        return self._fetch(self._results["training"]["ModelArtifacts"]["S3ModelArtifacts"], self._folder)

    def evaluation(self) -> Path | None:
        """The evaluation report; None if there is none."""
        uri = report_uri(self._s3, self._results)
        return self._fetch(uri, self._folder) if uri else None

    def predictions(self) -> Path | None:
        """The file with the predictions, or their folder if there are several; None if nothing was predicted."""
        if "batchTransform" not in self._results:
            return None
        folder = self._folder / "predictions"
        folder.mkdir()
        prefix = self._results["batchTransform"]["TransformOutput"]["S3OutputPath"]
        fetched = [self._fetch(uri, folder) for uri in self._objects(prefix)]
        return fetched[0] if len(fetched) == 1 else folder

    def _objects(self, uri: str) -> Iterable[str]:
        location = urlsplit(uri)
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=location.netloc, Prefix=location.path.strip("/") + "/"
        )
        return [f"s3://{location.netloc}/{item['Key']}" for page in pages for item in page.get("Contents", ())]

    def _fetch(self, uri: str, folder: Path) -> Path:
        location = urlsplit(uri)
        path = folder / Path(location.path).name
        self._s3.download_file(location.netloc, location.path.lstrip("/"), str(path))
        return path


def read_metrics(report: Path | None) -> dict[str, float]:
    """Reads the metrics in a report; empty if there is none, or if it is not JSON in SageMaker's layout."""
    if report is None:
        return {}
    try:
        content = json.loads(report.read_text())
    except (ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    numbers = {}
    for metric in metrics(content):
        numbers[_NAMES.get(metric.name, metric.name)] = metric.value
        if metric.baseline is not None:
            numbers[metric.name + BASELINE] = metric.baseline
    return numbers


def last_steps(output: dict[str, Any]) -> dict[str, Any]:
    """Returns the summaries of the stages that are more than one SageMaker request; None for those without a result.

    Args:
        output: the execution's output or, if it failed, its last state's input.
    """
    return {
        stage.key: stage.summary((output.get(stage.key) or {}).get("result") or {})
        for stage in STAGES
        if not isinstance(stage, RequestStage)
    }
