"""One run of the whole pipeline on this machine: what ``make demo`` does."""

import json
import lzma
import shutil
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from local.activities import Worker
from local.deployment import PROJECT, Metadata, deploy
from local.display import Display
from local.emulator import ACCOUNT, REGION, Emulator
from local.errors import LocalError
from local.jobs import FinishedJob, SageMaker
from local.outcome import Results, read_metrics
from local.progress import RUNNING, StageProgress, stage_progress
from pipeline.bundle import INPUT_FILE, published_files
from pipeline.stages import stage_of_job

MODEL_NAME = "demo"

_SAMPLE_BUCKET = f"sagemaker-sample-data-{REGION}"
_SAMPLE_PREFIX = "processing/census/"
_SAMPLE_DATA = PROJECT / "data" / "census-income.csv.xz"
_WATCH_INTERVAL = 0.25

_SCRATCH = ("cache", "cdk", "models")
_OWN = (*_SCRATCH, "jobs", "logs", "predictions", "evaluation.json", "model.tar.gz", "summary.json")
"""What a run leaves in its folder; nothing else there is touched."""


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What the user may choose; None stands for what the module ships."""

    input_file: Path | None = None
    data: Path | None = None
    scripts: Path | None = None
    port: int
    folder: Path
    """Where the results go, and the logs; what an earlier run left there is removed."""
    since: float
    """When the user's command began, in seconds since the epoch."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an execution ended."""

    status: str
    name: str
    stages: dict[str, StageProgress]
    stopped: datetime
    output: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    cause: str = ""


class Run:
    """The steps of one run, in the order in which they happen."""

    def __init__(self, options: RunOptions, display: Display) -> None:
        self._options = options
        self._display = display
        self._logs = options.folder / "logs"
        self._seconds: dict[str, float] = {}

    def __call__(self) -> dict[str, Any]:
        """Runs the pipeline once, and leaves the results in the folder.

        Returns:
            The summary, as written to ``summary.json``.

        Raises:
            LocalError: it could not be run; no execution and no process is left.
        """
        options = self._options
        for name in _OWN:
            _remove(options.folder / name)
        self._logs.mkdir(parents=True)
        with ExitStack() as stack:
            with self._display.step("emulator, with the data in its S3"):
                emulator = stack.enter_context(Emulator(port=options.port, log=self._logs / "emulator.log"))
                sagemaker = SageMaker(
                    s3=emulator.client("s3"),
                    folder=options.folder,
                    region=REGION,
                    account=ACCOUNT,
                    log=lambda action, name, line: self._display.log(stage_of_job(action, name), line),
                )
                self._load_data(emulator, sagemaker)
            self._seconds["setup"] = time.time() - options.since
            metadata = self._deploy(emulator)
            self._publish(emulator, metadata)
            worker = Worker(
                step_functions=emulator.client("stepfunctions"),
                dynamodb=emulator.client("dynamodb"),
                sagemaker=sagemaker,
            )
            stack.callback(worker.stop)
            worker.serve(metadata.state_machine)
            outcome = self._execute(emulator, metadata, worker)
            summary = self._summarise(emulator, outcome, sagemaker.finished_jobs)
        for name in _SCRATCH:
            _remove(options.folder / name)
        return summary

    def _load_data(self, emulator: Emulator, sagemaker: SageMaker) -> None:
        emulator.client("s3").create_bucket(Bucket=_SAMPLE_BUCKET)
        path = self._options.data or _unpacked_sample_data(self._options.folder.parent)
        sagemaker.upload(path, bucket=_SAMPLE_BUCKET, key=_SAMPLE_PREFIX + path.name)

    def _deploy(self, emulator: Emulator) -> Metadata:
        started = time.monotonic()
        with self._display.step("deployment with the CDK CLI"):
            folder = self._options.folder / "cdk"
            folder.mkdir()
            metadata = deploy(emulator, model_name=MODEL_NAME, folder=folder, log=self._logs / "cdk.log")
        self._seconds["deploy"] = time.monotonic() - started
        return metadata

    def _publish(self, emulator: Emulator, metadata: Metadata) -> None:
        """Puts the user's own scripts and input over those that the deployment has published."""
        files = published_files(self._options.scripts) if self._options.scripts else {}
        if self._options.input_file:
            files[INPUT_FILE] = self._options.input_file.read_bytes()
        s3 = emulator.client("s3")
        for name, content in files.items():
            s3.put_object(Bucket=metadata.bucket, Key=f"{MODEL_NAME}/scripts/{name}", Body=content)

    def _execute(self, emulator: Emulator, metadata: Metadata, worker: Worker) -> Outcome:
        step_functions = emulator.client("stepfunctions")
        arn = _start(emulator, metadata)
        with self._display.stages():
            try:
                while True:
                    execution = step_functions.describe_execution(executionArn=arn)
                    progress = self._show(step_functions, execution)
                    if execution["status"] != RUNNING:
                        break
                    time.sleep(_WATCH_INTERVAL)
            except BaseException:
                step_functions.stop_execution(executionArn=arn, error="Interrupted", cause="the user ended the run")
                worker.stop()
                self._show(step_functions, step_functions.describe_execution(executionArn=arn))
                raise
        self._seconds["execution"] = (execution["stopDate"] - execution["startDate"]).total_seconds()
        return Outcome(
            status=execution["status"],
            name=execution["name"],
            stages=progress,
            stopped=execution["stopDate"],
            output=json.loads(execution.get("output") or "{}"),
            error=execution.get("error", ""),
            cause=execution.get("cause", ""),
        )

    def _show(self, step_functions: Any, execution: dict[str, Any]) -> dict[str, StageProgress]:
        history = step_functions.get_execution_history(
            executionArn=execution["executionArn"], includeExecutionData=False
        )
        progress = stage_progress(history["events"], status=execution["status"], stopped=execution.get("stopDate"))
        self._display.update(progress)
        return progress

    def _summarise(self, emulator: Emulator, outcome: Outcome, jobs: list[FinishedJob]) -> dict[str, Any]:
        folder = self._options.folder
        self._seconds["jobs"] = sum(job.seconds for job in jobs)
        results = Results(s3=emulator.client("s3"), output=outcome.output, folder=folder)
        evaluation = results.evaluation()
        summary = {
            "status": outcome.status,
            "execution": outcome.name,
            "stages": {
                key: {"status": stage.status, "seconds": stage.seconds(outcome.stopped)}
                for key, stage in outcome.stages.items()
            },
            "jobs": {
                stage_of_job(job.action, job.name): {
                    "seconds": round(job.seconds, 3),
                    "peak_memory_mb": round(job.memory_bytes / 1e6),
                    "log": str(job.log_file),
                }
                for job in jobs
            },
            "metrics": read_metrics(evaluation),
            "model": _text(results.model()),
            "predictions": _text(results.predictions()),
            "evaluation": _text(evaluation),
            "seconds": {name: round(seconds, 3) for name, seconds in self._seconds.items()},
        }
        if outcome.error:
            summary |= {"error": outcome.error, "cause": outcome.cause}
        (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
        return summary


def _start(emulator: Emulator, metadata: Metadata) -> str:
    """Invokes the start Lambda with the sample event; gives the execution's ARN."""
    event = {"config": {"bucket": metadata.bucket, "prefix": f"{MODEL_NAME}/scripts/{INPUT_FILE}"}}
    response = emulator.client("lambda").invoke(FunctionName=metadata.function, Payload=json.dumps(event))
    answer = json.loads(response["Payload"].read())
    if "FunctionError" in response:
        raise LocalError(f"the start Lambda refused the input, and nothing was started: {answer['errorMessage']}")
    return str(answer["executionArn"])


def _unpacked_sample_data(cache: Path) -> Path:
    """The shipped census data as CSV, unpacked once."""
    path = cache / _SAMPLE_DATA.stem
    if not path.exists():
        partial = path.with_suffix(".partial")
        with lzma.open(_SAMPLE_DATA) as packed, partial.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked, 1 << 20)
        partial.rename(path)
    return path


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
