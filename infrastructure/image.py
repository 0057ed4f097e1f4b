"""SageMaker's container images, resolved at synth time if the region is known, else at deploy time."""

from dataclasses import dataclass

import aws_cdk as cdk

from pipeline.images import ACCOUNTS, REGIONS, REPOSITORY, XGBOOST_REPOSITORY, image_uri, xgboost_image_uri


@dataclass(frozen=True, kw_only=True)
class Images:
    """SageMaker's images in the stack's region."""

    sklearn_uri: str
    xgboost_uri: str
    repository_arns: tuple[str, ...]
    """The repositories of all of them."""


def sagemaker_images(stack: cdk.Stack, *, sklearn_version: str) -> Images:
    """Returns the images in the stack's region.

    Args:
        stack: the stack.
        sklearn_version: the version of the scikit-learn image.
    """
    if cdk.Token.is_unresolved(stack.region):
        mapping = cdk.CfnMapping(
            stack,
            "SklearnImageAccounts",
            mapping={region: {"account": ACCOUNTS[region]} for region in REGIONS},
        )
        # CloudFormation checks rules before it creates anything.
        cdk.CfnRule(
            stack,
            "SupportedRegion",
            assertions=[
                cdk.CfnRuleAssertion(
                    assert_=cdk.Fn.condition_contains([*REGIONS], stack.region),
                    assert_description=f"This module can be deployed to {', '.join(REGIONS)}.",
                )
            ],
        )
        account = mapping.find_in_map(stack.region, "account")
    else:
        account = ACCOUNTS[stack.region]
    return Images(
        sklearn_uri=image_uri(
            account=account, region=stack.region, url_suffix=stack.url_suffix, version=sklearn_version
        ),
        xgboost_uri=xgboost_image_uri(account=account, region=stack.region, url_suffix=stack.url_suffix),
        repository_arns=tuple(
            f"arn:{stack.partition}:ecr:{stack.region}:{account}:repository/{repository}"
            for repository in (REPOSITORY, XGBOOST_REPOSITORY)
        ),
    )
