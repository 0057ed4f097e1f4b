"""Jobs whose files attack their reader."""

import io
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sagemaker_local import container as container_module
from sagemaker_local.container import Container
from sagemaker_local.errors import FailureReasonError
from sagemaker_local.job_files import JobFiles, remove
from tests.sagemaker_local.sandbox import Sandbox, needs_namespaces

Make = Callable[..., dict[str, Any]]
PROCESSING, TRAINING = "createProcessingJob", "createTrainingJob"


@pytest.fixture
def users(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the user with a file in it."""
    folder = tmp_path_factory.mktemp("users")
    (folder / "thesis.txt").write_text("years of work")
    return folder


@needs_namespaces
@pytest.mark.parametrize("target", ["users", "/opt/ml/processing/input"])
def test_output_is_a_link(sandbox: Sandbox, processing_request: Make, users: Path, target: str) -> None:
    """A job that replaces its output folder with a link fails, and the link's target is untouched."""
    target = str(users) if target == "users" else target
    sandbox.put("data/raw.csv", "x")
    script = f"import os; os.rmdir('/opt/ml/processing/train'); os.symlink({target!r}, '/opt/ml/processing/train')"
    sandbox.put("scripts/job.py", script)
    reason = sandbox.reason(PROCESSING, processing_request())
    assert reason.startswith("ClientError: /opt/ml/processing/train is a symbolic link, not a folder")
    assert (users / "thesis.txt").read_text() == "years of work"
    assert sandbox.keys("out/") == []


@needs_namespaces
def test_parent_of_output_is_a_link(sandbox: Sandbox, processing_request: Make, users: Path) -> None:
    """A link in place of the output's parent folder is not followed either."""
    (users / "train").mkdir()
    (users / "train" / "thesis.txt").touch()
    sandbox.put("data/raw.csv", "x")
    sandbox.put(
        "scripts/job.py",
        f"import os; os.rename('/opt/ml/processing', '/opt/ml/p'); os.symlink({str(users)!r}, '/opt/ml/processing')",
    )
    assert "/opt/ml/processing is a symbolic link" in sandbox.reason(PROCESSING, processing_request())
    assert (users / "train" / "thesis.txt").exists()


@needs_namespaces
@pytest.mark.parametrize("compression", ["NONE", "GZIP"])
def test_model_is_a_link(sandbox: Sandbox, training_request: Make, users: Path, compression: str) -> None:
    """A model folder that is a link fails the training job, with and without compression."""
    sandbox.put("data/train.csv", "x")
    sandbox.put(
        "scripts/train.py", f"import os; os.rmdir('/opt/ml/model'); os.symlink({str(users)!r}, '/opt/ml/model')"
    )
    output = {"S3OutputPath": "s3://bucket/model/", "CompressionType": compression}
    assert "/opt/ml/model is a symbolic link" in sandbox.reason(TRAINING, training_request(OutputDataConfig=output))
    assert (users / "thesis.txt").read_text() == "years of work"
    assert sandbox.keys("model/") == []


@needs_namespaces
@pytest.mark.parametrize("name", ["message", "failure"])
@pytest.mark.parametrize("make", ["os.mkfifo(f)", "os.truncate(f, 1 << 42)", "os.symlink('/etc/passwd', f)"])
def test_message(sandbox: Sandbox, processing_request: Make, training_request: Make, name: str, make: str) -> None:
    """A FIFO, a huge sparse file or a link in place of the message file neither hangs the job nor leaks a file."""
    sandbox.put("data/raw.csv", "x")
    script = f"import os, sys; f = '/opt/ml/output/{name}'\n"
    script += f"if 'truncate' in {make!r}: open(f, 'w')\n{make}; sys.exit(1)"
    sandbox.put("scripts/job.py", script)
    sandbox.put("scripts/train.py", script)
    began = time.monotonic()
    if name == "message":
        reason = sandbox.reason(PROCESSING, processing_request())
    else:
        reason = sandbox.reason(TRAINING, training_request())
    assert "root:" not in reason
    assert time.monotonic() - began < 30


@needs_namespaces
@pytest.mark.parametrize("program", ["{users}/thesis.txt", "../../../..{users}/thesis.txt"])
def test_program_outside_the_source(sandbox: Sandbox, training_request: Make, users: Path, program: str) -> None:
    """A program outside the source directory is rejected, and the mode of the user's file is unchanged."""
    (users / "thesis.txt").chmod(0o600)
    sandbox.put("data/train.csv", "x")
    sandbox.put("scripts/train.py", "")
    sandbox.archive("source.tar.gz", train_py="")
    program = program.format(users=users)
    request = training_request(
        HyperParameters={"sagemaker_program": program, "sagemaker_submit_directory": "s3://bucket/source.tar.gz"}
    )
    request["AlgorithmSpecification"].pop("ContainerEntrypoint")
    assert f"sagemaker_program is {program!r}" in sandbox.reason(TRAINING, request)
    assert (users / "thesis.txt").stat().st_mode & 0o777 == 0o600


@needs_namespaces
def test_everything(sandbox: Sandbox, processing_request: Make, users: Path) -> None:
    """Of links, FIFOs, sockets, odd names and escape sequences, only the one regular file is uploaded."""
    sandbox.put("data/raw.csv", "x")
    sandbox.put(
        "scripts/job.py",
        f"""
        import os, socket
        os.chdir("/opt/ml/processing/train")
        open("good.csv", "w").write("good")
        os.symlink({str(users)!r}, "folder")
        os.symlink("{users}/thesis.txt", "file")
        os.symlink("/proc/self/environ", "environment")
        os.symlink(".", "round")
        os.mkfifo("pipe")
        socket.socket(socket.AF_UNIX).bind("socket")
        open(b"\\xff.csv", "w")
        os.mkdir("line\\nbreak")
        os.symlink("x", "line\\nbreak/\\x1b[2J")
        print("\\x1b]0;title\\x07 \\x1b]52;c;cm0gLXJm\\x07 \\x9b2J \\x1b[31mred")
        os.mkfifo("/opt/ml/output/message")
        """,
    )
    assert sandbox.run(PROCESSING, processing_request())["ProcessingJobStatus"] == "Completed"
    assert sandbox.keys("out/") == ["out/train/good.csv"]
    log = (sandbox.folder / "logs/ProcessingJobs/mlops-demo-1.log").read_text()
    assert not [character for character in log if not character.isprintable() and character != "\n"]
    assert "\\x1b]0;title\\x07" in log
    for name, kind in {"folder": "a symbolic link", "pipe": "a FIFO", "socket": "a socket"}.items():
        assert f"/opt/ml/processing/train/{name} is {kind} and not uploaded" in log
    assert sorted(path.name for path in users.iterdir()) == ["thesis.txt"]
    sandbox.assert_removed("ProcessingJobs/mlops-demo-1")


def test_limits(tmp_path: Path) -> None:
    """Too many bytes, counting sparse files by their size, or levels are rejected before anything is read."""
    (tmp_path / "out").mkdir()
    with (tmp_path / "out" / "sparse").open("wb") as sparse:
        sparse.truncate(1 << 40)
    with pytest.raises(FailureReasonError, match="/opt/ml/out holds more than 8 GiB"):
        JobFiles(tmp_path).entries("/opt/ml/out")
    (tmp_path / "out" / "sparse").unlink()
    (tmp_path / "out" / "/".join("d" * 100)).mkdir(parents=True)
    with pytest.raises(FailureReasonError, match="64 levels"):
        JobFiles(tmp_path).entries("/opt/ml/out")


def test_deep(tmp_path: Path) -> None:
    """Folders nested deeper than Python's recursion limit are removed."""
    above = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=above)
        below = os.open("d", os.O_RDONLY, dir_fd=above)
        os.close(above)
        above = below
    os.close(above)
    remove(tmp_path / "d")
    assert not (tmp_path / "d").exists()


def test_open(tmp_path: Path) -> None:
    """Only regular files are opened, without following links and without blocking."""
    (tmp_path / "file").write_text("content")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    files = JobFiles(tmp_path)
    assert [files.text(f"/opt/ml/{name}", 3) for name in ("file", "link", "pipe")] == ["con", "", ""]
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "s"))
        with (
            pytest.raises(FailureReasonError, match="/opt/ml/s is a socket, not a regular file"),
            files.open("/opt/ml/s"),
        ):
            pass


def test_log_limit(make_container: Callable[..., Container], monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that exceeds its limit is cut with a message; the job continues and its last lines are still known."""
    monkeypatch.setattr(container_module, "LOG_CHARACTERS", 1000)
    received = io.StringIO()
    container = make_container(log=lambda line: received.write(f"{line}\n"))
    container.start(["python3", "-c", "for n in range(10000): print('line', n)"], {})
    assert container.wait().code == 0
    log = (container.folder.parent / "job.log").read_text()
    assert log == received.getvalue()
    assert len(log) < 1200
    assert log.splitlines()[-1].startswith("The log has reached 0 MiB and ends here")
    assert container.last_lines[-1] == "line 9999"
