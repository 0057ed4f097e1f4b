"""``mlops local up``, ``run``, ``status``, ``env`` and ``down``, as a user types them, in a checkout of their own."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.connection import Connection
from tests.e2e.conftest import PROJECT, SAMPLE

pytestmark = pytest.mark.emulator

_LEFT_OUT = shutil.ignore_patterns(".git", ".venv*", "node_modules", "out", "docs", "tests", "cdk.out", ".*_cache")


@dataclass
class Checkout:
    """A copy of the module, in which a test may edit what it likes, and the command in it."""

    folder: Path
    port: int

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Begins a command."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("COV", "AWS_", "MLOPS_"))
        }
        return subprocess.Popen(
            [sys.executable, "-c", "from cli.main import main; main()", *arguments],
            cwd=self.folder,
            env=environment | {"COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def mlops(self, *arguments: str, code: int = 0) -> str:
        """Runs a command to its end, which must have this exit code; gives what it printed."""
        process = self.begin(*arguments)
        printed, _ = process.communicate(timeout=180)
        assert process.returncode == code, printed
        assert "Traceback" not in printed, printed
        return printed

    def run(self, *options: str, code: int = 0) -> str:
        """``mlops local run`` on the small sample."""
        return self.mlops("local", "run", "--data", str(SAMPLE), *options, code=code)

    @property
    def summary(self) -> dict[str, Any]:
        """What the last run wrote to summary.json."""
        content: dict[str, Any] = json.loads((self.folder / "out" / "demo" / "summary.json").read_text())
        return content

    @property
    def status(self) -> dict[str, Any]:
        """What ``mlops local status --json`` says."""
        process = self.begin("local", "status", "--json")
        printed, _ = process.communicate(timeout=30)
        content: dict[str, Any] = json.loads(printed)
        assert process.returncode == (0 if content["status"] == "up" else 1)
        return content

    def processes(self) -> list[str]:
        """The commands of all processes that have to do with this checkout, zombies aside."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if command and str(self.folder) in command + (process / "environ").read_text():
                    found.append(command)
            except OSError:
                continue
        return [command for command in found if "pytest" not in command]

    def assert_nothing_left(self) -> None:
        """No process is alive within some seconds."""
        wait_until(lambda: not self.processes())


def wait_until(holds: Callable[[], bool], timeout: float = 30) -> None:
    """Waits until something holds."""
    deadline = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def make_checkout(folder: Path, port: int) -> Checkout:
    """Copies the module, with the packages that are installed for it."""
    shutil.copytree(PROJECT, folder, ignore=_LEFT_OUT)
    (folder / "node_modules").symlink_to(PROJECT / "node_modules")
    return Checkout(folder, port)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[Checkout]:
    """A checkout with its environment up; at the end it is told to go, and nothing is left."""
    made = make_checkout(tmp_path_factory.mktemp("up") / "checkout", free_port())
    try:
        printed = made.mlops("local", "up", "--port", str(made.port))
        assert f"http://127.0.0.1:{made.port}" in printed
        assert "mlops local down" in printed
        yield made
        assert f"ended: emulator at http://127.0.0.1:{made.port}" in made.mlops("local", "down")
        made.assert_nothing_left()
        assert made.mlops("local", "down") == "no environment is up\n"
    finally:
        made.mlops("local", "down")


def test_second_run_takes_little_more_than_its_jobs(checkout: Checkout) -> None:
    """A run in the environment deploys nothing, and what comes on top of its jobs' time is some seconds."""
    checkout.run()
    began = time.monotonic()
    printed = checkout.run()
    seconds = time.monotonic() - began
    assert "deployment" not in printed.partition("stage  ")[0]
    assert checkout.summary["status"] == "SUCCEEDED"
    assert checkout.summary["seconds"]["deploy"] == 0
    assert seconds - checkout.summary["seconds"]["jobs"] < 10  # 3 s on an idle machine
    for name in ("model", "predictions", "evaluation"):
        assert Path(checkout.summary[name]).is_file(), name
    assert Path(checkout.summary["jobs"]["training"]["log"]).read_text() in re.sub(
        r"^ *training │ ", "", printed, flags=re.MULTILINE
    )


def test_changed_template_is_deployed_once(checkout: Checkout) -> None:
    """After an edit of the state machine's definition the next run deploys it, and no other; its tasks are served."""
    file = checkout.folder / "pipeline" / "definition.py"
    before = file.read_text()
    after = before.replace('"Comment": "MLOps pipeline', '"Comment": "Edited pipeline')
    assert after != before
    file.write_text(after)
    assert "since the template's sources have changed" in checkout.run()
    assert checkout.summary["seconds"]["deploy"] > 0
    # What is edited now needs no deployment, and takes effect all the same.
    script = checkout.folder / "scripts" / "train.py"
    script.write_text("import sys\nprint('no more coffee')\nsys.exit(1)\n")
    try:
        printed = checkout.run(code=1)
    finally:
        shutil.copyfile(PROJECT / "scripts" / "train.py", script)
    assert "since the template's sources have changed" not in printed
    assert "training │ no more coffee" in printed
    assert checkout.summary["stages"]["training"]["status"] == "FAILED"


def test_interrupt_stops_the_execution_only(checkout: Checkout, tmp_path: Path) -> None:
    """Ctrl-C ends the run's execution and its job; the environment stays up."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "preprocessing.py").write_text("import time\nprint('for a long time', flush=True)\ntime.sleep(600)\n")
    running = checkout.begin("local", "run", "--data", str(SAMPLE), "--scripts", str(scripts))
    assert running.stdout is not None
    for line in running.stdout:
        if "for a long time" in line:
            break
    assert len(checkout.status["executions"]) == 1
    running.send_signal(signal.SIGINT)
    printed, _ = running.communicate(timeout=30)
    assert running.returncode == 130, printed
    assert "ABORTED" in printed
    wait_until(lambda: not any("/preprocessing.py" in command for command in checkout.processes()))
    assert checkout.status["status"] == "up"
    assert checkout.status["executions"] == []


def test_only_one_is_up(checkout: Checkout) -> None:
    """A second up says what is up already, and changes nothing."""
    before = checkout.status["state"]["pid"]
    assert f"already up at http://127.0.0.1:{checkout.port}" in checkout.mlops("local", "up", code=1)
    assert checkout.status["state"]["pid"] == before
    assert "token" not in checkout.status["state"]


def test_variables_lead_any_sdk_there(checkout: Checkout) -> None:
    """A shell that takes what `mlops local env` prints gets to the emulator, whatever profile it had."""
    command = (
        f"{sys.executable} -c \"from cli.main import main; main(['local', 'env'])\" > variables && . ./variables && "
        f"{sys.executable} -c \"import boto3; print(boto3.client('sts').get_caller_identity()['Account'])\""
    )
    environment = {"PATH": os.defpath, "AWS_PROFILE": "nobody", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}
    completed = subprocess.run(
        ["/bin/sh", "-c", command], cwd=checkout.folder, env=environment, capture_output=True, text=True, check=False
    )
    assert completed.stdout == "000000000000\n", completed.stderr


def test_executions_of_others_are_served(checkout: Checkout) -> None:
    """An execution that no run has started, as the schedule's are, gets its jobs; when anybody stops it, they end."""
    state = json.loads((checkout.folder / "out" / "local" / "state.json").read_text())
    connection = Connection(endpoint=state["endpoint"])
    bucket = state["metadata"]["bucket"]
    script = b"import time\nprint('begun', flush=True)\ntime.sleep(600)\n"
    connection.client("s3").put_object(Bucket=bucket, Key="demo/scripts/preprocessing.py", Body=script)
    event = {"config": {"bucket": bucket, "prefix": "demo/scripts/input.yaml"}, "id": "the-schedule's"}
    response = connection.client("lambda").invoke(FunctionName=state["metadata"]["function"], Payload=json.dumps(event))
    answer = json.loads(response["Payload"].read())
    log = checkout.folder / "out" / "local" / "logs" / "ProcessingJobs" / f"{answer['name']}.log"
    wait_until(lambda: log.exists() and log.read_text() == "begun\n")
    connection.client("stepfunctions").stop_execution(executionArn=answer["executionArn"])
    wait_until(lambda: not any("/preprocessing.py" in command for command in checkout.processes()))
    assert json.loads(log.with_suffix(".json").read_text())["status"] == "Stopped"


def test_stack_without_requests_is_said(checkout: Checkout) -> None:
    """An answer to an execution that never was is one line and exit code 1."""
    printed = checkout.mlops("approve", "mlops-demo-nobody", "--local", code=1)
    assert printed.startswith("error: ")
    assert len(printed.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_environment_leaves_nothing(tmp_path: Path, free_port: Callable[[], int], number: int) -> None:
    """When its process is killed, while the CDK works for it, all that it has started ends; the log's place is said."""
    checkout = make_checkout(tmp_path / "checkout", free_port())
    starting = checkout.begin("local", "up", "--port", str(checkout.port))
    lock = checkout.folder / "out" / "local" / "lock"
    log = checkout.folder / "out" / "local" / "logs" / "cdk.log"
    wait_until(log.exists)
    assert checkout.status["status"] == "starting"
    os.kill(int(lock.read_text()), number)
    printed, _ = starting.communicate(timeout=30)
    assert starting.returncode == 1
    assert "the environment ended before it was up; its log: " in printed
    checkout.assert_nothing_left()
    assert checkout.status["status"] == "down"


def test_port_in_use(tmp_path: Path, checkout: Checkout) -> None:
    """A port that is taken is named, and nothing stays."""
    other = make_checkout(tmp_path / "checkout", checkout.port)
    printed = other.mlops("local", "up", "--port", str(other.port), code=1)
    assert f"port {other.port} on 127.0.0.1 is not free" in printed
    other.assert_nothing_left()
    assert other.mlops("local", "down") == "no environment is up\n"
