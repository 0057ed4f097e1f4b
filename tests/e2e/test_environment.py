"""``mlops local up``, ``run``, ``status``, ``env`` and ``down``, as a user types them, in a separate checkout."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local.connection import Connection
from pipeline.monitoring_run import MONITORING_ONLY
from pipeline.stages import STAGES
from tests.e2e.checkout import Checkout, make_checkout
from tests.e2e.conftest import PROJECT, SAMPLE, YEARS_AHEAD, FirstRun
from tests.waiting import wait_until

pytestmark = pytest.mark.emulator


def test_run_deploys_nothing(first_run: FirstRun) -> None:
    """A run in the environment has all its results, without a deployment."""
    assert "deployment with the CDK CLI" not in first_run.printed
    assert first_run.summary["status"] == "SUCCEEDED"
    assert first_run.summary["seconds"]["deploy"] == 0
    for name in ("model", "predictions", "evaluation"):
        assert Path(first_run.summary[name]).is_file(), name
    assert Path(first_run.summary["jobs"]["training"]["log"]).read_text() in re.sub(
        r"^ *training │ ", "", first_run.printed, flags=re.MULTILINE
    )


def test_changed_template_is_deployed_once(checkout: Checkout) -> None:
    """After an edit of the definition, only the next run deploys it, and its tasks run."""
    file = checkout.folder / "pipeline" / "definition.py"
    before = file.read_text()
    after = before.replace('"Comment": "MLOps pipeline', '"Comment": "Edited pipeline')
    assert after != before
    file.write_text(after)
    later = [stage.key for stage in STAGES if stage.key != "preprocessing"]
    off = [word for key in later for word in ("--override", f"{key}.run=false")]
    assert "since the template's sources have changed" in checkout.run(*off)
    assert checkout.summary["stages"]["preprocessing"]["status"] == "SUCCEEDED"
    assert checkout.summary["seconds"]["deploy"] > 0
    # An edited script takes effect without a deployment.
    script = checkout.folder / "scripts" / "train.py"
    script.write_text("import sys\nprint('no more coffee')\nsys.exit(1)\n")
    try:
        printed = checkout.run(code=1)
    finally:
        shutil.copyfile(PROJECT / "scripts" / "train.py", script)
    assert "since the template's sources have changed" not in printed
    assert "training │ no more coffee" in printed
    assert "exit code: 1" in printed
    assert ".log" in printed
    stages = checkout.summary["stages"]
    assert [stages[key]["status"] for key in ("preprocessing", "training", "evaluation")] == [
        "SUCCEEDED",
        "FAILED",
        "PENDING",
    ]


def test_monitoring_has_the_schedule_of_the_environment(checkout: Checkout) -> None:
    """The emulator's EventBridge has the rule, whose event starts an execution in which only monitoring runs."""
    state = json.loads((checkout.folder / "out" / "local" / "state.json").read_text())
    events = Connection(endpoint=state["endpoint"], key=state["key"]).client("events")
    (rule,) = (
        rule for rule in events.list_rules()["Rules"] if rule.get("ScheduleExpression") == f"cron({YEARS_AHEAD})"
    )
    assert rule["State"] == "ENABLED"
    (target,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    event = json.loads(target["InputTransformer"]["InputTemplate"].replace("<id>", '"1"'))
    assert event["overrides"] == MONITORING_ONLY


def test_malformed_input_starts_nothing(checkout: Checkout, tmp_path: Path) -> None:
    """An input.yaml that is not valid YAML is rejected with its line, before anything starts or is removed."""
    own = tmp_path / "own.yaml"
    own.write_text("training: [1\nrun: true\n")
    results = checkout.folder / "out" / "demo"
    results.mkdir(parents=True, exist_ok=True)
    (results / "summary.json").write_text('{"status": "of the run before"}')
    printed = checkout.run("--input", str(own), code=1)
    assert printed.startswith("error: nothing was started: ")
    for part in ("own.yaml:2:", "not valid YAML"):
        assert part in printed
    assert checkout.summary == {"status": "of the run before"}
    assert checkout.status["executions"] == []


def test_interrupt_stops_the_execution_only(checkout: Checkout, tmp_path: Path) -> None:
    """Ctrl-C ends the run's execution and its job; the environment stays up."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "preprocessing.py").write_text("import time\nprint('for a long time', flush=True)\ntime.sleep(600)\n")
    running = checkout.start_command("local", "run", "--data", str(SAMPLE), "--scripts", str(scripts))
    assert running.stdout is not None
    for line in running.stdout:
        if "for a long time" in line:
            break
    assert len(checkout.status["executions"]) == 1
    running.send_signal(signal.SIGINT)
    printed, _ = running.communicate(timeout=30)
    assert running.returncode == 130, printed
    assert "ABORTED" in printed
    wait_until(lambda: not any("/preprocessing.py" in command for command in checkout.processes()), timeout=30)
    assert checkout.status["status"] == "up"
    assert checkout.status["executions"] == []


def test_only_one_is_up(checkout: Checkout) -> None:
    """A second up fails, shows the running environment, and changes nothing."""
    before = checkout.status["state"]["pid"]
    assert f"already up at http://127.0.0.1:{checkout.port}" in checkout.mlops("local", "up", code=1)
    assert checkout.status["state"]["pid"] == before
    assert "key" not in checkout.status["state"]


def test_variables_direct_any_sdk_to_the_emulator(checkout: Checkout) -> None:
    """A shell with the variables of ``mlops local env`` uses the emulator, whatever profile it had."""
    python = shlex.quote(sys.executable)
    command = (
        f"{python} -c \"from cli.main import main; main(['local', 'env'])\" > variables && . ./variables && "
        f"{python} -c \"import boto3; print(boto3.client('sts').get_caller_identity()['Account'])\""
    )
    environment = {"PATH": os.defpath, "AWS_PROFILE": "nobody", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}
    completed = subprocess.run(
        ["/bin/sh", "-c", command], cwd=checkout.folder, env=environment, capture_output=True, text=True, check=False
    )
    assert completed.stdout == "000000000000\n", completed.stderr


def test_executions_of_others_are_served(checkout: Checkout) -> None:
    """Jobs run for executions that no run started, such as scheduled ones, and end when the execution is stopped."""
    state = json.loads((checkout.folder / "out" / "local" / "state.json").read_text())
    connection = Connection(endpoint=state["endpoint"], key=state["key"])
    bucket = state["metadata"]["bucket"]
    script = b"import time\nprint('begun', flush=True)\ntime.sleep(600)\n"
    s3 = connection.client("s3")
    # An earlier run may have published another input.
    s3.put_object(Bucket=bucket, Key="demo/scripts/input.yaml", Body=(PROJECT / "scripts" / "input.yaml").read_bytes())
    s3.put_object(Bucket=bucket, Key="demo/scripts/preprocessing.py", Body=script)
    event = {"config": {"bucket": bucket, "prefix": "demo/scripts/input.yaml"}, "id": "the-schedule's"}
    response = connection.client("lambda").invoke(FunctionName=state["metadata"]["function"], Payload=json.dumps(event))
    answer = json.loads(response["Payload"].read())
    log = checkout.folder / "out" / "local" / "logs" / "ProcessingJobs" / f"{answer['name']}.log"
    wait_until(lambda: log.exists() and log.read_text() == "begun\n", timeout=30)
    connection.client("stepfunctions").stop_execution(executionArn=answer["executionArn"])
    wait_until(lambda: not any("/preprocessing.py" in command for command in checkout.processes()), timeout=30)
    record = log.with_suffix(".json")
    wait_until(record.exists, timeout=30)  # written after the process has ended
    assert json.loads(record.read_text())["status"] == "Stopped"


def test_answer_to_a_missing_execution(checkout: Checkout) -> None:
    """An answer to a missing execution fails with one line and exit code 1."""
    printed = checkout.mlops("approve", "mlops-demo-nobody", "--local", code=1)
    assert printed.startswith("error: ")
    assert len(printed.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_environment_leaves_nothing(tmp_path: Path, free_port: Callable[[], int], number: int) -> None:
    """If its process is killed during the deployment, all its processes end, and the message has the log's path."""
    checkout = make_checkout(tmp_path / "checkout", free_port())
    starting = checkout.start_command("local", "up", "--port", str(checkout.port))
    lock = checkout.folder / "out" / "local" / "lock"
    log = checkout.folder / "out" / "local" / "logs" / "cdk.log"
    wait_until(log.exists, timeout=30)
    assert checkout.status["status"] == "starting"
    os.kill(int(lock.read_text()), number)
    printed, _ = starting.communicate(timeout=30)
    assert starting.returncode == 1
    assert "the environment ended before it was up; its log: " in printed
    checkout.assert_nothing_left()
    assert checkout.status["status"] == "down"


def test_port_in_use(tmp_path: Path, checkout: Checkout) -> None:
    """The error for a port in use names it, and nothing is left running."""
    other = make_checkout(tmp_path / "checkout", checkout.port)
    printed = other.mlops("local", "up", "--port", str(other.port), code=1)
    assert f"port {other.port} on 127.0.0.1 is not free" in printed
    other.assert_nothing_left()
    assert other.mlops("local", "down") == "no environment is up\n"
