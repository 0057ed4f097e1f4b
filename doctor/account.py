"""Checks the credentials, the region and the account's CDK bootstrap."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from doctor.result import Result, failure, ok
from pipeline.images import REGIONS

REQUIRED_BOOTSTRAP = 6
"""The lowest version that the template accepts: its rule ``CheckBootstrapVersion``."""

_VERSION = "/cdk-bootstrap/hnb659fds/version"
"""The SSM parameter of the CDK's default qualifier; the template reads the same one."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Whose credentials are used, and where."""

    arn: str
    account: str
    region: str

    @property
    def partition(self) -> str:
        """The AWS partition: ``aws``, ``aws-cn``."""
        return self.arn.split(":")[1]

    def service_arn(self, service: str, resource: str) -> str:
        """Returns the ARN of a resource in this account and region."""
        region = "" if service == "iam" else self.region
        return f"arn:{self.partition}:{service}:{region}:{self.account}:{resource}"


def caller(sts: Any) -> Caller:
    """Asks AWS whose credentials these are.

    Raises:
        ClientError, BotoCoreError: there are none, or AWS rejects them.
    """
    identity = sts.get_caller_identity()
    return Caller(arn=identity["Arn"], account=identity["Account"], region=sts.meta.region_name)


def credentials(who: Caller) -> list[Result]:
    """Reports the identity, and whether the region has the scikit-learn image that the stack uses."""
    found = [ok("credentials", f"{who.arn} in {who.region}")]
    if who.region not in REGIONS:
        near = min(REGIONS, key=lambda name: _distance(name, who.region))
        found.append(
            failure(
                "region",
                f"{who.region} has no scikit-learn image of SageMaker's for the stack, so it cannot be deployed there",
                f"use another region: export AWS_DEFAULT_REGION={near}",
            )
        )
    return found


def bootstrap(ssm: Any, *, who: Caller) -> list[Result]:
    """Checks the version of the account's CDK bootstrap.

    Raises:
        ClientError: AWS rejects the call.
    """
    remedy = f"npx cdk bootstrap aws://{who.account}/{who.region}"
    try:
        version = int(ssm.get_parameter(Name=_VERSION)["Parameter"]["Value"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise
        return [failure("bootstrap", "the account is not bootstrapped in this region", remedy)]
    if version < REQUIRED_BOOTSTRAP:
        return [failure("bootstrap", f"version {version}; the template requires {REQUIRED_BOOTSTRAP}", remedy)]
    return [ok("bootstrap", f"version {version}; at least {REQUIRED_BOOTSTRAP} is required")]


def _distance(region: str, wanted: str) -> tuple[bool, str]:
    """Sorts regions of the same part of the world first."""
    return region.partition("-")[0] != wanted.partition("-")[0], region
