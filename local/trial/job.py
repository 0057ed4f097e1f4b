"""Runs one stage's job as a trial."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from executions.defaults import PROJECT
from executions.history import readable_cause
from executions.inputs import CODE, inputs
from executions.jobs import job_names
from local.connection import ACCOUNT
from local.errors import LocalError
from local.images import installer_variables, own_images_of
from local.trial.s3_overlay import S3Overlay
from pipeline.input.execution import merged
from pipeline.stages import REQUEST_STAGES, RequestStage
from sagemaker_local.environments import Environments
from sagemaker_local.errors import AwsError, TaskFailed
from sagemaker_local.guard import new_key
from sagemaker_local.images import Images
from sagemaker_local.service import SageMaker

STAGES = tuple(stage for stage in REQUEST_STAGES if stage.action in {"createProcessingJob", "createTrainingJob"})
"""The stages that run a script."""

OUTPUTS = "outputs"
"""The subfolder for what a trial writes."""
_DEBUGGER = Path(__file__).with_name("job_debugger.py")


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What to run."""

    stage: RequestStage
    execution: str
    """The execution whose inputs to use."""
    content: Mapping[str, Any]
    """Its input: the sections of ``input.yaml``."""
    scripts: Mapping[str, bytes]
    """The scripts by name, in place of the execution's."""
    overrides: Mapping[str, Any]
    """Changes of the input."""
    debugger: Mapping[str, str] | None = None
    """The variables of ``job_debugger``; None to run the script without it."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """How it went."""

    job: str
    error: str | None
    """Why it failed; None if it succeeded."""
    written: tuple[Path, ...]
    """The files that it wrote."""


def run(trial: Trial, *, s3: Any, region: str, folder: Path, log: Callable[[str], None]) -> Tried:
    """Runs the trial's job to its end.

    Args:
        trial: what to run.
        s3: a client for the S3 with the execution's inputs.
        region: for the job's variables.
        folder: ``outputs`` in it gets what the job writes; ``work`` has the job's files and log, and the inputs, which
            are downloaded once.
        log: takes each line of the job's log.

    Raises:
        LocalError: the stage has no request in this execution, its scripts cannot be replaced, or the request is
            rejected.
    """
    request = _request(trial)
    bucket, prefix = _code_location(trial, request)
    files = dict(trial.scripts)
    if trial.debugger is not None:
        files[_DEBUGGER.name] = _DEBUGGER.read_bytes()
        _debug(trial, request)

    def written(bucket: str, key: str) -> Path:
        return folder / OUTPUTS / _below(bucket, key, trial.execution)

    overlay = S3Overlay(s3, bucket=bucket, prefix=prefix, files=files, written=written)
    sagemaker = SageMaker(
        s3=overlay,  # type: ignore[arg-type] # all of a client that it uses
        folder=folder / "work",
        key=new_key(),
        job_key=None,
        region=region,
        account=ACCOUNT,
        log=lambda _action, _name, line: log(line),
        images=Images(own=lambda: own_images_of(PROJECT)),
        environments=Environments(variables=installer_variables),
    )
    error = None
    try:
        sagemaker.run(trial.stage.action, request)
    except AwsError as refusal:
        raise LocalError(f"SageMaker would refuse the job: {refusal.message}") from refusal
    except TaskFailed as failure:
        error = readable_cause(failure.cause)
    finally:
        sagemaker.stop()
    files_written = sorted(path for path in (folder / OUTPUTS).rglob("*") if path.is_file())
    return Tried(job=request[trial.stage.name_field], error=error, written=tuple(files_written))


def _below(bucket: str, key: str, execution: str) -> PurePosixPath:
    """The path of an object: what follows the execution's prefix or, elsewhere in S3, its bucket and key."""
    below = PurePosixPath(key.partition(f"/{execution}/")[2] or f"{bucket}/{key}")
    if below.is_absolute() or ".." in below.parts:
        raise LocalError(f"s3://{bucket}/{key} cannot be written: its key is no path")
    return below


def _request(trial: Trial) -> dict[str, Any]:
    """The stage's request with the overrides, without nulls, and with a job name."""
    section = merged(dict(trial.content), trial.overrides).get(trial.stage.key) or {}
    request = _without_nulls(section.get("input"))
    if not isinstance(request, dict) or not request:
        raise LocalError(f"the execution {trial.execution} has no {trial.stage.key}.input to try")
    environment = {**(request.get("Environment") or {}), **trial.stage.variables(section)}
    environment.pop(trial.stage.publishes, None)  # a trial leaves no metrics, which could raise an alarm
    request["Environment"] = environment
    return request | {trial.stage.name_field: job_names(dict(trial.content), trial.execution)[trial.stage.key][1]}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value if item is not None]
    return value


def _code_location(trial: Trial, request: dict[str, Any]) -> tuple[str, str]:
    """The bucket and the prefix of the scripts."""
    uri = next((uri for name, uri in inputs(request) if name == CODE), None)
    if uri is None:
        raise LocalError(
            f"{trial.stage.key} of the execution {trial.execution} has no input named {CODE}, so its scripts cannot be "
            "replaced"
        )
    location = urlsplit(uri)
    return location.netloc, location.path.strip("/") + "/"


def _debug(trial: Trial, request: dict[str, Any]) -> None:
    """Changes a request so that its script runs under the debugger."""
    specification = request.get("AppSpecification") or request.get("AlgorithmSpecification") or {}
    command = specification.get("ContainerEntrypoint") or []
    if len(command) < 2 or not command[1].endswith(".py"):  # noqa: PLR2004 - an interpreter and a script
        raise LocalError(
            f"--pdb needs a Python script in {trial.stage.key}.input, as ContainerEntrypoint: "
            '["python3", ".../script.py"]'
        )
    if request.get("EnableNetworkIsolation") or (request.get("NetworkConfig") or {}).get("EnableNetworkIsolation"):
        raise LocalError(f"--pdb cannot reach a job without a network: {trial.stage.key} has EnableNetworkIsolation")
    program = str(PurePosixPath(command[1]).with_name(_DEBUGGER.name))
    specification["ContainerEntrypoint"] = [command[0], program, *command[1:]]
    request["Environment"] = {**(request.get("Environment") or {}), **(trial.debugger or {})}
