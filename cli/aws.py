"""AWS for the commands: one place that makes clients, reads the stack's outputs, and puts AWS's errors into words.

Without ``--local`` it is boto3's own configuration that counts: variables, profiles, endpoints. With it, those of
the environment on this machine do, which are what ``mlops local env`` prints.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore import exceptions as aws
from botocore.exceptions import BotoCoreError, ClientError

from cli.errors import CommandError, local_errors

PROJECT = Path(__file__).parent.parent

_RENEW = "sign in again (aws sso login, aws configure), or use --local for the environment on this machine"
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "KMSAccessDeniedException"}
_STALE = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_NO_CREDENTIALS = (
    aws.NoCredentialsError,
    aws.PartialCredentialsError,
    aws.CredentialRetrievalError,
    aws.TokenRetrievalError,
    aws.SSOError,
)
_NO_CONNECTION = (aws.EndpointConnectionError, aws.ConnectionClosedError, aws.ConnectTimeoutError, aws.ReadTimeoutError)


@dataclass(frozen=True, kw_only=True)
class Aws:
    """Where a command's calls go."""

    client: Callable[[str], Any]
    """Makes a boto3 client of a service, such as ``"s3"``."""
    default_stack: str
    """The stack that is meant where none is named."""
    where: str
    """How to call it in a message: ``on this machine`` or ``in eu-west-1``."""


def connect(*, local: bool, folder: Path) -> Aws:
    """AWS as the user has configured it, or the environment on this machine.

    Args:
        local: which of them.
        folder: the environment's.

    Raises:
        CommandError: there is no environment, no profile or no region.
    """
    if local:
        from local.state import Home  # noqa: PLC0415 - for --local only

        with local_errors(folder):
            state = Home(folder).require_live()
        return Aws(client=state.connection.client, default_stack=state.metadata.stack, where="on this machine")
    import boto3  # noqa: PLC0415

    from settings import default_stack_name  # noqa: PLC0415

    context = json.loads((PROJECT / "cdk.json").read_text())["context"]
    with aws_errors():
        session: Any = boto3.Session()
        if session.region_name is None:
            raise aws.NoRegionError
        return Aws(
            client=session.client, default_stack=default_stack_name(context.get), where=f"in {session.region_name}"
        )


@contextmanager
def aws_errors() -> Iterator[None]:
    """What AWS refuses ends the command with one line."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise CommandError(explained(error)) from error


def explained(error: Exception) -> str:
    """What an error of AWS's means and what to do next, on one line."""
    if isinstance(error, ClientError):
        return _refusal(error)
    text = _one_line(error)
    if isinstance(error, _NO_CONNECTION) and "//127.0.0.1:" in text:
        return f"nothing answers on this machine ({text}); mlops local status says what is up"
    meanings: tuple[tuple[Any, str], ...] = (
        (_NO_CREDENTIALS, f"there are no AWS credentials to use ({text}): {_RENEW}"),
        (aws.ProfileNotFound, f"{text}; AWS_PROFILE must name one of ~/.aws/config"),
        (
            aws.NoRegionError,
            "no AWS region is chosen: set AWS_DEFAULT_REGION, or a region in the profile; or use --local",
        ),
        (_NO_CONNECTION, f"no answer from AWS ({text}); is the region right, and is there a network?"),
    )
    return next((meaning for kind, meaning in meanings if isinstance(error, kind)), text)


def stack_outputs(connection: Aws, name: str | None) -> "Stack":
    """What a deployment of the module says of itself.

    Args:
        connection: where to look.
        name: the stack's; None: the default.

    Raises:
        CommandError: there is no such stack, or it is not one of the module's.
        ClientError: AWS refuses.
    """
    stack = name or connection.default_stack
    try:
        (found,) = connection.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        raise CommandError(
            f"there is no stack {stack} {connection.where}; deploy it (cdk deploy), or name another: --stack NAME"
        ) from error
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", ())}
    try:
        metadata = json.loads(outputs["metadata"])
        state_machine = metadata["StateMachine"]
    except (KeyError, ValueError, TypeError) as error:
        raise CommandError(
            f"the stack {stack} {connection.where} is no deployment of this module: it has no output metadata"
        ) from error
    return Stack(
        name=stack,
        state_machine=state_machine,
        function=metadata.get("LambdaFunction", ""),
        bucket=metadata.get("MlOpsBucket", ""),
        approval_table=outputs.get("ApprovalTable"),
    )


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A deployment of the module."""

    name: str
    state_machine: str
    """Its ARN."""
    function: str
    """The ARN of the Lambda function that starts an execution."""
    bucket: str
    """The name of the bucket with the scripts and the results."""
    approval_table: str | None
    """The DynamoDB table of the open approval requests; None where the stack has none."""


def _refusal(error: ClientError) -> str:
    details = error.response.get("Error", {})
    code, message = details.get("Code", "Unknown"), _one_line(details.get("Message", ""))
    if code in _DENIED:
        return f"access denied: {error.operation_name}: {message}; ask for a role that may do this"
    if code in _STALE:
        return f"AWS does not take your credentials ({code}: {message}): {_RENEW}"
    return f"{error.operation_name}: {code}: {message}"


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
