"""Runs the pipeline once on this machine, for ``make demo`` and ``mlops local run``.

A run uses the environment that is up, or starts one that ends with the run.
"""

import json
import shlex
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError, EndpointConnectionError
from rich.console import Console

from executions.defaults import EMULATOR_PORT, LOCAL_FOLDER, LOCAL_MODEL_NAME
from executions.display import follow, stage_table
from executions.job_logs import LocalLogs
from executions.results import Results, last_steps, read_metrics
from executions.start import start_execution
from executions.target import Target
from executions.watch import View, Viewer
from local.control_server import send_command
from local.data import identity
from local.display import Display
from local.environment import LocalEnvironment
from local.errors import LocalError
from local.job_records import read_records
from local.own_data import place
from local.publication import check_input, commit_of, publish, published
from local.state import SCRATCH, EnvironmentDir, State
from local.template_hash import template_hash
from pipeline.refusals import as_refused
from sagemaker_local.mounts import isolation_warning

REPORT = "report.html"
"""The run's report, in its folder."""

_SCRATCH = ("cache", "cdk", "models", "registry", SCRATCH)
_OWN = (*_SCRATCH, "jobs", "logs", "predictions", "evaluation.json", "model", "model.tar.gz", REPORT, "summary.json")
"""The files that a run creates in its folder; it touches no others."""


WriteReport = Callable[[Target, str, Path], None]
"""Writes the report on an execution, given its name, to a file, while the environment is up."""


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The user's options; None means the shipped file."""

    input_file: Path | None = None
    data: Path | None = None
    scripts: Path | None = None
    port: int | None = None
    """The emulator's TCP port. If a running environment has another port, the run starts an environment of its own."""
    model_name: str | None = None
    """The deployment's parameter of this name; None: that of the running environment, or the default."""
    folder: Path
    """The folder for results and logs; those of earlier runs are removed."""
    environment: Path
    """The folder of the environment, which need not be up."""
    overrides: dict[str, Any] = field(default_factory=dict)
    """Merged over the input."""
    load_report: Callable[[], WriteReport] | None = None
    """Loads what writes the run's report. It is called in a thread while the execution runs, since it takes a while."""
    since: float
    """When the user's command started, in seconds since the epoch."""


def run(options: RunOptions, display: Display) -> dict[str, Any]:
    """Runs the pipeline once, and downloads the results to the folder.

    Returns:
        The summary, as written to ``summary.json``.

    Raises:
        LocalError: the run failed; no execution is left running.
    """
    if options.folder == options.environment:
        raise LocalError(f"{options.folder} is the environment's folder; choose another for the results: --out")
    check_input(options.overrides, scripts=options.scripts, input_file=options.input_file)
    identity(options.data)
    unsafe = isolation_warning()
    if unsafe:
        display.warn(f"{unsafe}; see docs/security.md")
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
    """Runs in the environment that is up, after bringing it up to date."""
    if options.model_name not in {None, state.model_name}:
        raise LocalError(
            f"the environment at {state.endpoint} is of the model {state.model_name!r}, not {options.model_name!r}; "
            "end it (mlops local down), or give the run a port of its own: --port"
        )
    display.say(f"environment at {state.endpoint}, up since {state.started}")
    seconds = {"setup": time.time() - options.since, "deploy": 0.0}
    if state.data != identity(options.data):
        with display.step("loading other data into the environment's S3"):
            send_command(state, "load", data=None if options.data is None else str(options.data.resolve()))
    if state.template != template_hash():
        started = time.monotonic()
        with display.step("deployment with the CDK CLI, since the template's sources have changed"):
            send_command(state, "deploy")
        seconds["deploy"] = time.monotonic() - started
    try:
        return _execute(EnvironmentDir(options.environment).require_live(), options, display, seconds)
    except (EndpointConnectionError, ConnectionClosedError) as error:
        raise LocalError(f"the environment ended during the run; its log: {state.log}") from error


def _run_alone(directory: EnvironmentDir, options: RunOptions, display: Display) -> dict[str, Any]:
    """Runs in an environment that ends with the run."""
    with ExitStack() as stack:
        with display.step("emulator, with the data in its S3"):
            environment = stack.enter_context(
                LocalEnvironment(
                    directory=directory,
                    port=options.port or EMULATOR_PORT,
                    model_name=options.model_name or LOCAL_MODEL_NAME,
                )
            )
            environment.load(options.data)
        seconds = {"setup": time.time() - options.since}
        started = time.monotonic()
        with display.step("deployment with the CDK CLI"):
            environment.deploy()
        seconds["deploy"] = time.monotonic() - started
        # So that other commands find the environment during the run: mlops approve --local --folder.
        directory.write(environment.state())
        stack.callback(directory.clear)
        summary = _execute(environment.state(), options, display, seconds)
    for name in _SCRATCH:
        _remove(options.folder / name)
    return summary


def _execute(state: State, options: RunOptions, display: Display, seconds: dict[str, float]) -> dict[str, Any]:
    """Uploads the scripts, starts an execution, follows it, and downloads its results."""
    files = published(scripts=options.scripts, input_file=options.input_file)
    commit = commit_of(scripts=options.scripts, input_file=options.input_file)
    publish(state, files, commit)
    if options.data:
        place(options.data, state, files, overrides=options.overrides)
    logs = LocalLogs(Path(state.folder) / "logs", since=time.time())
    target = Target.of(state.aws, state.metadata, logs=logs, is_local=True)
    answer = start_execution(target, overrides=options.overrides)
    if answer.get("reuse_unavailable"):
        display.warn(f"nothing is reused: {answer['reuse_unavailable']}")
    with ThreadPoolExecutor(1) as pool:
        write_report = pool.submit(options.load_report) if options.load_report else None
        view = follow_or_stop(
            Viewer(target, answer["executionArn"], whole_logs=True), display.console, folder=Path(state.folder)
        )
    data = target.executions.data(view.execution)
    records = read_records(logs, view.jobs, data)
    jobs = records.jobs
    seconds |= {"execution": view.seconds, "jobs": sum(job.seconds for job in jobs.values())}
    summary = {
        **_ending(view),
        "jobs": {
            key: {
                "seconds": round(job.seconds, 3),
                "peak_memory_mb": round(job.memory_bytes / 1e6),
                "runtime": None if job.runtime is None else asdict(job.runtime),
                "log": str(_kept_log(job.log_file, logs=logs.folder, folder=options.folder / "logs")),
            }
            for key, job in jobs.items()
        },
        "scripts": commit and {"commit": commit.id, "uncommitted_changes": commit.is_changed},
        "differences": [asdict(difference) for difference in records.differences],
        **_results(state, data, options.folder, display),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }
    if write_report:
        write_report.result()(target, view.execution["name"], options.folder / REPORT)
        summary["report"] = str(options.folder / REPORT)
    (options.folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    return summary


def follow_or_stop(viewer: Viewer, console: Console, *, folder: Path) -> View:
    """Shows an execution until it ends. If interrupted, stops the execution, and with it its job.

    Args:
        viewer: polls the execution.
        console: where to show it.
        folder: the environment's folder.
    """
    options = " --local" if folder == LOCAL_FOLDER else f" --local --folder {shlex.quote(str(folder))}"
    try:
        view = follow(viewer, console, options=options)
    except BaseException:
        with suppress(BotoCoreError, ClientError):  # an emulator that has died has no executions either
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
    """The execution's status, stages and error."""
    error, cause = as_refused(view.execution.get("error") or "", view.execution.get("cause") or "")
    return {
        "status": view.status,
        "execution": view.execution["name"],
        "stages": {
            key: {"status": stage.status, "seconds": stage.seconds(view.end)} for key, stage in view.progress.items()
        },
        **({"error": error, "cause": cause} if error else {}),
    }


def _results(state: State, output: dict[str, Any], folder: Path, display: Display) -> dict[str, Any]:
    """Downloads what the stages produced. What S3 refuses is a warning: the execution has ended as it has."""
    results = Results(s3=state.connection.client("s3"), output=output, folder=folder)

    def downloaded(what: str, download: Callable[[], Path | None]) -> Path | None:
        try:
            return download()
        except ClientError as error:
            display.warn(f"the {what} could not be downloaded: {error}")
            return None

    evaluation = downloaded("evaluation", results.evaluation)
    return {
        "metrics": read_metrics(evaluation),
        **last_steps(output),
        "model": _text(downloaded("model", results.model)),
        "predictions": _text(downloaded("predictions", results.predictions)),
        "evaluation": _text(evaluation),
    }


def _kept_log(log: Path, *, logs: Path, folder: Path) -> Path:
    """Copies a log to the run's folder, where it outlives the environment."""
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
