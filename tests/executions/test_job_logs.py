"""Job logs, from CloudWatch Logs and from files."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from executions.job_logs import CloudWatchLogs, LocalLogs

GROUP = "/aws/sagemaker/TrainingJobs"
CREATE = "createTrainingJob"
HOSTILE, SHOWN = "\x1b[2Jgone\ta\x9b", "\\x1b[2Jgone\ta\\x9b"


@pytest.fixture
def cloudwatch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """CloudWatch Logs without log groups."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield boto3.client("logs")


def write(logs: Any, stream: str, *lines: str, at: int = 0) -> None:
    """Logs these lines, each a millisecond after the one before."""
    now = int(time.time() * 1000) - 60_000 + at
    events = [{"timestamp": now + index, "message": line} for index, line in enumerate(lines)]
    logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)


@pytest.fixture
def streams(cloudwatch: Any) -> Any:
    """A log group with the streams of a job on two instances, and of a job with the same prefix."""
    cloudwatch.create_log_group(logGroupName=GROUP)
    for stream in ("one/algo-1-1", "one/algo-2-1", "one-more/algo-1-1"):
        cloudwatch.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    write(cloudwatch, "one/algo-1-1", "first", "third", at=0)
    write(cloudwatch, "one/algo-2-1", "fourth", at=1000)
    write(cloudwatch, "one-more/algo-1-1", "of another job")
    return cloudwatch


def test_lines_of_all_instances_in_order(streams: Any) -> None:
    """The lines of all instances of a job, and of no other job, are sorted by time."""
    logs = CloudWatchLogs(streams)
    assert list(logs.new_lines(CREATE, "one")) == ["first", "third", "fourth"]
    assert logs.tail(CREATE, "one", 2) == ["third", "fourth"]


def test_each_line_is_returned_once(streams: Any) -> None:
    """The next call returns only lines that have arrived since, even from the same millisecond."""
    logs = CloudWatchLogs(streams)
    list(logs.new_lines(CREATE, "one"))
    assert list(logs.new_lines(CREATE, "one")) == []
    write(streams, "one/algo-1-1", "fifth", at=5000)
    write(streams, "one/algo-2-1", "sixth", at=5000)
    assert sorted(logs.new_lines(CREATE, "one")) == ["fifth", "sixth"]
    assert list(logs.new_lines(CREATE, "one")) == []


def test_no_job_of_the_kind_has_run(cloudwatch: Any) -> None:
    """Without a log group, there are no lines."""
    logs = CloudWatchLogs(cloudwatch)
    assert list(logs.new_lines(CREATE, "one")) == []
    assert logs.tail(CREATE, "one", 5) == []


def test_control_characters_are_shown_as_text(streams: Any) -> None:
    """A job's log cannot control the reader's terminal."""
    logs = CloudWatchLogs(streams)
    list(logs.new_lines(CREATE, "one"))
    write(streams, "one/algo-1-1", HOSTILE, at=9000)
    assert list(logs.new_lines(CREATE, "one")) == [SHOWN]
    assert logs.tail(CREATE, "one", 1) == [SHOWN]


def test_control_characters_in_files_are_shown_as_text(tmp_path: Path) -> None:
    """The log file of a local job cannot control the reader's terminal."""
    file = tmp_path / "TrainingJobs" / "one.log"
    file.parent.mkdir()
    file.write_text(HOSTILE + "\n")
    logs = LocalLogs(tmp_path)
    assert list(logs.new_lines(CREATE, "one")) == logs.tail(CREATE, "one", 1) == [SHOWN]


def test_files_on_this_machine(tmp_path: Path) -> None:
    """New lines are returned once they are complete; the tail includes an incomplete one."""
    logs = LocalLogs(tmp_path)
    assert list(logs.new_lines(CREATE, "one")) == logs.tail(CREATE, "one", 5) == []
    file = tmp_path / "TrainingJobs" / "one.log"
    file.parent.mkdir()
    file.write_text("first\nhal")
    assert list(logs.new_lines(CREATE, "one")) == ["first"]
    assert logs.tail(CREATE, "one", 1) == ["hal"]
    file.write_text("first\nhalf\n")
    assert list(logs.new_lines(CREATE, "one")) == ["half"]
    file.write_text("first\nhalf\nlast")
    assert list(logs.new_lines(CREATE, "one", ended=True)) == ["last"]
    assert list(logs.new_lines(CREATE, "one", ended=True)) == []


def test_older_log_is_ignored(tmp_path: Path) -> None:
    """The log of an earlier job of the same name is ignored."""
    file = tmp_path / "TrainingJobs" / "one.log"
    file.parent.mkdir()
    file.write_text("old\n")
    logs = LocalLogs(tmp_path, since=time.time() + 60)
    assert list(logs.new_lines(CREATE, "one")) == logs.tail(CREATE, "one", 5) == []


def test_name_with_a_path(tmp_path: Path) -> None:
    """A job's name, which the input may set, cannot lead out of the folder."""
    (tmp_path / "secret.log").write_text("secret\n")
    (tmp_path / "logs" / "TrainingJobs").mkdir(parents=True)
    assert LocalLogs(tmp_path / "logs").tail(CREATE, "../../secret", 5) == []
