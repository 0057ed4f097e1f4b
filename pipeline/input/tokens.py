"""Fills in the tokens, which are placeholders for values of the deployment and the execution."""

import re
from collections.abc import Mapping
from typing import Any

EXECUTION_TOKEN = "SFN_EXECUTION_ID"  # noqa: S105 - no secret

TOKENS = (
    "MLOPS_BUCKET",
    "MODEL_NAME",
    "AWS_REGION_NAME",
    "SAGEMAKER_EXECUTION_ROLE",
    "IMAGE_URI",
    "XGBOOST_IMAGE_URI",
    EXECUTION_TOKEN,
)
"""A token is a whole word: ``XMODEL_NAME`` contains none."""


def fill_in(value: Any, tokens: Mapping[str, str]) -> Any:
    """Returns the value with each token in its strings replaced; keys are unchanged.

    Args:
        value: the parsed input file, or a part of it.
        tokens: the value of each token; tokens in it are not replaced again.
    """
    if isinstance(value, dict):
        return {key: fill_in(item, tokens) for key, item in value.items()}
    if isinstance(value, list):
        return [fill_in(item, tokens) for item in value]
    if isinstance(value, str):
        return re.sub(rf"\b({'|'.join(tokens)})\b", lambda match: tokens[match[0]], value, flags=re.ASCII)
    return value
