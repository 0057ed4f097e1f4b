"""Keeps a record of each finished job and deployed endpoint next to the logs, for other processes."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from executions.differences import StageDifference
from executions.job_logs import LocalLogs
from executions.jobs import Jobs
from sagemaker_local.differences import Difference, Runtime, of_request
from sagemaker_local.endpoint import DeployedEndpoint
from sagemaker_local.job import FinishedJob

_DEPLOYMENT = "deployment"


@dataclass(frozen=True, kw_only=True)
class Records:
    """The records of an execution."""

    jobs: dict[str, FinishedJob]
    """Its finished jobs, by the key of their stage."""
    endpoint: DeployedEndpoint | None
    """The endpoint that it deployed."""
    others: list[StageDifference]
    """The differences of what has no record: the model's registration and the endpoint's autoscaling."""

    @property
    def differences(self) -> list[StageDifference]:
        """How its stages differed from AWS."""
        stages = {key: job.differences for key, job in self.jobs.items()}
        if self.endpoint is not None:
            stages[_DEPLOYMENT] = self.endpoint.differences
        recorded = [StageDifference(stage=key, **asdict(one)) for key, found in stages.items() for one in found]
        return recorded + self.others

    @property
    def runtimes(self) -> list[Runtime]:
        """What its jobs and models ran in."""
        found = [job.runtime for job in self.jobs.values() if job.runtime is not None]
        found += self.endpoint.runtimes if self.endpoint is not None else ()
        return [runtime for number, runtime in enumerate(found) if runtime not in found[:number]]


def write_job(job: FinishedJob) -> None:
    """Writes the record of a finished job next to its log."""
    _write(job.log_file.with_suffix(".json"), job)


def write_endpoint(endpoint: DeployedEndpoint) -> None:
    """Writes the record of an endpoint that serves a new configuration."""
    logs = LocalLogs(endpoint.log_file.parent.parent)
    _write(_endpoint_record(logs, endpoint.config), endpoint)


def read_records(logs: LocalLogs, jobs: Jobs, data: dict[str, Any]) -> Records:
    """Returns the records of an execution.

    Args:
        logs: the jobs' logs, next to the records.
        jobs: the execution's jobs.
        data: the execution's latest data.
    """
    found = {key: _read(logs, logs.file(*job).with_suffix(".json")) for key, job in jobs.items()}
    config = ((data.get(_DEPLOYMENT) or {}).get("result") or {}).get("EndpointConfigName")
    endpoint = _read(logs, _endpoint_record(logs, config)) if config else None
    return Records(
        jobs={
            key: FinishedJob(**record | {"runtime": _runtime(record.get("runtime"))})
            for key, record in found.items()
            if record is not None
        },
        endpoint=None
        if endpoint is None
        else DeployedEndpoint(**endpoint | {"runtimes": tuple(Runtime(**one) for one in endpoint["runtimes"])}),
        others=list(_without_record(data)),
    )


def _without_record(data: dict[str, Any]) -> Iterator[StageDifference]:
    for stage, operation, request in _requests(data):
        for one in of_request(operation, request, isolated=True):
            yield StageDifference(stage=stage, **asdict(one))


def _requests(data: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The requests of the stages that ran, as far as the input gives their fields."""
    registration, deployment = (data.get(key) or {} for key in ("registration", _DEPLOYMENT))
    if "ModelPackageArn" in (registration.get("result") or {}):
        yield "registration", "CreateModelPackage", registration.get("input") or {}
    if "autoscaling" in (deployment.get("result") or {}):
        scaling = deployment["autoscaling"]
        capacity = {"MinCapacity": scaling["min_capacity"], "MaxCapacity": scaling["max_capacity"]}
        yield _DEPLOYMENT, "RegisterScalableTarget", capacity


def _endpoint_record(logs: LocalLogs, config: str) -> Path:
    return logs.file("createEndpointConfig", config).with_suffix(".json")


def _write(path: Path, record: FinishedJob | DeployedEndpoint) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(record) | {"log_file": str(record.log_file)}))
    partial.replace(path)


def _read(logs: LocalLogs, path: Path) -> dict[str, Any] | None:
    if not logs.is_current(path):
        return None
    record: dict[str, Any] = json.loads(path.read_text())
    differences = tuple(Difference(**one) for one in record["differences"])
    return record | {"log_file": Path(record["log_file"]), "differences": differences}


def _runtime(record: dict[str, Any] | None) -> Runtime | None:
    return None if record is None else Runtime(**record)
