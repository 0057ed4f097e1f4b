import json
from pathlib import Path
from typing import Any

import pytest

from starter.input_file import InputError
from tests.starter.conftest import BUCKET, KEY, ROLE, Deployed

PROJECT = Path(__file__).parent.parent.parent
MINIMAL = "job_prefix: mlops\nmodel_id: MODEL_NAME\n"


def test_sample_event_starts_an_execution(deployed: Deployed) -> None:
    """The sample event starts one execution, named after the prefix and the model, and the answer says so."""
    deployed.put(MINIMAL)
    answer = deployed.invoke()
    (execution,) = deployed.executions()
    assert answer == {"executionArn": execution["executionArn"], "name": execution["name"], "started": True}
    assert execution["name"].startswith("mlops-demo-")
    assert json.loads(execution["input"]) == {"job_prefix": "mlops", "model_id": "demo"}


def test_shipped_input_starts_with_every_token_filled_in(deployed: Deployed) -> None:
    """The shipped input.yaml starts an execution in whose input no token is left."""
    deployed.put((PROJECT / "scripts" / "input.yaml").read_bytes())
    deployed.invoke()
    (execution,) = deployed.executions()
    sent = json.loads(execution["input"])
    for token in ("MLOPS_BUCKET", "MODEL_NAME", "AWS_REGION_NAME", "SAGEMAKER_EXECUTION_ROLE", "IMAGE_URI", "SFN_"):
        assert token not in execution["input"]
    assert sent["training"]["input"]["RoleArn"] == ROLE
    assert f"/{execution['name']}/" in sent["training"]["input"]["OutputDataConfig"]["S3OutputPath"]


def test_seed_input_passes_unchanged(deployed: Deployed, seed_input: dict[str, Any]) -> None:
    """A file in which everything is filled in already is sent as it is."""
    deployed.put(json.dumps(seed_input))
    deployed.invoke()
    (execution,) = deployed.executions()
    assert json.loads(execution["input"]) == seed_input


def test_same_event_starts_one_execution(deployed: Deployed) -> None:
    """An event that is delivered again, by schedule or by Lambda's retries, starts nothing a second time."""
    deployed.put(MINIMAL)
    scheduled = {"config": {"bucket": BUCKET, "prefix": KEY}, "id": "6f2c"}
    names = {deployed.invoke(scheduled, request_id=str(attempt))["name"] for attempt in range(3)}
    names |= {deployed.invoke()["name"] for _ in range(3)}
    assert len(names) == 2
    assert {execution["name"] for execution in deployed.executions()} == names


def test_finished_execution_is_not_started_again(deployed: Deployed) -> None:
    """When Step Functions refuses the name because its execution has ended, the answer says that it ran before."""
    deployed.put(MINIMAL)
    first = deployed.invoke()
    deployed.step_functions.stop_execution(executionArn=first["executionArn"])
    deployed.put(MINIMAL + "app_id: changed\n")
    assert deployed.invoke() == first | {"started": False}


def test_different_events_start_each_their_own(deployed: Deployed) -> None:
    """Twelve events within a moment start twelve executions."""
    deployed.put(MINIMAL)
    answers = [deployed.invoke(request_id=f"request-{number}") for number in range(12)]
    assert len({answer["name"] for answer in answers}) == 12
    assert len(deployed.executions()) == 12


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a: [1\nb: 2", "line 2, column 2: not valid YAML"),
        (b"a:\n\tb: 1", "line 2, column 1: not valid YAML"),
        (b"- a\n- b", "must be a mapping of stages; found a list"),
        (b"", "must be a mapping of stages; found nothing"),
        (b"\xff\xfe\x00", "not UTF-8 text"),
        (b"a: !!python/object:os.system 1", "not valid YAML"),
        (b"model_id: demo", "job_prefix is missing"),
        (b"job_prefix: mlops\nmodel_id: my model", "model_id is 'my model'"),
        (b"job_prefix: mlops\nmodel_id: 7", "model_id is 7"),
        (b"job_prefix: mlops\nmodel_id: " + b"m" * 40, "allowed are 34 together"),
        (MINIMAL.encode() + b"x: .inf", "JSON"),
        (MINIMAL.encode() + b"x: " + b"x" * 262_144, "Step Functions allows 262,144"),
    ],
)
def test_bad_file_is_refused(deployed: Deployed, content: bytes, expected: str) -> None:
    """What is wrong with the file is said, with its place in S3, and nothing is started."""
    deployed.put(content)
    with pytest.raises(InputError) as raised:
        deployed.invoke()
    assert str(raised.value).startswith(f"s3://{BUCKET}/{KEY}: ")
    assert expected in str(raised.value)
    assert deployed.executions() == []


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"bucket": BUCKET, "prefix": "no/such.yaml"}, "s3://mlops-bucket/no/such.yaml: there is no such object"),
        ({"bucket": "no-such-bucket", "prefix": KEY}, f"s3://no-such-bucket/{KEY}: there is no such bucket"),
        ({"bucket": BUCKET}, "expected is"),
        ({"bucket": BUCKET, "prefix": ""}, "expected is"),
        (None, "expected is"),
        ("demo", "expected is"),
    ],
)
def test_bad_event_is_refused(deployed: Deployed, config: Any, expected: str) -> None:
    """An event that names no readable file is refused with what is expected."""
    with pytest.raises(InputError) as raised:
        deployed.invoke({"config": config})
    assert expected in str(raised.value)


def test_starts_are_counted(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    """Each start is a metric that CloudWatch reads from the log; so is each refused input."""
    deployed.put(MINIMAL)
    deployed.invoke()
    deployed.put("- a")
    with pytest.raises(InputError):
        deployed.invoke(request_id="another")
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "CloudWatchMetrics" in line]
    assert any(line.get("ExecutionsStarted") == [1] for line in printed)
    assert any(line.get("InputErrors") == [1] for line in printed)
