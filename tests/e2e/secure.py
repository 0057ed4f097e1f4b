"""Whose roles the tests on the emulator that enforces every policy act as, and what such a test asks."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from local.emulator import REGION

OTHERS = "another-teams-bucket"
DATA = f"sagemaker-sample-data-{REGION}"
STARTER, GATE, PUBLISHER, WORKFLOW, JOBS = "Starter", "Approval", "Scripts", "Workflow", "SageMaker"
MODELS = "Serving"
ANNOUNCER = "Announcer"


def denied(call: Callable[..., Any], **arguments: Any) -> bool:
    """Whether IAM refuses a call; any other error is one of the test."""
    try:
        call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("AccessDenied", "AccessDeniedException", "AuthorizationError"):
            raise
        return True
    return False
