"""Commands in SageMaker's container layout."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sagemaker_local import container as container_module
from sagemaker_local.container import Container
from sagemaker_local.mounts import best_view, path_in_view

MakeContainer = Callable[..., Container]

needs_namespace = pytest.mark.skipif(best_view() == "prefix", reason="no mount namespaces on this machine")


def run(container: Container, script: str, *arguments: str, **options: float) -> container_module.Exit:
    """Runs a Python script in a container."""
    container.start(["python3", "-c", script, *arguments], {})
    return container.wait(**options)


@needs_namespace
def test_hard_coded_path(make_container: MakeContainer) -> None:
    """A script reads and writes a hard-coded /opt/ml, and the rest of /opt is unchanged."""
    container = make_container()
    (container.ml / "greeting.txt").write_text("hello")
    outcome = run(
        container,
        "import os; open('/opt/ml/answer.txt', 'w').write(open('/opt/ml/greeting.txt').read());"
        "print(sorted(set(os.listdir('/opt')) - {'ml'}))",
    )
    assert outcome.code == 0
    assert (container.ml / "answer.txt").read_text() == "hello"
    assert container.last_lines == [str(sorted({entry.name for entry in Path("/opt").iterdir()} - {"ml"}))]


@needs_namespace
def test_separate_containers(make_container: MakeContainer) -> None:
    """Two concurrent jobs have separate /opt/ml folders, neither of which is visible outside."""
    before = Path("/opt/ml").exists()
    containers = [make_container(name) for name in ("one", "two")]
    for container in containers:
        container.start(["/bin/sh", "-c", "echo mine > /opt/ml/mine; sleep 0.2; ls /opt/ml"], {})
    assert Path("/opt/ml").exists() == before
    assert [container.wait().code for container in containers] == [0, 0]
    assert [container.last_lines for container in containers] == [["mine"], ["mine"]]


def test_prefix(make_container: MakeContainer) -> None:
    """Without namespaces, SAGEMAKER_BASE_DIR replaces /opt/ml, also in arguments and variables."""
    container = make_container(namespaces=False)
    container.start(
        [
            "python3",
            "-c",
            "import os, sys; print(os.environ['SAGEMAKER_BASE_DIR'], os.environ['SM_MODEL_DIR'], *sys.argv[1:])",
            "--data=/opt/ml/input/data",
            "s3://bucket/opt/ml/key",
            "/opt/mlops",
        ],
        {"SM_MODEL_DIR": "/opt/ml/model"},
    )
    assert container.wait().code == 0
    ml = container.ml
    assert container.last_lines == [f"{ml} {ml}/model --data={ml}/input/data s3://bucket/opt/ml/key /opt/mlops"]


def test_environment_is_not_inherited(make_container: MakeContainer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job does not inherit our variables or home folder, and so none of the user's credentials."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("SOME_TOKEN", "secret")
    container = make_container()
    container.start(["/bin/sh", "-c", "env; ls -A $HOME"], {"GIVEN": "yes"})
    container.wait()
    assert "GIVEN=yes" in container.last_lines
    assert not [line for line in container.last_lines if "secret" in line or str(Path.home()) == line[5:]]


def test_shared_cores(make_container: MakeContainer) -> None:
    """Waiting threads do not spin, because the job shares the cores; a request can override this."""
    for name, given in (("default", {}), ("active", {"OMP_WAIT_POLICY": "ACTIVE"})):
        container = make_container(name)
        container.start(["/bin/sh", "-c", "echo $OMP_WAIT_POLICY"], given)
        container.wait()
        assert container.last_lines == [given.get("OMP_WAIT_POLICY", "PASSIVE")]


@pytest.mark.parametrize("name", ["python", "python3", "/miniconda3/bin/python3.9"])
def test_interpreter(make_container: MakeContainer, name: str) -> None:
    """Python is the job's own interpreter, even if a request names the container image's by its path."""
    container = make_container()
    container.start([name, "-c", "import sys; print(sys.prefix)"], {})
    container.wait()
    assert container.last_lines == [path_in_view(container.folder, "python", container.view)]


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("raise SystemExit(3)", 3),
        ("import os; os.kill(os.getpid(), 9)", 128 + signal.SIGKILL),
        ("import os; os.abort()", 128 + signal.SIGABRT),
    ],
)
def test_exit_code(make_container: MakeContainer, script: str, code: int) -> None:
    """The exit code is the command's, or 128 plus the number of the signal that killed it."""
    assert run(make_container(), script).code == code


def test_missing_program(make_container: MakeContainer) -> None:
    """A missing program exits with 127, as in a shell, and the log names it."""
    container = make_container()
    container.start(["/no/such/program"], {})
    assert container.wait().code == 127
    assert "/no/such/program" in container.last_lines[-1]


@needs_namespace
def test_lines_stream(make_container: MakeContainer, tmp_path: Path) -> None:
    """Each line of stdout and stderr arrives while the job runs, and is in its log file."""
    received: list[str] = []
    both_received = tmp_path / "job" / "ml" / "both-received"

    def listen(line: str) -> None:
        received.append(line)
        if len(received) == 2:
            both_received.touch()

    container = make_container(log=listen)
    script = """
import os, sys, time
print("one")
print("two", file=sys.stderr)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.01)
print("three")
"""
    outcome = run(container, script, "/opt/ml/both-received", timeout=30)
    assert (outcome.code, received) == (0, ["one", "two", "three"])
    assert (container.folder.parent / "job.log").read_text() == "one\ntwo\nthree\n"


def test_strange_output(make_container: MakeContainer) -> None:
    """A progress bar's last state is logged; invalid UTF-8 and an unfinished last line are tolerated."""
    container = make_container()
    run(container, r"import sys; sys.stdout.buffer.write(b'10%\r50%\r100%\n\xff\xfe\nend')")
    assert container.last_lines == ["100%", "��", "end"]


def test_failing_log_callback(make_container: MakeContainer) -> None:
    """A log callback that raises does not hang the job; its error is raised at the end."""

    def listen(line: str) -> None:
        raise ZeroDivisionError(line)

    container = make_container(log=listen)
    with pytest.raises(ZeroDivisionError, match="0"):
        run(container, "for n in range(20000): print(n)")


def test_measurements(make_container: MakeContainer) -> None:
    """A job's seconds and peak memory exclude those of the process that starts it."""
    ours = bytearray(400 << 20)
    began = time.monotonic()
    outcome = run(make_container(), "import time; x = b'1' * (100 << 20); time.sleep(0.2)")
    assert 0.2 < outcome.seconds < time.monotonic() - began
    assert len(ours) > outcome.memory_bytes > 100 << 20


@pytest.mark.parametrize("inside", ["/etc/passwd", "/opt/ml/../../etc", "relative", "/opt/mlops"])
def test_path_outside(make_container: MakeContainer, inside: str) -> None:
    """A path outside /opt/ml is rejected."""
    with pytest.raises(ValueError, match="not below /opt/ml"):
        make_container().path(inside)
