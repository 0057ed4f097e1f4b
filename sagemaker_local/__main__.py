"""Serves SageMaker's API on this machine: ``python -m sagemaker_local --port 8090 --s3 URL``."""

import argparse
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_local.aws_http_api import Api
from sagemaker_local.guard import SECRET, new_key
from sagemaker_local.mounts import isolation_warning
from sagemaker_local.service import SageMaker

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_SERVICES = ("SAGEMAKER", "SAGEMAKER_RUNTIME", "APPLICATION_AUTO_SCALING")
_BAD_CREDENTIALS = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "UnrecognizedClientException")
_DESCRIPTION = """\
Run SageMaker's training, processing and transform jobs, its model registry and its endpoints on this machine, without
Docker, for any AWS SDK. The data is in the S3 at --s3: MinIO, moto, an AWS emulator, or AWS itself.

If AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set, they are the credentials for that S3, and every request must
carry that key id. Otherwise a new key is generated. Profiles are not read. Jobs do not get your credentials unless you
allow it with --credentials-for-jobs; what they read and write is moved for them.
"""


class StartError(Exception):
    """The server cannot start; the message gives the reason and the fix."""


def main(arguments: list[str], environment: Mapping[str, str]) -> int:
    """Serves until SIGINT or SIGTERM. Returns the exit code."""
    options = _options(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with ExitStack() as stack:
            folder = options.folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="sagemaker-local-"))
            _serve(options, environment, Path(folder), stack)
            stop.wait()
    except StartError as error:
        sys.stderr.write(f"sagemaker_local: {error}\n")
        return 1
    return 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sagemaker_local", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=8090, help="port to listen on, on 127.0.0.1 only (default: 8090)")
    parser.add_argument("--s3", required=True, metavar="URL", help="endpoint URL of the S3 that the jobs use")
    parser.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="folder for logs, models, the registry and a cache (default: a temporary one, removed on exit)",
    )
    parser.add_argument(
        "--credentials-for-jobs",
        action="store_true",
        help="pass your credentials on to jobs that call AWS themselves, if the S3 is on this machine",
    )
    parser.add_argument("--region", default="us-east-1", help="region in ARNs (default: us-east-1)")
    parser.add_argument("--account", default="000000000000", help="account in ARNs (default: 000000000000)")
    return parser.parse_args(arguments)


def _serve(options: argparse.Namespace, environment: Mapping[str, str], folder: Path, stack: ExitStack) -> None:
    """Starts the server, which stops with the stack, and prints the variables that point an AWS SDK at it."""
    generated = "AWS_ACCESS_KEY_ID" not in environment
    key = environment.get("AWS_ACCESS_KEY_ID") or new_key()
    secret = environment.get("AWS_SECRET_ACCESS_KEY") or SECRET
    s3 = _s3(options, key, secret, environment.get("AWS_SESSION_TOKEN"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sagemaker = SageMaker(
            s3=s3,
            folder=folder.resolve(),
            key=key,
            job_key=key if generated or options.credentials_for_jobs else None,
            secret=secret,
            region=options.region,
            account=options.account,
            log=_show,
        )
    except OSError as error:
        raise StartError(f"--folder {folder}: {error.strerror}; choose a folder that you can write to") from error
    stack.callback(sagemaker.stop)
    try:
        api = stack.enter_context(Api(sagemaker, port=options.port))
    except (OSError, OverflowError) as error:
        raise StartError(f"--port {options.port}: {error}; choose another") from error
    warning = isolation_warning()
    if warning:
        sys.stderr.write(f"{warning}\n")
    variables = {f"AWS_ENDPOINT_URL_{service}": api.url for service in _SERVICES} | {"AWS_ENDPOINT_URL_S3": options.s3}
    if generated:
        variables |= {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
    variables["AWS_DEFAULT_REGION"] = options.region
    sys.stdout.write("".join(f"export {name}={value}\n" for name, value in variables.items()))
    sys.stdout.flush()


def _show(action: str, name: str, line: str) -> None:
    """Prints a line of a job's output."""
    sys.stderr.write(f"{action.removeprefix('create')} {name}: {line}\n")


def _s3(options: argparse.Namespace, key: str, secret: str, token: str | None) -> "S3Client":
    """Returns an S3 client. Raises StartError if S3 does not respond or rejects the credentials."""
    try:
        client = boto3.client(
            "s3",
            endpoint_url=options.s3,
            region_name=options.region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(
                connect_timeout=5,
                retries={"total_max_attempts": 2},
                max_pool_connections=64,
                request_checksum_calculation="when_required",
            ),
        )
        client.list_buckets()
    except ClientError as error:
        # A key that may not list buckets may still have access to one of them.
        if error.response["Error"]["Code"] in _BAD_CREDENTIALS:
            raise StartError(
                f"--s3 {options.s3} rejects the credentials ({error.response['Error']['Code']}); "
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to those of this S3"
            ) from error
    except (BotoCoreError, ValueError) as error:
        raise StartError(f"--s3 {options.s3} does not respond as S3: {error}") from error
    return client


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
