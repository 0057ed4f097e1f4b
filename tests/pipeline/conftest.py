"""Fixtures for the tests of the pipeline."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.model import ServiceModel

from pipeline.input.execution import execution_input
from pipeline.input.samples import SAMPLE_TOKENS
from tests.pipeline.endpoints import Deploy, Endpoints
from tests.pipeline.evaluators import evaluate_all_in_node
from tests.pipeline.machine import EVALUATED, EXECUTION, Ended, Handler, run

SHIPPED = Path(__file__).parent.parent.parent / "scripts" / "input.yaml"
_FILLED = execution_input(SHIPPED.read_bytes(), tokens=SAMPLE_TOKENS, event_id="event").content
_JOBS = ("preprocessing", "training", "evaluation", "CreateModel", "batchTransform")


@pytest.fixture(scope="session")
def sagemaker() -> ServiceModel:
    """Botocore's service model of SageMaker."""
    return botocore.session.get_session().get_service_model("sagemaker")


@pytest.fixture(scope="module", autouse=True)
def _reference_agrees() -> Iterator[None]:
    """Every expression that a file's tests evaluate has the same value by the reference implementation of JSONata."""
    EVALUATED.clear()
    yield
    cases = list(EVALUATED.values())
    in_node = evaluate_all_in_node([case[:3] for case in cases]) if cases else []
    for (expression, _, _, value), expected in zip(cases, in_node, strict=True):
        assert value == expected, expression


@pytest.fixture
def shipped() -> dict[str, Any]:
    """The shipped input as the Lambda sends it, with a record for the smoke test; tests may change it."""
    content = copy.deepcopy(_FILLED)
    content["deployment"]["smoke_test"] |= {"S3Uri": None, "Body": "1,2\n"}
    return content


@pytest.fixture
def last_steps(shipped: dict[str, Any]) -> dict[str, Any]:
    """The shipped input after its training and evaluation: only registration, approval and deployment run."""
    for key in _JOBS:
        shipped[key]["run"] = key == "CreateModel"
    uri = "s3://mlops-bucket/model.tar.gz"
    shipped["training"]["result"] = {"ModelArtifacts": {"S3ModelArtifacts": uri}}
    shipped["evaluation"]["run"] = True
    return shipped


@pytest.fixture
def five_stages(shipped: dict[str, Any]) -> dict[str, Any]:
    """The shipped input for this execution, in which only the request stages run."""
    for key in ("registration", "approval", "deployment"):
        shipped[key]["run"] = False
    content: dict[str, Any] = json.loads(re.sub(r"mlops-demo-[0-9a-f]{16}", EXECUTION, json.dumps(shipped)))
    return content


@pytest.fixture
def deploy(last_steps: dict[str, Any]) -> Deploy:
    """Runs the deployment against these endpoints, with these changes to its section."""
    last_steps["registration"]["run"] = last_steps["approval"]["run"] = last_steps["CreateModel"]["run"] = False
    last_steps["evaluation"]["run"] = False

    def answers(_request: dict[str, Any]) -> Any:
        return {"Body": "0.1,0\n", "ContentType": "text/csv"}

    def deployed(
        endpoints: Endpoints, section: dict[str, Any] | None = None, *, retries: bool = False, **handlers: Handler
    ) -> Ended:
        last_steps["deployment"] |= section or {}
        return run(last_steps, {"invokeEndpoint": answers} | endpoints.handlers() | handlers, retries=retries)

    return deployed
