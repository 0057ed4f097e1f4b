"""Registration's states, which are in ``states.asl.yaml``, and their grants."""

from pathlib import Path
from typing import Any

from pipeline.asl.resources import Resources
from pipeline.asl.states_file import read_states
from pipeline.grants import Grants, OwnGrant, sagemaker

_FILE = Path(__file__).with_suffix(".asl.yaml")


def registration_states(resources: Resources, *, following: str) -> dict[str, Any]:
    """The stage's states.

    Args:
        resources: the deployment's resources.
        following: the name of the state to continue with.
    """
    return read_states(_FILE, resources.substitutions(), following=following)


GRANTS: Grants = {
    "lambda:invoke": (OwnGrant("lambda:InvokeFunction", "gate"),),
    "aws-sdk:sagemaker:createModelPackageGroup": sagemaker("CreateModelPackageGroup", "model-package-group"),
    "aws-sdk:sagemaker:createModelPackage": (
        *sagemaker(("CreateModelPackage", "AddTags"), "model-package", "model-package-group"),
        # CreateModelPackage has no role, so SageMaker looks at the image with the caller's permissions:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/api-permissions-reference.html
        OwnGrant("ecr:BatchGetImage", "images"),
        OwnGrant("ecr:DescribeImages", "images"),
    ),
}
