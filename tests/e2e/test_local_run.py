"""``mlops local run``, which ``make demo`` calls, on a small sample of the data."""

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.stages import STAGES
from tests.e2e.conftest import PROJECT, LocalRun, RunningLocalRun
from tests.image_lock import locked_version

pytestmark = pytest.mark.emulator

StartLocalRun = Callable[..., RunningLocalRun]


def assert_clean_failure(run: LocalRun, *parts: str) -> None:
    """The run ended with exit code 1 and a message with these parts, and left no process."""
    assert run.code == 1, run.printed
    assert "Traceback" not in run.printed
    for part in parts:
        assert part in run.printed, run.printed
    assert_nothing_left(run)


def assert_nothing_left(run: LocalRun) -> None:
    """No process of the run is alive: no emulator, Lambda worker or job."""
    alive = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (
                str(run.port).encode() in (process / "environ").read_bytes()
                and b"GATEWAY_PORT" in (process / "environ").read_bytes()
            ) or str(run.folder) in (process / "cmdline").read_text():
                alive.append((process / "cmdline").read_text())
        except OSError:
            continue
    assert alive == []


def assert_differences(run: LocalRun) -> None:
    """The summary and the end of the output have the differences from AWS of the sample input, and no others."""
    summary = run.summary
    runtimes = [job["runtime"] for job in summary["jobs"].values()]
    assert all(one["packages"]["scikit-learn"] == locked_version("scikit-learn", one["python"]) for one in runtimes)
    fields = {one["field"].rpartition(".")[2] for one in summary["differences"]}
    roles, images = {"RoleArn", "ExecutionRoleArn"}, {"ImageUri", "TrainingImage", "Image"}
    assert roles | {"ServerlessConfig"} <= fields <= roles | images | {"ServerlessConfig", "isolation", "/opt/ml"}
    assert {one["stage"] for one in summary["differences"]} == {*summary["jobs"], "deployment"}
    printed = run.printed.partition("This run differs from AWS in:\n")[2].partition("\nNext: ")[0]
    for one in summary["differences"]:
        assert printed.count(f"    here:   {one['here']}\n    on AWS: {one['on_aws']}\n") == 1


def test_whole_pipeline_runs(start_local_run: StartLocalRun) -> None:
    """Every stage succeeds, monitoring included, and the summary has the metrics and the paths of the results."""
    run = start_local_run("--override", "monitoring.run=true").finish()
    assert run.code == 0, run.printed
    summary = run.summary
    assert summary["status"] == "SUCCEEDED"
    assert summary["execution"].startswith("mlops-demo-")
    assert {key: stage["status"] for key, stage in summary["stages"].items()} == {
        stage.key: "SUCCEEDED" for stage in STAGES
    }
    assert all(stage["seconds"] > 0 for stage in summary["stages"].values())
    assert summary["monitoring"]["outcome"] == "healthy"
    assert summary["monitoring"]["records"] > 200
    assert 0.5 < summary["metrics"]["roc_auc"] <= 1
    assert 0.5 < summary["metrics"]["accuracy"] <= 1
    assert set(summary["seconds"]) == {"setup", "deploy", "execution", "jobs"}
    for name in ("model", "predictions", "evaluation"):
        assert Path(summary[name]).is_file(), name
    report = json.loads(Path(summary["evaluation"]).read_text())
    assert report["binary_classification_metrics"]["auc"]["value"] == summary["metrics"]["roc_auc"]
    assert_differences(run)
    for key in ("preprocessing", "training", "evaluation", "batchTransform"):
        assert f"{key} │ " in run.printed
    assert_nothing_left(run)


def test_port_in_use(start_local_run: StartLocalRun) -> None:
    """The error for a port in use names it, and says what to do."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        run = start_local_run(port=port).finish()
    assert_clean_failure(run, f"port {port}", "PORT=")


def test_interrupt_leaves_nothing(start_local_run: StartLocalRun, tmp_path: Path) -> None:
    """Ctrl-C while a job runs stops the execution, its job and the emulator."""
    scripts = tmp_path / "scripts"
    shutil.copytree(PROJECT / "scripts", scripts)
    (scripts / "preprocessing.py").write_text("import time\nprint('for a long time', flush=True)\ntime.sleep(600)\n")
    running = start_local_run("--scripts", str(scripts))
    running.wait_for("for a long time")
    running.interrupt()
    run = running.finish(timeout=30)
    assert run.code == 130
    assert "interrupted" in run.printed
    assert "ABORTED" in run.printed
    assert "Traceback" not in run.printed
    assert_nothing_left(run)
