"""Connects to the emulator on this machine, with boto3 clients that ignore the user's AWS configuration."""

import functools
import os
import ssl
import urllib.request
from dataclasses import dataclass
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from local.file_bodies import send_files
from sagemaker_local.guard import SECRET

REGION = "us-east-1"
ACCOUNT = "000000000000"


def direct(trusted: ssl.SSLContext | None = None) -> urllib.request.OpenerDirector:
    """Returns an opener for URLs of this machine, which ignores proxies.

    Args:
        trusted: the certificates to trust; None for the system's.
    """
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted))


DIRECT = direct()


def authorized(url: str, key: str, *, data: bytes | None = None) -> urllib.request.Request:
    """Returns a request to a port of the environment; a POST if there is data.

    Args:
        url: a URL on the loopback interface.
        key: the environment's key.
        data: the body.
    """
    return urllib.request.Request(url, data=data, headers={"Authorization": f"Bearer {key}"})  # noqa: S310 - a URL of our own


@dataclass(frozen=True, kw_only=True)
class Connection:
    """The emulator's address, and what clients need to use it."""

    endpoint: str
    """The emulator's URL."""
    key: str
    """The environment's key, which every request to its ports carries as the access key id."""
    certificate: str | None = None
    """The file with the emulator's own certificate; None without TLS."""

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that direct any AWS SDK, and the AWS CLI, to the emulator.

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
        """Returns a boto3 client, which ignores the user's profiles and proxies.

        Args:
            service: such as ``"s3"``.
            role: the ARN of the role to assume; None for the account's root user.
        """
        credentials = {"aws_access_key_id": self.key, "aws_secret_access_key": SECRET}
        if role:
            assumed = self.client("sts").assume_role(RoleArn=role, RoleSessionName="local")["Credentials"]
            credentials = {
                "aws_access_key_id": assumed["AccessKeyId"],
                "aws_secret_access_key": assumed["SecretAccessKey"],
                "aws_session_token": assumed["SessionToken"],
            }
        client = _session().client(
            service, endpoint_url=self.endpoint, config=_config(), verify=self.certificate, **credentials
        )
        if service == "s3":
            send_files(client, self.key)
        return client


@functools.cache
def _session() -> Any:
    # Otherwise every call would fail if AWS_PROFILE named a profile that does not exist.
    nothing = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    isolated = botocore.session.Session({"profile": (None, None, None, None), **nothing})
    # The stubs are typed by the service's literal name; here it is a variable.
    return boto3.Session(region_name=REGION, botocore_session=isolated)


def _config() -> Config:
    return Config(
        read_timeout=90,  # SageMaker Runtime lets a model take a minute
        retries={"total_max_attempts": 1},
        max_pool_connections=256,
        proxies={},
        # Over loopback, the checksum takes a third of an upload of 100 MB.
        request_checksum_calculation="when_required",
        s3={"payload_signing_enabled": False},
    )
