"""What jobs leave for others to read."""

import os
import time
from pathlib import Path

import pytest

from local.job_files import JobFiles, job_names, write_record
from local.jobs import FinishedJob

CONTENT = {"training": {"run": True, "input": {"TrainingJobName": "mine"}}, "evaluation": None, "batchTransform": {}}


def test_names_of_jobs() -> None:
    """A job has the name that the input gives it, else one made from the execution's."""
    assert job_names(CONTENT, "one") == {
        "preprocessing": ("createProcessingJob", "one"),
        "training": ("createTrainingJob", "mine"),
        "evaluation": ("createProcessingJob", "evaluation-one"),
        "batchTransform": ("createTransformJob", "batch-one"),
    }


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The log of the training job."""
    path = tmp_path / "TrainingJobs" / "mine.log"
    path.parent.mkdir()
    return path


@pytest.fixture
def files(tmp_path: Path) -> JobFiles:
    """The files of an execution that has just begun."""
    return JobFiles(logs=tmp_path, content=CONTENT, execution="one", since=time.time() - 1)


def shown(files: JobFiles, *, ended: bool = False) -> list[tuple[str, str]]:
    """The lines that have come."""
    lines: list[tuple[str, str]] = []
    files.show(lambda key, line: lines.append((key, line)), ended=ended)
    return lines


def test_lines_are_shown_once_and_whole(files: JobFiles, log: Path) -> None:
    """Each line is shown once, when it is complete; at the end the last one, though it has no line break."""
    assert shown(files) == []
    log.write_text("one\ntw")
    assert shown(files) == [("training", "one")]
    with log.open("a") as more:
        more.write("o\nthree")
    assert shown(files) == [("training", "two")]
    assert shown(files, ended=True) == [("training", "three")]
    assert shown(files, ended=True) == []


def test_older_files_are_not_ours(files: JobFiles, log: Path) -> None:
    """The files of an earlier job of the same name are left alone."""
    record = FinishedJob(
        name="mine", action="createTrainingJob", status="Completed", seconds=1.5, memory_bytes=1, log_file=log
    )
    log.write_text("old\n")
    write_record(record)
    assert files.finished() == {"training": record}
    for path in (log, log.with_suffix(".json")):
        os.utime(path, (0, time.time() - 60))
    assert shown(files) == []
    assert files.finished() == {}
