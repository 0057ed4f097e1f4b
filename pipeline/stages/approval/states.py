"""Approval's states, which are in ``states.asl.yaml``, and their grants."""

from pathlib import Path
from typing import Any

from pipeline.asl.resources import Resources
from pipeline.asl.states_file import read_states
from pipeline.grants import Grants, OwnGrant, sagemaker
from pipeline.limits import APPROVAL_REASON_LENGTH, DEFAULT_APPROVAL_WAIT

_FILE = Path(__file__).with_suffix(".asl.yaml")

_KEPT_FOR = 30 * 24 * 3600
"""Seconds for which the table keeps a request after its time is up, so that a late answer gets the outcome."""


def approval_states(resources: Resources, *, following: str) -> dict[str, Any]:
    """The stage's states.

    Args:
        resources: the deployment's resources.
        following: the name of the state to continue with.
    """
    return read_states(
        _FILE,
        resources.substitutions(),
        following=following,
        default_wait=DEFAULT_APPROVAL_WAIT,
        kept_for=_KEPT_FOR,
        reason_length=APPROVAL_REASON_LENGTH,
    )


GRANTS: Grants = {
    "lambda:invoke": (OwnGrant("lambda:InvokeFunction", "gate"),),
    "sns:publish": (OwnGrant("sns:Publish", "topic"),),
    "aws-sdk:dynamodb:putItem.waitForTaskToken": (OwnGrant("dynamodb:PutItem", "approvals"),),
    "aws-sdk:sagemaker:listModelPackages": sagemaker("ListModelPackages", "model-package", "model-package-group"),
    "aws-sdk:sagemaker:describeModelPackage": sagemaker("DescribeModelPackage", "model-package"),
    "aws-sdk:sagemaker:updateModelPackage": sagemaker("UpdateModelPackage", "model-package"),
}
