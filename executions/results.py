"""Reads what the stages of an execution produced, and downloads it."""

import contextlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from executions.evaluation import BASELINE, metrics
from pipeline.s3_uri import bucket_and_key
from pipeline.stages import STAGES, Stage

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
        place = urlsplit((output.get("S3Output") or {}).get("S3Uri") or "")
        key = f"{place.path.strip('/')}/{REPORT}".lstrip("/")
        if place.netloc and _exists(s3, place.netloc, key):
            return f"s3://{place.netloc}/{key}"
    return None


def _exists(s3: Any, bucket: str, key: str) -> bool:
    found = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", ())
    return any(item["Key"] == key for item in found)


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
        """The trained model's archive, or the folder of its files if it is not compressed; None if there is none."""
        uri = (self._results.get("training", {}).get("ModelArtifacts") or {}).get("S3ModelArtifacts")
        if uri and uri.endswith("/"):
            return self._fetch_all(uri, self._folder / "model")
        return self._fetch(uri, self._folder) if uri else None

    def evaluation(self) -> Path | None:
        """The evaluation report; None if there is none."""
        uri = report_uri(self._s3, self._results)
        return self._fetch(uri, self._folder) if uri else None

    def predictions(self) -> Path | None:
        """The file with the predictions, or their folder if there are several; None if nothing was predicted."""
        uri = (self._results.get("batchTransform", {}).get("TransformOutput") or {}).get("S3OutputPath")
        folder = self._fetch_all(uri, self._folder / "predictions") if uri else None
        if folder is None:
            return None
        files = [path for path in folder.rglob("*") if path.is_file()]
        return files[0] if len(files) == 1 else folder

    def _fetch_all(self, uri: str, folder: Path) -> Path | None:
        """Downloads every object below a URI. Returns the folder; None if there is no object."""
        found = False
        bucket, prefix = bucket_and_key(uri)
        prefix = f"{prefix.strip('/')}/".lstrip("/")
        for key in self._keys(bucket, prefix):
            below = PurePosixPath(key.removeprefix(prefix).lstrip("/"))
            # A key that no file can be named after stays in S3 only.
            with contextlib.suppress(FileExistsError, NotADirectoryError, IsADirectoryError):
                if ".." not in below.parts:
                    target = folder / below.parent
                    target.mkdir(parents=True, exist_ok=True)
                    found = self._fetch(f"s3://{bucket}/{key}", target) is not None or found
        return folder if found else None

    def _keys(self, bucket: str, prefix: str) -> Iterable[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
        return [key for key in keys if not key.endswith("/")]

    def _fetch(self, uri: str, folder: Path) -> Path | None:
        """Downloads an object. Returns None if it does not exist: a job may have succeeded and written nothing."""
        bucket, key = bucket_and_key(uri)
        path = folder / PurePosixPath(key).name
        try:
            self._s3.download_file(bucket, key, str(path))
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchKey"}:
                return None
            raise
        return path


def read_metrics(report: Path | None) -> dict[str, float]:
    """Reads the metrics in a report; empty if there is none, or if it is not a JSON object."""
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
    """Returns the summaries of the stages that have one; None for those without a result.

    Args:
        output: the execution's output or, if it failed, its last state's input.
    """
    return {
        stage.key: stage.summary((output.get(stage.key) or {}).get("result") or {})
        for stage in STAGES
        if type(stage).summary is not Stage.summary
    }
