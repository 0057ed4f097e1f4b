"""The jobs' container image, resolved at synth time if the region is known, else at deploy time."""

from dataclasses import dataclass

import aws_cdk as cdk

from pipeline.images import ACCOUNTS, REPOSITORY, image_uri


@dataclass(frozen=True, kw_only=True)
class Image:
    """The SageMaker scikit-learn image of the stack's region."""

    uri: str
    repository_arn: str


def sklearn_image(stack: cdk.Stack, *, version: str) -> Image:
    """Returns the image of the given version in the stack's region."""
    if cdk.Token.is_unresolved(stack.region):
        mapping = cdk.CfnMapping(
            stack,
            "SklearnImageAccounts",
            mapping={region: {"account": account} for region, account in ACCOUNTS.items()},
        )
        account = mapping.find_in_map(stack.region, "account")
    else:
        account = ACCOUNTS[stack.region]
    return Image(
        uri=image_uri(account=account, region=stack.region, url_suffix=stack.url_suffix, version=version),
        repository_arn=f"arn:{stack.partition}:ecr:{stack.region}:{account}:repository/{REPOSITORY}",
    )
