"""Starts an execution that monitors a file of records, in place of what was scored."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from executions.errors import ExecutionsError
from executions.records import write_rows
from executions.start import deployed_key, function_variables, read_input, start_execution
from executions.target import Target
from pipeline.input.errors import InvalidFileError
from pipeline.input.execution import merged
from pipeline.input.tokens import fill_in
from pipeline.input.yaml_document import Document
from pipeline.monitoring_run import MONITORING_ONLY
from pipeline.places import EXECUTIONS
from pipeline.s3_uri import bucket_and_key
from pipeline.stages import BATCH_TRANSFORM, CREATE_MODEL, MONITORING, REGISTRATION

_STATISTICS = "statistics.json"
_RECORDS, _BASELINE, _ANSWERS, _LABELS = "records", "baseline", "answers", "labels"
"""The names of the job's inputs."""
_FILE = "records.csv"
"""The name of the uploaded records, and of their labels: the job joins them by it."""


@dataclass(frozen=True, kw_only=True)
class Version:
    """A registered version with its baseline."""

    arn: str
    """Of the model package."""
    artefact: str
    """S3 URI of the model's archive."""
    baseline: str
    """S3 URI of the folder with its statistics.json and constraints.json."""
    features: tuple[str, ...]


def monitor_file(
    target: Target, file: Path, *, labels: Path | None = None, overrides: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Starts an execution that compares a file's records with the baseline of the newest approved version.

    With labels, the version's model answers the records in a batch transform first, and its answers are judged, too.

    Args:
        target: the deployment.
        file: a CSV file, as ``executions.records`` reads it.
        labels: a file with the label of each record on a line, which is empty if the label is not known yet.
        overrides: the user's, over the stage's.

    Returns:
        The start function's answer.

    Raises:
        ExecutionsError: the file cannot be read as records, there is no baseline, or the deployed input.yaml has no
            such stage. Nothing has been started.
    """
    variables = function_variables(target)
    key = deployed_key(variables)
    deployed = _deployed_input(target, key)
    version = approved_version(target, fill_in(_group(deployed), variables))
    event = uuid4().hex
    folder = f"{variables['MODEL_NAME']}/{EXECUTIONS}monitor-{event[:16]}"
    place = f"s3://{target.stack.bucket}/{folder}"
    uris = {_BASELINE: version.baseline, _RECORDS: f"{place}/{_RECORDS}/{_FILE}"}
    answering: dict[str, Any] = {}
    if labels:
        uris[_LABELS] = f"{place}/{_LABELS}/{_FILE}"
        answering = _answering(version, uris[_RECORDS])
    inputs = {"ProcessingInputs": _relocated(deployed, uris)}
    own = {MONITORING.key: {"scope": "execution", "retrain": False, "input": inputs}}
    over = merged(merged(MONITORING_ONLY, answering | own), overrides or {})
    _upload(target, file, labels, folder=folder, features=version.features)
    return start_execution(target, key=key, overrides=over, event_id=event)


def _answering(version: Version, records: str) -> dict[str, Any]:
    """The overrides with which the version's model answers the records."""
    source = {"DataSource": {"S3DataSource": {"S3Uri": records}}}
    return {
        CREATE_MODEL.key: {"run": True, "input": {"PrimaryContainer": {"ModelDataUrl": version.artefact}}},
        BATCH_TRANSFORM.key: {"run": True, "input": {"TransformInput": source}},
    }


def _upload(target: Target, file: Path, labels: Path | None, *, folder: str, features: tuple[str, ...]) -> None:
    """Uploads the records as the endpoint is asked, and their labels."""
    s3 = target.aws.client("s3")
    with tempfile.TemporaryDirectory() as temporary:
        rows = Path(temporary, _FILE)
        with rows.open("w", encoding="utf-8", newline="") as into:
            count = write_rows(file, features, into)
        if labels:
            with labels.open("rb") as lines:
                given = sum(1 for _ in lines)  # an empty one is not known yet
            if given != count:
                raise ExecutionsError(f"{labels} has {given:,} labels, but {file} has {count:,} records")
            s3.upload_file(str(labels), target.stack.bucket, f"{folder}/{_LABELS}/{_FILE}")
        s3.upload_file(str(rows), target.stack.bucket, f"{folder}/{_RECORDS}/{_FILE}")


def _deployed_input(target: Target, key: str) -> dict[str, Any]:
    """Reads the input.yaml in the bucket."""
    try:
        document = Document(read_input(target, key))
    except InvalidFileError as error:
        raise ExecutionsError(f"s3://{target.stack.bucket}/{key}: {error}") from error
    return document.data if isinstance(document.data, dict) else {}


def _group(deployed: Mapping[str, Any]) -> str:
    """The model package group as the file names it: with tokens."""
    registration = ((deployed.get(REGISTRATION.key) or {}).get("input") or {}).get("ModelPackageGroupName")
    return str(registration or deployed.get("model_id"))


def _relocated(deployed: Mapping[str, Any], uris: Mapping[str, str]) -> list[dict[str, Any]]:
    """Returns the job's inputs with these S3 URIs, by name; the answers are needed only with labels."""
    given = ((deployed.get(MONITORING.key) or {}).get("input") or {}).get("ProcessingInputs") or ()
    found = {str(one.get("InputName")): one for one in given}
    if _LABELS in uris and _RECORDS in found:
        source = found[_RECORDS]["S3Input"] | {"LocalPath": f"/opt/ml/processing/{_LABELS}"}
        found.setdefault(_LABELS, {"InputName": _LABELS, "S3Input": source})
    missing = [name for name in (*uris, *([_ANSWERS] if _LABELS in uris else [])) if name not in found]
    if missing:
        raise ExecutionsError(
            f"the deployed input.yaml has no monitoring.input.ProcessingInputs called {' and '.join(missing)}; "
            "docs/monitoring.md shows the stage"
        )
    if _LABELS not in uris:
        found.pop(_ANSWERS, None)
    return [
        one | {"S3Input": one["S3Input"] | {"S3Uri": uris[name]}} if name in uris else one
        for name, one in found.items()
    ]


def approved_version(target: Target, group: str) -> Version:
    """Returns the newest approved version in a model package group.

    Raises:
        ExecutionsError: no version is approved, or it has no baseline.
    """
    sagemaker = target.aws.client("sagemaker")
    listed = sagemaker.list_model_packages(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=1,
    )["ModelPackageSummaryList"]
    if not listed:
        raise ExecutionsError(
            f"the model package group {group} {target.aws.where} has no approved version; run: mlops start"
        )
    version = listed[0]["ModelPackageArn"]
    described = sagemaker.describe_model_package(ModelPackageName=version)
    files = (described.get("DriftCheckBaselines") or {}).get("ModelDataQuality") or {}
    uri = (files.get("Statistics") or {}).get("S3Uri") or ""
    folder, _, name = uri.rpartition("/")
    if name != _STATISTICS:
        raise ExecutionsError(
            f"{version} has no baseline {_STATISTICS} in DriftCheckBaselines; evaluate and register a model again"
        )
    containers = (described.get("InferenceSpecification") or {}).get("Containers") or [{}]
    return Version(
        arn=version,
        artefact=containers[0].get("ModelDataUrl") or "",
        baseline=folder,
        features=_features(target, uri),
    )


def _features(target: Target, uri: str) -> tuple[str, ...]:
    bucket, key = bucket_and_key(uri)
    body = target.aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    try:
        return tuple(str(feature["name"]) for feature in json.loads(body)["features"])
    except (ValueError, KeyError, TypeError) as error:
        raise ExecutionsError(f"{uri} is no baseline: {error!r}") from error
