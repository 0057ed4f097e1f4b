"""The shipped ``input.yaml``, values for its tokens, and its validation."""

from itertools import count

from executions.defaults import PROJECT
from pipeline.input.execution import ExecutionInput, execution_input

INPUT = PROJECT / "scripts" / "input.yaml"

TOKENS = {
    "MLOPS_BUCKET": "mlops-bucket",
    "MODEL_NAME": "demo",
    "AWS_REGION_NAME": "us-east-1",
    "SAGEMAKER_EXECUTION_ROLE": "arn:aws:iam::123456789012:role/mlops-demo-SageMakerRole",
    "IMAGE_URI": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
    "XGBOOST_IMAGE_URI": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5",
}

_numbers = count()


def unread(file: bytes) -> bytes:
    """Returns the file with a unique comment, since the module caches files that it has just parsed."""
    return file + f"\n# {next(_numbers)}\n".encode()


def checked(file: bytes) -> ExecutionInput:
    """Parses and validates a file without the cache."""
    return execution_input(unread(file), tokens=TOKENS, event_id="event")
