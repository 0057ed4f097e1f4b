"""The records of finished jobs and deployed endpoints."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from executions.differences import StageDifference
from executions.job_logs import LocalLogs
from executions.jobs import job_names
from local.job_records import Records, read_records, write_endpoint, write_job
from sagemaker_local.differences import Difference, Runtime
from sagemaker_local.endpoint import DeployedEndpoint
from sagemaker_local.job import FinishedJob

CONTENT = {"training": {"run": True, "input": {"TrainingJobName": "mine"}}, "evaluation": None, "batchTransform": {}}
DATA = CONTENT | {"deployment": {"result": {"EndpointName": "demo", "EndpointConfigName": "second"}}}
RUNTIME = Runtime(image="image:1", python="3.11.7", packages={"numpy": "1.24.1"})
ROLE = Difference(field="RoleArn", here="no IAM", on_aws="what the role allows")


@pytest.fixture
def job(tmp_path: Path) -> FinishedJob:
    """A training job with a difference, whose log's folder exists."""
    log = tmp_path / "TrainingJobs" / "mine.log"
    log.parent.mkdir()
    return FinishedJob(
        name="mine",
        action="createTrainingJob",
        status="Completed",
        seconds=1.5,
        memory_bytes=1,
        log_file=log,
        runtime=RUNTIME,
        differences=(ROLE,),
    )


def endpoint(folder: Path, config: str, **changes: str) -> DeployedEndpoint:
    """An endpoint that serves a configuration, with one difference."""
    return DeployedEndpoint(
        name="demo",
        config=config,
        log_file=folder / "Endpoints" / "demo.log",
        runtimes=(RUNTIME,),
        differences=(Difference(field=changes.get("field", "ServerlessConfig"), here="1", on_aws="2"),),
    )


def read(folder: Path, *, since: float = 0.0) -> Records:
    """The records of the execution, no older than a time."""
    return read_records(LocalLogs(folder, since=since), job_names(CONTENT, "one"), DATA)


def test_older_records_are_ignored(tmp_path: Path, job: FinishedJob) -> None:
    """The record of an earlier job of the same name is ignored."""
    write_job(job)
    before = time.time() - 1
    assert read(tmp_path, since=before).jobs == {"training": job}
    os.utime(job.log_file.with_suffix(".json"), (0, time.time() - 60))
    assert read(tmp_path, since=before).jobs == {}


def test_endpoint_of_the_execution(tmp_path: Path) -> None:
    """The record is that of the configuration that the execution deployed, not of the endpoint's latest."""
    mine = endpoint(tmp_path, "second")
    for one in (endpoint(tmp_path, "first"), mine, endpoint(tmp_path, "third")):
        write_endpoint(one)
    assert read(tmp_path).endpoint == mine


def test_no_records(tmp_path: Path) -> None:
    """An execution without records has no differences."""
    found = read(tmp_path)
    assert (found.jobs, found.endpoint, found.differences, found.runtimes) == ({}, None, [], [])


def test_differences_by_stage(tmp_path: Path, job: FinishedJob) -> None:
    """Differences carry their stage, the deployment's too; what several of them ran in is listed once."""
    write_job(job)
    write_endpoint(endpoint(tmp_path, "second"))
    found = read(tmp_path)
    assert found.differences == [
        StageDifference(stage="training", field="RoleArn", here="no IAM", on_aws="what the role allows"),
        StageDifference(stage="deployment", field="ServerlessConfig", here="1", on_aws="2"),
    ]
    assert found.runtimes == [RUNTIME]


def test_differences_of_registration_and_autoscaling(tmp_path: Path) -> None:
    """Fields of the registration and of the autoscaling differ if these ran; they need no record."""
    sections: dict[str, dict[str, Any]] = {
        "registration": {"input": {"ValidationSpecification": {"ValidationRole": "mine"}, "Domain": "OTHER"}},
        "deployment": {"autoscaling": {"min_capacity": 1, "max_capacity": 4, "invocations_per_instance": 10}},
    }
    assert read_records(LocalLogs(tmp_path), {}, sections).differences == []
    sections["registration"]["result"] = {"ModelPackageArn": "arn"}
    sections["deployment"]["result"] = {"autoscaling": {"PolicyARN": "arn"}}
    found = read_records(LocalLogs(tmp_path), {}, sections).differences
    assert [(one.stage, one.field, one.on_aws) for one in found] == [
        ("registration", "CreateModelPackage.ValidationSpecification", "transform jobs test it"),
        ("deployment", "RegisterScalableTarget.MaxCapacity", "up to 4 hosts"),
    ]
