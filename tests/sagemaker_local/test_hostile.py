"""Jobs that leave what is to harm whoever reads it."""

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
    """A folder of the user's, with a file in it."""
    folder = tmp_path_factory.mktemp("users")
    (folder / "thesis.txt").write_text("years of work")
    return folder


@needs_namespaces
@pytest.mark.parametrize("target", ["users", "/opt/ml/processing/input"])
def test_output_is_a_link(sandbox: Sandbox, processing_request: Make, users: Path, target: str) -> None:
    """An output folder that a job has replaced by a link fails the job; what it leads to stays where it is."""
    target = str(users) if target == "users" else target
    sandbox.put("data/raw.csv", "x")
    script = f"import os; os.rmdir('/opt/ml/processing/train'); os.symlink({target!r}, '/opt/ml/processing/train')"
    sandbox.put("scripts/job.py", script)
    reason = sandbox.reason(PROCESSING, processing_request())
    assert reason.startswith("ClientError: /opt/ml/processing/train is a symbolic link, not a folder")
    assert (users / "thesis.txt").read_text() == "years of work"
    assert sandbox.keys("out/") == []


@needs_namespaces
def test_folder_on_the_way_is_a_link(sandbox: Sandbox, processing_request: Make, users: Path) -> None:
    """Nor is a link followed that stands for a folder above the output."""
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
    """A model folder that is a link fails the training job, packed or not."""
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
    """A FIFO, an enormous sparse file or a link where the container may say how it ended hangs and tells nothing."""
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
def test_program_outside(sandbox: Sandbox, training_request: Make, users: Path, program: str) -> None:
    """A program that is not below the source directory is refused, and no file of the user's gets another mode."""
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
    """A job full of links, FIFOs, sockets, deep folders and escape sequences uploads its one file and harms nobody."""
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
    assert not (sandbox.folder / "jobs/ProcessingJobs/mlops-demo-1").exists()


def test_too_much(tmp_path: Path) -> None:
    """More bytes, by the sizes of sparse files, or more levels than anybody needs are refused before they are read."""
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
    """Folders in folders, deeper than Python can go, are removed all the same."""
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
    """Only a regular file is opened, and neither through a link nor with a wait."""
    (tmp_path / "file").write_text("content")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    left = JobFiles(tmp_path)
    assert (left.text("/opt/ml/file", 3), left.text("/opt/ml/link", 3), left.text("/opt/ml/pipe", 3)) == ("con", "", "")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "s"))
        with (
            pytest.raises(FailureReasonError, match="/opt/ml/s is a socket, not a regular file"),
            left.open("/opt/ml/s"),
        ):
            pass


def test_log_has_an_end(make_container: Callable[..., Container], monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that grows without end is cut, says so, and the job goes on; the end of what it says is still known."""
    monkeypatch.setattr(container_module, "LOG_CHARACTERS", 1000)
    heard = io.StringIO()
    container = make_container(log=lambda line: heard.write(f"{line}\n"))
    container.start(["python3", "-c", "for n in range(10000): print('line', n)"], {})
    assert container.wait().code == 0
    log = (container.folder.parent / "job.log").read_text()
    assert log == heard.getvalue()
    assert len(log) < 1200
    assert log.splitlines()[-1].startswith("The log has reached 0 MiB and ends here")
    assert container.last_lines[-1] == "line 9999"
