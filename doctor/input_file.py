"""Reads and checks ``input.yaml``: the one in the bucket, and the one in the folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doctor.result import Result, UnavailableError, failure, ok, warning
from pipeline.input.errors import InvalidFileError, path_text
from pipeline.input.execution import ExecutionInput, execution_input

_NAME = "input.yaml"
_EVENT = "mlops doctor"


@dataclass(frozen=True, kw_only=True)
class InputFile:
    """An ``input.yaml`` with the values of its tokens."""

    where: str
    """The place as messages name it."""
    content: bytes
    tokens: Mapping[str, str]

    def execution(self) -> ExecutionInput:
        """Returns an execution's input.

        Raises:
            UnavailableError: the file is invalid.
        """
        try:
            return execution_input(self.content, tokens=self.tokens, event_id=_EVENT)
        except InvalidFileError as error:
            raise UnavailableError(f"{self.where} is invalid") from error


def bucket_file(s3: Any, *, bucket: str, key: str, tokens: Mapping[str, str]) -> InputFile:
    """Reads the file from the bucket. Raises ClientError if AWS rejects the call."""
    content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return InputFile(where=f"s3://{bucket}/{key}", content=content, tokens=tokens)


def folder_file(path: Path, *, shown: str, tokens: Mapping[str, str]) -> InputFile:
    """Reads the file from the folder.

    Raises:
        UnavailableError: it cannot be read.
    """
    try:
        return InputFile(where=shown, content=path.read_bytes(), tokens=tokens)
    except OSError as error:
        raise UnavailableError(f"{shown}: {error.strerror}") from error


def input_file(file: InputFile, *, folder: InputFile | None) -> list[Result]:
    """Checks that a file is valid, and that the folder has the same.

    Args:
        file: the one that an execution would use.
        folder: the folder's, to compare with; None if it is the same file.
    """
    try:
        execution_input(file.content, tokens=file.tokens, event_id=_EVENT)
    except InvalidFileError as error:
        first, *others = error.problems
        position = f":{first.line}:{first.column}" if first.line else ""
        path = f"{path_text(first.path)}: " if first.path else ""
        more = f" (and {len(others)} more)" if others else ""
        remedy = "see all: mlops validate scripts/input.yaml"
        return [failure(_NAME, f"{file.where}{position}: {path}{first.message}{more}", remedy)]
    if folder is not None and folder.content != file.content:
        # A deployment publishes the folder only if the folder has changed since the last one.
        remedy = f"use the folder's: aws s3 cp {folder.where} {file.where}; to keep the bucket's, copy it to the folder"
        return [warning(_NAME, f"{file.where} is valid, but is not the one in {folder.where}", remedy)]
    return [ok(_NAME, f"{file.where} is valid{'' if folder is None else f', and the one in {folder.where}'}")]
