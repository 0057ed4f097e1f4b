"""What a check of an ``input.yaml`` without a deployment needs: sample values for the tokens, and located errors."""

from pipeline.images import ACCOUNTS, image_uri, xgboost_image_uri
from pipeline.input.errors import InputIssue, path_text

_REGION = "us-east-1"

SAMPLE_TOKENS = {
    "MLOPS_BUCKET": "mlops-bucket",
    "MODEL_NAME": "demo",
    "AWS_REGION_NAME": _REGION,
    "SAGEMAKER_EXECUTION_ROLE": "arn:aws:iam::123456789012:role/SageMakerExecutionRole",
    "IMAGE_URI": image_uri(account=ACCOUNTS[_REGION], region=_REGION, url_suffix="amazonaws.com"),
    "XGBOOST_IMAGE_URI": xgboost_image_uri(account=ACCOUNTS[_REGION], region=_REGION, url_suffix="amazonaws.com"),
}


def located(problem: InputIssue, file: object) -> str:
    """Returns ``file:line:column: path: message``, which editors and terminals turn into a link."""
    position = f":{problem.line}:{problem.column}" if problem.line else ""
    path = f"{path_text(problem.path)}: " if problem.path else ""
    return f"{file}{position}: {path}{problem.message}"
