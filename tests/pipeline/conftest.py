"""What the tests of the pipeline's facts share."""

import copy
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.model import ServiceModel

from cli.validate import STAND_INS
from pipeline.contract.execution import execution_input

SHIPPED = Path(__file__).parent.parent.parent / "scripts" / "input.yaml"
_FILLED = execution_input(SHIPPED.read_bytes(), tokens=STAND_INS, event_id="event").content
_JOBS = ("preprocessing", "training", "evaluation", "CreateModel", "batchTransform")


@pytest.fixture(scope="session")
def sagemaker() -> ServiceModel:
    """Botocore's service model of SageMaker."""
    return botocore.session.get_session().get_service_model("sagemaker")


@pytest.fixture
def shipped() -> dict[str, Any]:
    """The shipped input as the Lambda sends it, to be changed at will."""
    return copy.deepcopy(_FILLED)


@pytest.fixture
def last_steps(shipped: dict[str, Any]) -> dict[str, Any]:
    """The shipped input after its training and evaluation: only registration, approval and deployment run."""
    for key in _JOBS:
        shipped[key]["run"] = key == "CreateModel"
    uri = "s3://mlops-bucket/model.tar.gz"
    shipped["training"]["result"] = {"ModelArtifacts": {"S3ModelArtifacts": uri}}
    shipped["evaluation"]["run"] = True
    return shipped
