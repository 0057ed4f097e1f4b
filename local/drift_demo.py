"""``make demo-drift``: drifted requests to an endpoint, the announcement, the retraining, and the new model in service.

It has an environment of its own, which ends with it, and shows each ``mlops`` command that it runs.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import yaml

from executions.defaults import EMULATOR_PORT, LOCAL_MODEL_NAME, PROJECT
from local.state import EnvironmentDir, State
from pipeline.bundle import INPUT_FILE
from pipeline.stages.monitoring import SERVING

T = TypeVar("T")

_MLOPS = Path(sys.executable).with_name("mlops")
_RECORDS, _AT_ONCE = 1_000, 100
_YEARS_OLDER = 15
_SETTLED = 3.0
"""Seconds until a window includes what has just been captured; see ``monitor.handler``."""
_PATIENCE = 60.0
"""Seconds for what follows from something, such as the start of the retraining."""
_CAPTURES = "data-capture"
CAPTURING: dict[str, Any] = {
    "ProductionVariants": [
        {"VariantName": "AllTraffic", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"},
    ],
    "DataCaptureConfig": {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://MLOPS_BUCKET/MODEL_NAME/{_CAPTURES}",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
    },
}


def main(folder: Path, port: int, *, data: Path | None = None) -> None:
    """Shows a model drift and being replaced.

    Args:
        folder: an empty folder.
        port: the emulator's TCP port.
        data: a CSV of the census, in place of all of it.
    """
    input_file = folder / INPUT_FILE
    content = yaml.safe_load((PROJECT / "scripts" / INPUT_FILE).read_text())
    content["deployment"]["input"]["EndpointConfig"] = CAPTURING
    content["monitoring"] |= {"scope": SERVING, "retrain": True}
    input_file.write_text(yaml.safe_dump(content, sort_keys=False))
    os.environ["MLOPS_LOCAL_FOLDER"] = str(folder / "environment")
    with _environment(port) as state:
        given = ("--data", str(data)) if data else ()
        _mlops("local", "run", "--input", str(input_file), *given, "--out", str(folder / "run"))
        demo = _Demo(state)
        before = demo.in_service()
        demo.send("requests as in training", older=0)
        _mlops("monitor", "--local")
        demo.send(f"requests about people {_YEARS_OLDER} years older", older=_YEARS_OLDER)
        _mlops("monitor", "--local", code=1)
        for message in demo.messages():
            _say(f"to the topic's subscribers: {message}")
        demo.await_retraining()
        _mlops("watch", "--local")
        _mlops("runs", "--local")
        _say(f"in service before: {before}\nin service now:    {demo.in_service()}")


class _Demo:
    """The environment from a caller's view."""

    def __init__(self, state: State) -> None:
        self._client = state.connection.client
        self._state_machine = state.metadata.state_machine
        self._queue = self._client("sqs").create_queue(QueueName="demo-drift")["QueueUrl"]
        attributes = self._client("sqs").get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        self._bucket = state.metadata.bucket
        s3 = self._client("s3")
        listed = s3.list_objects_v2(Bucket=self._bucket, Prefix=f"{LOCAL_MODEL_NAME}/executions/")["Contents"]
        (key,) = (one["Key"] for one in listed if one["Key"].endswith("/test_features.csv"))
        self._records = s3.get_object(Bucket=self._bucket, Key=key)["Body"].read().decode().splitlines()
        (topic,) = self._client("sns").list_topics()["Topics"]
        self._client("sns").subscribe(
            TopicArn=topic["TopicArn"], Protocol="sqs", Endpoint=attributes["Attributes"]["QueueArn"]
        )

    def in_service(self) -> str:
        """Returns the name of the model that the endpoint serves."""
        sagemaker = self._client("sagemaker")
        config = sagemaker.describe_endpoint(EndpointName=LOCAL_MODEL_NAME)["EndpointConfigName"]
        (variant,) = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
        return str(variant["ModelName"])

    def send(self, what: str, *, older: int) -> None:
        """Asks the endpoint about test records, with an age that is so many years higher."""
        records = self._records[:_RECORDS]
        firsts = range(0, len(records), _AT_ONCE)
        expected = self._captured() + len(firsts)
        for first in firsts:
            block = [_aged(line, older) for line in records[first : first + _AT_ONCE]]
            self._client("sagemaker-runtime").invoke_endpoint(
                EndpointName=LOCAL_MODEL_NAME, Body="\n".join(block), ContentType="text/csv", Accept="text/csv"
            )
        _await("the requests are not captured", lambda: self._captured() >= expected)
        time.sleep(_SETTLED)
        _say(f"the endpoint has answered {len(records):,} {what}")

    def await_retraining(self) -> None:
        """Waits until the event has started an execution."""
        machine = {"stateMachineArn": self._state_machine, "statusFilter": "RUNNING"}
        running = partial(self._client("stepfunctions").list_executions, **machine)
        _await("no retraining has started", lambda: running()["executions"])

    def messages(self) -> Iterator[str]:
        """Yields what the topic's subscribers have got: the announcement and the alarm."""
        receive = partial(self._client("sqs").receive_message, QueueUrl=self._queue)
        for _ in range(2):
            (message,) = _await("announcement and alarm have not both arrived", lambda: receive().get("Messages"))
            self._client("sqs").delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
            body = json.loads(message["Body"])
            text = body["Message"]
            yield f"alarm {json.loads(text)['AlarmName']}" if text.startswith("{") else f"{body['Subject']}\n\n{text}"

    def _captured(self) -> int:
        """Returns the number of captured requests, each of which is a line of a file."""
        s3 = self._client("s3")
        listed = s3.list_objects_v2(Bucket=self._bucket, Prefix=f"{LOCAL_MODEL_NAME}/{_CAPTURES}").get("Contents", ())
        bodies = (s3.get_object(Bucket=self._bucket, Key=one["Key"])["Body"].read() for one in listed)
        return sum(body.count(b"\n") for body in bodies)


def _await(problem: str, happened: Callable[[], T]) -> T:
    """Returns the function's value once it is true; ends the demo with the problem if it stays false."""
    end = time.monotonic() + _PATIENCE
    while not (value := happened()):
        if time.monotonic() > end:
            raise SystemExit(f"error: {problem} after {_PATIENCE:.0f} s")
        time.sleep(0.3)
    return value


def _aged(record: str, years: int) -> str:
    """Returns a record of the census, which begins with the age, of somebody older."""
    age, rest = record.split(",", 1)
    return f"{float(age) + years:g},{rest}"


@contextmanager
def _environment(port: int) -> Iterator[State]:
    _mlops("local", "up", "--port", str(port))
    try:
        yield EnvironmentDir(Path(os.environ["MLOPS_LOCAL_FOLDER"])).require_live()
    finally:
        _mlops("local", "down")


def _mlops(*arguments: str, code: int = 0) -> None:
    """Shows a command and what it prints; ends the demo if its exit code is another."""
    _say(f"$ mlops {' '.join(arguments)}")
    ended = subprocess.run([_MLOPS, *arguments], check=False).returncode
    if ended != code:
        raise SystemExit(f"error: mlops {arguments[0]} ended with exit code {ended}, not {code}")


def _say(text: str) -> None:
    print(f"\n{text}", flush=True)  # noqa: T201 - it is a demo


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="mlops-drift-") as made:
        port, data = sys.argv[1:2], sys.argv[2:3]
        main(Path(made), int(*port) if port else EMULATOR_PORT, data=Path(*data) if data else None)
