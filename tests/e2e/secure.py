"""Constructs whose roles the tests of enforced policies assume, and a check whether a call is denied."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from local.emulator import REGION

OTHERS = "another-teams-bucket"
DATA = f"sagemaker-sample-data-{REGION}"
STARTER, GATE, PUBLISHER, WORKFLOW, JOBS = "Starter", "Approval", "Scripts", "Workflow", "SageMaker"
MODELS = "Serving"
ANNOUNCER = "Announcer"
REPORTER = "Reporter"


def denied(call: Callable[..., Any], **arguments: Any) -> bool:
    """Whether IAM denies a call; raises any other error."""
    try:
        call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("AccessDenied", "AccessDeniedException", "AuthorizationError"):
            raise
        return True
    return False
