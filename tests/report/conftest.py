"""Sample executions to report on."""

import importlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from executions.differences import StageDifference
from executions.progress import stage_progress
from pipeline.stages import STAGES
from report.facts import Facts, Failure, StoredObject
from tests import image_packages  # noqa: F401 - makes numpy importable

START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
NAME = "mlops-demo-0123456789abcdef"
AUC = "binary_classification_metrics.auc.value"
PREFIX = f"s3://bucket/demo/executions/{NAME}"
ARN = "arn:aws:sagemaker:us-east-1:123456789012"
DIFFERENCES = tuple(
    StageDifference(stage=stage, field=field, here="Python 3.11.7, pandas 1.5.3", on_aws="Python 3.9, pandas 1.1.3")
    for stage, field in (
        ("preprocessing", "AppSpecification.ImageUri"),
        ("training", "AlgorithmSpecification.TrainingImage"),
        ("evaluation", "AppSpecification.ImageUri"),
    )
)
"""What three stages on this machine have in common."""


def evaluation_of(strength: float) -> dict[str, Any]:
    """An evaluation report in the form of the module's script; the greater the strength, the better the model."""
    quality, calibration = importlib.import_module("quality_binary"), importlib.import_module("calibration")
    np = importlib.import_module("numpy")
    random = np.random.default_rng(0)
    labels = (random.random(3000) < 0.2).astype(int)
    probabilities = 1 / (1 + np.exp(-random.normal(strength * labels - 1.5)))
    return {
        "version": 0.0,
        "dataset": {"item_count": len(labels)},
        "binary_classification_metrics": quality.binary_classification_metrics(labels, probabilities, 0.5),
        "calibration": calibration.calibration(labels, probabilities),
    }


def history(stages: list[str], *, ends: bool = True) -> list[dict[str, Any]]:
    """The history of an execution with these stages, ten seconds each; ``ends`` if the last has ended."""
    events = []
    for index, key in enumerate(stages):
        at = START + timedelta(seconds=10 * index)
        events.append({"type": "TaskStateEntered", "timestamp": at, "stateEnteredEventDetails": {"name": key}})
        if ends or index < len(stages) - 1:
            left = at + timedelta(seconds=10)
            events.append({"type": "TaskStateExited", "timestamp": left, "stateExitedEventDetails": {"name": key}})
    return events


def content() -> dict[str, Any]:
    """The data of an execution that ran all stages."""
    code = {"InputName": "code", "S3Input": {"S3Uri": "s3://bucket/demo/scripts"}}
    data = {"ChannelName": "training", "DataSource": {"S3DataSource": {"S3Uri": f"{PREFIX}/train"}}}
    model = f"{PREFIX}/model/{NAME}/output/model.tar.gz"
    return {
        "model_id": "demo",
        "preprocessing": {
            "run": True,
            "input": {"ProcessingInputs": [code], "AppSpecification": {"ImageUri": "image:1.2-1"}},
            "result": {"ProcessingJobName": NAME},
        },
        "training": {
            "run": True,
            "input": {"InputDataConfig": [data], "HyperParameters": {"max_iter": "20"}},
            "result": {"ModelArtifacts": {"S3ModelArtifacts": model}},
        },
        "evaluation": {
            "run": True,
            "input": {},
            "result": {"ProcessingOutputConfig": {"Outputs": [{"S3Output": {"S3Uri": f"{PREFIX}/evaluation"}}]}},
        },
        "registration": {"run": True, "result": {"ModelPackageArn": f"{ARN}:model-package/demo/7"}},
        "approval": {
            "run": True,
            "result": {
                "decision": "Approved",
                "reason": "all thresholds met",
                "metrics": [
                    {"name": AUC, "value": 0.9, "minimum": 0.8, "maximum": None, "champion": 0.8, "passed": True}
                ],
                "champion": {"ModelPackageArn": f"{ARN}:model-package/demo/6", "report": "s3://bucket/champion.json"},
                "report": f"{PREFIX}/evaluation/evaluation.json",
            },
        },
        "CreateModel": {"run": True, "input": {}, "result": {"ModelArn": f"{ARN}:model/model-{NAME}"}},
        "batchTransform": {"run": True, "input": {}},
        "deployment": {"run": True, "result": {"EndpointName": "demo", "smoke_test": {"Body": "0.42,0\n"}}},
    }


@pytest.fixture
def facts() -> Callable[..., Facts]:
    """Makes the facts of an execution that was approved and deployed, with the given changes."""

    def make(**changes: Any) -> Facts:
        stages = changes.pop("through", [stage.key for stage in STAGES])
        status = changes.get("status", "SUCCEEDED")
        stopped = None if status == "RUNNING" else START + timedelta(seconds=10 * len(stages))
        events = history(stages, ends=status == "SUCCEEDED")
        stored: dict[str, Any] = {
            "size": 1234,
            "etag": "0123456789abcdef0123456789abcdef",
            "version": "v1",
            "modified": START,
        }
        made: dict[str, Any] = {
            "name": NAME,
            "arn": f"arn:aws:states:us-east-1:123456789012:execution:machine:{NAME}",
            "status": status,
            "started": START,
            "stopped": stopped,
            "stages": stage_progress(events, status=status, stopped=stopped),
            "content": content(),
            "evaluation": evaluation_of(2.5),
            "champion": evaluation_of(1.5),
            "published": tuple(
                StoredObject(uri=f"s3://bucket/demo/scripts/{name}", **stored) for name in ("input.yaml", "train.py")
            ),
            "artifact": StoredObject(uri=f"{PREFIX}/model.tar.gz", **stored),
            "made": START + timedelta(hours=1),
        }
        return Facts(**made | changes)

    return make


@pytest.fixture
def failed(facts: Callable[..., Facts]) -> Facts:
    """An execution whose training failed, with HTML in its log."""
    data = content()
    for key in ("training", "evaluation", "registration", "approval", "CreateModel", "deployment"):
        data[key].pop("result")
    failure = Failure(
        stage="training",
        error="States.TaskFailed",
        reason="AlgorithmError: max_iter is '0'\nexit code: 1",
        job=NAME,
        log=("reading", "<script>alert('max_iter')</script> & more"),
    )
    return facts(
        status="FAILED",
        through=["preprocessing", "training"],
        content=data,
        evaluation=None,
        champion=None,
        artifact=None,
        failure=failure,
        absent={"Evaluation": "this run made no evaluation"},
    )


def as_json(value: Any) -> bytes:
    """Encodes a value as in S3."""
    return json.dumps(value).encode()
