"""One run of the whole pipeline on this machine: what ``make demo`` and ``mlops local run`` do.

It goes to the environment that is up, or to one of its own, which ends with it. From then on the two are the same.
"""

import json
import shlex
import shutil
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError, EndpointConnectionError
from rich.console import Console

from executions.display import follow, stage_table
from executions.job_logs import LocalLogs
from executions.results import Results, last_steps, read_metrics
from executions.start import start_execution
from executions.target import Target
from executions.watch import View, Viewer
from local.control_server import send_command
from local.data import identity
from local.display import Display
from local.environment import MODEL_NAME, LocalEnvironment
from local.errors import LocalError
from local.job_records import finished_jobs
from local.publication import publish
from local.state import DEFAULT_FOLDER, SCRATCH, EnvironmentDir, State
from local.template_hash import template_hash
from pipeline.refusals import as_refused
from sagemaker_local.mounts import isolation_warning

DEFAULT_PORT = 4566
_SCRATCH = ("cache", "cdk", "models", "registry", SCRATCH)
_OWN = (*_SCRATCH, "jobs", "logs", "predictions", "evaluation.json", "model.tar.gz", "summary.json")
"""What a run leaves in its folder; nothing else there is touched."""


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What the user may choose; None stands for what the module ships."""

    input_file: Path | None = None
    data: Path | None = None
    scripts: Path | None = None
    port: int | None = None
    """The emulator's. One that is not that of the environment which is up asks for an environment of the run's own."""
    folder: Path
    """Where the results go, and the logs; what an earlier run left there is removed."""
    environment: Path
    """The folder of the environment that may be up."""
    overrides: dict[str, Any] = field(default_factory=dict)
    """Merged over the input."""
    since: float
    """When the user's command began, in seconds since the epoch."""


def run(options: RunOptions, display: Display) -> dict[str, Any]:
    """Runs the pipeline once, and leaves the results in the folder.

    Returns:
        The summary, as written to ``summary.json``.

    Raises:
        LocalError: it could not be run; no execution is left.
    """
    if options.folder == options.environment:
        raise LocalError(f"{options.folder} is the environment's folder; choose another for the results: --out")
    unsafe = isolation_warning()
    if unsafe:
        display.warn(unsafe)
    state = EnvironmentDir(options.environment).live()
    directory = EnvironmentDir(options.folder)
    with directory.lock():
        for name in _OWN:
            _remove(options.folder / name)
        if state is not None and options.port in {None, state.port}:
            summary = _run_in(state, options, display)
        else:
            summary = _run_alone(directory, options, display)
    directory.forget()
    return summary


def _run_in(state: State, options: RunOptions, display: Display) -> dict[str, Any]:
    """In the environment that is up, which is brought up to date if need be."""
    display.say(f"environment at {state.endpoint}, up since {state.started}")
    seconds = {"setup": time.time() - options.since, "deploy": 0.0}
    if state.data != identity(options.data):
        with display.step("other data into the environment's S3"):
            send_command(state, "load", data=None if options.data is None else str(options.data.resolve()))
    if state.template != template_hash():
        started = time.monotonic()
        with display.step("deployment with the CDK CLI, since the template's sources have changed"):
            send_command(state, "deploy")
        seconds["deploy"] = time.monotonic() - started
    try:
        return _execute(EnvironmentDir(options.environment).require_live(), options, display, seconds)
    except (EndpointConnectionError, ConnectionClosedError) as error:
        raise LocalError(f"the environment has ended during the run; its log: {state.log}") from error


def _run_alone(directory: EnvironmentDir, options: RunOptions, display: Display) -> dict[str, Any]:
    """In an environment of its own, of which no process is left."""
    with ExitStack() as stack:
        with display.step("emulator, with the data in its S3"):
            environment = stack.enter_context(LocalEnvironment(directory=directory, port=options.port or DEFAULT_PORT))
            environment.load(options.data)
        seconds = {"setup": time.time() - options.since}
        started = time.monotonic()
        with display.step("deployment with the CDK CLI"):
            environment.deploy()
        seconds["deploy"] = time.monotonic() - started
        # So that others find it as long as it lasts: mlops approve --local --folder.
        directory.write(environment.state())
        stack.callback(directory.clear)
        summary = _execute(environment.state(), options, display, seconds)
    for name in _SCRATCH:
        _remove(options.folder / name)
    return summary


def _execute(state: State, options: RunOptions, display: Display, seconds: dict[str, float]) -> dict[str, Any]:
    """Publishes, starts, watches, fetches."""
    publish(state, model_name=MODEL_NAME, scripts=options.scripts, input_file=options.input_file)
    logs = LocalLogs(Path(state.folder) / "logs", since=time.time())
    target = Target.of(state.aws, state.metadata, logs=logs, is_local=True)
    arn = start_execution(target, overrides=options.overrides)["executionArn"]
    view = follow_or_stop(Viewer(target, arn, whole_logs=True), display.console, folder=Path(state.folder))
    jobs = finished_jobs(logs, view.jobs)
    seconds |= {"execution": view.seconds, "jobs": sum(job.seconds for job in jobs.values())}
    summary = {
        **_ending(view),
        "jobs": {
            key: {
                "seconds": round(job.seconds, 3),
                "peak_memory_mb": round(job.memory_bytes / 1e6),
                "log": str(_kept_log(job.log_file, logs=logs.folder, folder=options.folder / "logs")),
            }
            for key, job in jobs.items()
        },
        **_results(state, target.executions.data(view.execution), options.folder),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }
    (options.folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    return summary


def follow_or_stop(viewer: Viewer, console: Console, *, folder: Path) -> View:
    """Shows an execution until it ends. Interrupted, it stops the execution, and the environment ends its job.

    Args:
        viewer: looks at the execution.
        console: where to show it.
        folder: the environment's.
    """
    options = " --local" if folder == DEFAULT_FOLDER else f" --local --folder {shlex.quote(str(folder))}"
    try:
        view = follow(viewer, console, options=options)
    except BaseException:
        with suppress(BotoCoreError, ClientError):  # an emulator that has gone has no execution either
            viewer.target.step_functions.stop_execution(
                executionArn=viewer.arn, error="Interrupted", cause="the user interrupted the run"
            )
            _show_stages(viewer.look(), console)
        raise
    _show_stages(view, console)
    return view


def _show_stages(view: View, console: Console) -> None:
    console.print()
    console.print(stage_table(view, view.end, width=console.width, last_lines=False))


def _ending(view: View) -> dict[str, Any]:
    """How the execution ended: its status, its stages, its error if it has one."""
    error, cause = as_refused(view.execution.get("error") or "", view.execution.get("cause") or "")
    return {
        "status": view.status,
        "execution": view.execution["name"],
        "stages": {
            key: {"status": stage.status, "seconds": stage.seconds(view.end)} for key, stage in view.progress.items()
        },
        **({"error": error, "cause": cause} if error else {}),
    }


def _results(state: State, output: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Downloads what the stages produced."""
    results = Results(s3=state.connection.client("s3"), output=output, folder=folder)
    evaluation = results.evaluation()
    return {
        "metrics": read_metrics(evaluation),
        **last_steps(output),
        "model": _text(results.model()),
        "predictions": _text(results.predictions()),
        "evaluation": _text(evaluation),
    }


def _kept_log(log: Path, *, logs: Path, folder: Path) -> Path:
    """The log in the run's own folder, where it stays when the environment goes."""
    kept = folder / log.relative_to(logs)
    if kept != log:
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(log, kept)
    return kept


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
