"""The shipped ``input.yaml``, what stands for its tokens, and its check."""

from itertools import count

from benchmarks.processes import PROJECT
from pipeline.input.execution import ExecutionInput, execution_input

INPUT = PROJECT / "scripts" / "input.yaml"

TOKENS = {
    "MLOPS_BUCKET": "mlops-bucket",
    "MODEL_NAME": "demo",
    "AWS_REGION_NAME": "us-east-1",
    "SAGEMAKER_EXECUTION_ROLE": "arn:aws:iam::123456789012:role/mlops-demo-SageMakerRole",
    "IMAGE_URI": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
}

_numbers = count()


def unread(file: bytes) -> bytes:
    """The same file with a comment that no other has: the module does not read a file again that it has just read."""
    return file + f"\n# {next(_numbers)}\n".encode()


def checked(file: bytes) -> ExecutionInput:
    """The execution that a file describes, which is read for it."""
    return execution_input(unread(file), tokens=TOKENS, event_id="event")
