"""Sample values for the tokens, for checks without a deployment."""

from pipeline.images import ACCOUNTS, image_uri, xgboost_image_uri

_REGION = "us-east-1"

SAMPLE_TOKENS = {
    "MLOPS_BUCKET": "mlops-bucket",
    "MODEL_NAME": "demo",
    "AWS_REGION_NAME": _REGION,
    "SAGEMAKER_EXECUTION_ROLE": "arn:aws:iam::123456789012:role/SageMakerExecutionRole",
    "IMAGE_URI": image_uri(account=ACCOUNTS[_REGION], region=_REGION, url_suffix="amazonaws.com"),
    "XGBOOST_IMAGE_URI": xgboost_image_uri(account=ACCOUNTS[_REGION], region=_REGION, url_suffix="amazonaws.com"),
}
