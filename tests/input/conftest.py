"""Fixtures for the tests of input.yaml."""

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from pipeline.input.errors import InputIssue, InvalidFileError
from pipeline.input.execution import ExecutionInput, execution_input
from pipeline.input.yaml_document import Document

PROJECT = Path(__file__).parent.parent.parent
SHIPPED = (PROJECT / "scripts" / "input.yaml").read_bytes()
TOKENS = {
    "MLOPS_BUCKET": "mlops-bucket",
    "MODEL_NAME": "demo",
    "AWS_REGION_NAME": "us-east-1",
    "SAGEMAKER_EXECUTION_ROLE": "arn:aws:iam::123456789012:role/SageMakerExecutionRole",
    "IMAGE_URI": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
    "XGBOOST_IMAGE_URI": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5",
}


# The same cases in every run: a test that fails today failed when it was written.
settings.register_profile("reproducible", derandomize=True, database=None, deadline=None)
settings.load_profile("reproducible")

_SHIPPED_DATA = Document(SHIPPED).data


@pytest.fixture
def shipped() -> dict[str, Any]:
    """The shipped input as data; tests may change it."""
    return copy.deepcopy(_SHIPPED_DATA)


def made(file: bytes | str = SHIPPED, **overrides: Any) -> ExecutionInput:
    """Returns the execution of a file with the overrides."""
    content = file.encode() if isinstance(file, str) else file
    return execution_input(content, tokens=TOKENS, event_id="event", overrides=overrides)


def refused(file: bytes | str = SHIPPED, **overrides: Any) -> list[InputIssue]:
    """Returns the issues of a file with the overrides."""
    with pytest.raises(InvalidFileError) as raised:
        made(file, **overrides)
    return raised.value.problems
