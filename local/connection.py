"""How this machine's AWS is reached: where it listens, and boto3 clients for it that look at nothing else."""

import functools
import os
import ssl
import urllib.request
from dataclasses import dataclass
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from sagemaker_local.guard import SECRET

REGION = "us-east-1"
ACCOUNT = "000000000000"


def direct(trusted: ssl.SSLContext | None = None) -> urllib.request.OpenerDirector:
    """Opens URLs of this machine, where no proxy stands between.

    Args:
        trusted: the certificates to trust; None for those of the system.
    """
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted))


DIRECT = direct()


def authorized(url: str, key: str, *, data: bytes | None = None) -> urllib.request.Request:
    """A request to a port of the environment, by POST if there is data.

    Args:
        url: of the loopback.
        key: what the port asks for.
        data: the body.
    """
    return urllib.request.Request(url, data=data, headers={"Authorization": f"Bearer {key}"})  # noqa: S310 - a URL of our own


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Where the emulator listens, which has SageMaker, too."""

    endpoint: str
    """The emulator's URL."""
    key: str
    """The environment's key, which every request to its ports carries as the access key id."""
    certificate: str | None = None
    """The file of the emulator's own certificate, where it talks TLS."""

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables by which any AWS SDK, and the AWS CLI, gets here.

        (https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html)
        """
        variables = {"AWS_ENDPOINT_URL": self.endpoint, "AWS_ENDPOINT_URL_S3": self.endpoint}
        if self.certificate:
            # For boto3, Node and Python's own HTTPS.
            trusting = ("AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE")
            variables |= dict.fromkeys(trusting, self.certificate)
        return variables | {
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }

    def client(self, service: str, *, role: str | None = None) -> Any:
        """A boto3 client. The user's profiles and proxies are not looked at.

        Args:
            service: such as ``"s3"``.
            role: the ARN of the role to act as; None for the account's root user.
        """
        credentials = {"aws_access_key_id": self.key, "aws_secret_access_key": SECRET}
        if role:
            assumed = self.client("sts").assume_role(RoleArn=role, RoleSessionName="local")["Credentials"]
            credentials = {
                "aws_access_key_id": assumed["AccessKeyId"],
                "aws_secret_access_key": assumed["SecretAccessKey"],
                "aws_session_token": assumed["SessionToken"],
            }
        return _session().client(
            service, endpoint_url=self.endpoint, config=_config(), verify=self.certificate, **credentials
        )


@functools.cache
def _session() -> Any:
    # A profile that AWS_PROFILE names and that does not exist would be an error in every call.
    nothing = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    isolated = botocore.session.Session({"profile": (None, None, None, None), **nothing})
    # The stubs know each service by name; here the name is a variable.
    return boto3.Session(region_name=REGION, botocore_session=isolated)


def _config() -> Config:
    return Config(
        read_timeout=90,  # SageMaker Runtime lets a model take a minute
        retries={"total_max_attempts": 1},
        max_pool_connections=256,
        proxies={},  # none stands between this machine and itself
        # Over loopback a checksum of a hundred megabytes is a third of their upload.
        request_checksum_calculation="when_required",
        s3={"payload_signing_enabled": False},
    )
