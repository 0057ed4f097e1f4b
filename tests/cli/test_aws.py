"""Explanations of AWS's errors, and commands without --local."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore import exceptions as aws
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from click.testing import CliRunner

from cli.errors import CommandError
from cli.main import main
from executions.aws import Aws
from executions.errors import ExecutionsError, explained
from executions.stack import find_stack
from local.connection import Connection

OUTPUTS = [
    {"OutputKey": "metadata", "OutputValue": json.dumps({"StateMachine": "arn:machine"})},
    {"OutputKey": "ApprovalTable", "OutputValue": "requests"},
]


def client_error(code: str, message: str = "no") -> ClientError:
    """An error from an AWS service."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "GetItem")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (client_error("AccessDeniedException", "you\nmay not"), "access denied: GetItem: you may not; use a role"),
        (
            client_error("ExpiredTokenException"),
            "AWS rejects your credentials (ExpiredTokenException: no): sign in again",
        ),
        (client_error("ThrottlingException"), "GetItem: ThrottlingException: no"),
        (client_error("ValidationException", "\x1b[2Jno"), "GetItem: ValidationException: \\x1b[2Jno"),
        (aws.NoCredentialsError(), "no AWS credentials found (Unable to locate credentials): sign in again"),
        (aws.NoRegionError(), "no AWS region is set: set AWS_DEFAULT_REGION"),
        (aws.ProfileNotFound(profile="mine"), "The config profile (mine) could not be found; AWS_PROFILE must"),
        (aws.EndpointConnectionError(endpoint_url="https://sts.eu-nowhere-1.amazonaws.com/"), "no answer from AWS ("),
        (aws.EndpointConnectionError(endpoint_url="http://127.0.0.1:4566/"), "nothing answers on this machine ("),
    ],
    ids=lambda value: "" if isinstance(value, str) else type(value).__name__,
)
def test_error_is_one_line(error: Exception, message: str) -> None:
    """Each error is explained on one line, without control characters."""
    line = explained(error)
    assert line.startswith(message)
    assert "\n" not in line


def test_message_cannot_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A command's error shows control characters as text, since it may quote a job."""
    CommandError("the model answered:\n\x1b]0;title\x07").show()
    assert capsys.readouterr().err.endswith("the model answered:\n\\x1b]0;title\\x07\n")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "error: no AWS region is set"),
        ({"AWS_DEFAULT_REGION": "us-east-1"}, "error: no AWS credentials found"),
        ({"AWS_PROFILE": "mine"}, "error: The config profile (mine) could not be found"),
    ],
    ids=["no region", "no credentials", "no profile"],
)
@pytest.mark.parametrize("command", [("approve", "one"), ("reject", "one", "--reason", "no"), ("invoke", "demo", "-")])
def test_aws_that_is_not_configured(
    command: tuple[str, ...], variables: dict[str, str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command without a configured account fails with one line and exit code 1."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    nowhere = {name: str(tmp_path / "none") for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")}
    for name, value in (nowhere | {"AWS_EC2_METADATA_DISABLED": "true"} | variables).items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(main, command, input="1,2\n")
    assert (result.exit_code, result.stdout) == (1, "")
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.startswith(message)
    assert result.stderr.count("\n") == 1


def outputs(response: dict[str, Any] | None, name: str | None = None) -> Any:
    """Reads a stack with this response from CloudFormation; None if the stack does not exist."""
    client = Connection(endpoint="http://127.0.0.1:1", key="key").client("cloudformation")
    expected = {"StackName": name or "mlops-demo"}
    with Stubber(client) as stub:
        if response is None:
            message = f"Stack with id {expected['StackName']} does not exist"
            stub.add_client_error("describe_stacks", "ValidationError", message, expected_params=expected)
        else:
            stub.add_response("describe_stacks", {"Stacks": [response]}, expected)
        return find_stack(Aws(client=lambda _: client, default_stack="mlops-demo", where="in eu-west-1"), name)


def stack(found: list[dict[str, str]]) -> dict[str, Any]:
    """A stack with these outputs."""
    return {
        "StackName": "mlops-demo",
        "CreationTime": "2026-11-23T10:00:00Z",
        "StackStatus": "CREATE_COMPLETE",
        "Outputs": found,
    }


def test_outputs_of_the_stack() -> None:
    """The state machine and the table of requests come from the stack's outputs."""
    found = outputs(stack(OUTPUTS))
    assert (found.name, found.state_machine, found.approval_table) == ("mlops-demo", "arn:machine", "requests")
    assert outputs(stack(OUTPUTS[:1]), "churn").approval_table is None


@pytest.mark.parametrize("metadata", [[], [{"OutputKey": "metadata", "OutputValue": "arn"}], OUTPUTS[1:]])
def test_stack_of_another_module(metadata: list[dict[str, str]]) -> None:
    """A stack without the module's metadata is rejected."""
    with pytest.raises(ExecutionsError, match="mlops-demo in eu-west-1 is not a deployment of this module"):
        outputs(stack(metadata))


def test_no_such_stack() -> None:
    """The error for a missing stack has the option that names another."""
    with pytest.raises(ExecutionsError, match=r"there is no stack churn in eu-west-1; .* --stack NAME"):
        outputs(None, "churn")
