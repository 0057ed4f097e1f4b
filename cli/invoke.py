"""``mlops invoke``: sends records to an endpoint and prints its answer."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NoReturn

import click
from botocore.exceptions import ClientError

from cli.errors import CommandError
from cli.target import aws_errors, connect
from executions.aws import Aws
from executions.text import one_line

LIMIT = 6_291_456
"""Bytes of a request's body (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html)."""
_BY_LINES = {"text/csv", "application/jsonlines"}
"""The types with one record per line, whose requests and responses can be split and joined."""
_IN_SERVICE = "InService"


def invoke(*, endpoint: str, file: IO[bytes], content_type: str, accept: str | None, folder: Path, local: bool) -> None:
    """Sends the records of a file to an endpoint and prints its answer."""
    accept = accept or content_type
    pieces = cut(file.read(), by_lines={content_type, accept} <= _BY_LINES)
    aws = connect(local=local, folder=folder)
    with aws_errors():
        runtime = aws.client("sagemaker-runtime")
        for piece in pieces:
            try:
                response = runtime.invoke_endpoint(
                    EndpointName=endpoint, Body=piece, ContentType=content_type, Accept=accept
                )
            except ClientError as error:
                _explain(error, endpoint, aws, logs=folder / "logs" if local else None)
            answer = response["Body"].read()
            click.echo(answer, nl=False)
            if answer and not answer.endswith(b"\n") and (len(pieces) > 1 or sys.stdout.isatty()):
                click.echo()


def cut(body: bytes, *, by_lines: bool, limit: int = LIMIT) -> list[bytes]:
    """Splits records into the bodies of requests.

    Args:
        body: all records.
        by_lines: whether each line is a record.
        limit: the maximum size of a body, in bytes.

    Raises:
        CommandError: there is nothing to send, or a record or an indivisible body exceeds the limit.
    """
    if not body.strip():
        raise CommandError("there are no records to send: the file is empty")
    if len(body) <= limit:
        return [body]
    if not by_lines:
        raise CommandError(
            f"the file has {len(body):,} bytes; one request to an endpoint has at most {limit:,}. "
            "Only records in lines (text/csv, application/jsonlines) can be split"
        )
    return [b"".join(piece) for piece in _pieces(body.splitlines(keepends=True), limit)]


def _pieces(lines: list[bytes], limit: int) -> Iterator[list[bytes]]:
    piece: list[bytes] = []
    size = 0
    for number, line in enumerate(lines, start=1):
        if len(line) > limit:
            raise CommandError(
                f"line {number} has {len(line):,} bytes; one request to an endpoint has at most {limit:,}"
            )
        if size + len(line) > limit:
            yield piece
            piece, size = [], 0
        piece.append(line)
        size += len(line)
    yield piece


def _explain(error: ClientError, endpoint: str, aws: Aws, *, logs: Path | None) -> NoReturn:
    """Raises CommandError if the endpoint or its model is at fault, else the error itself."""
    response: dict[str, Any] = dict(error.response)
    code = response["Error"]["Code"]
    if code == "ModelError":
        log = (
            str(logs / "Endpoints" / f"{endpoint}.log") if logs else response.get("LogStreamArn", "in CloudWatch Logs")
        )
        answer = response.get("OriginalMessage") or response["Error"]["Message"]
        status = response.get("OriginalStatusCode", "no status")
        raise CommandError(
            f"the model of endpoint {endpoint} answered {status}: {one_line(answer)}; its log: {log}"
        ) from error
    if code in {"ValidationError", "ValidationException", "ModelNotReadyException", "ServiceUnavailable"}:
        status = _status(endpoint, aws)
        if status is None:
            raise CommandError(f"there is no endpoint {endpoint} {aws.where}") from error
        if status != _IN_SERVICE:
            raise CommandError(f"the endpoint {endpoint} is not in service: its status is {status}") from error
    raise error


def _status(endpoint: str, aws: Aws) -> str | None:
    """The endpoint's status; None if there is no such endpoint."""
    try:
        return str(aws.client("sagemaker").describe_endpoint(EndpointName=endpoint)["EndpointStatus"])
    except ClientError as error:
        if "could not find" in str(error).lower():
            return None
        raise
