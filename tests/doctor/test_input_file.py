"""``input.yaml`` in the bucket and in the folder."""

from pathlib import Path

import pytest

from doctor.input_file import InputFile, folder_file, input_file
from doctor.result import FAILURE, OK, WARNING, UnavailableError
from executions.defaults import PROJECT
from pipeline.input.samples import SAMPLE_TOKENS

VALID = (PROJECT / "scripts" / "input.yaml").read_bytes()


def file(content: bytes, where: str = "s3://mine/demo/scripts/input.yaml") -> InputFile:
    """A file with these bytes."""
    return InputFile(where=where, content=content, tokens=SAMPLE_TOKENS)


def test_valid_file() -> None:
    """A valid file that is also the folder's is fine."""
    (result,) = input_file(file(VALID), folder=file(VALID, "scripts/input.yaml"))
    assert result.status == OK
    assert result.detail == "s3://mine/demo/scripts/input.yaml is valid, and the one in scripts/input.yaml"


def test_file_that_differs() -> None:
    """A valid file that is not the folder's is a warning."""
    (result,) = input_file(file(VALID), folder=file(VALID + b"\n# mine\n", "scripts/input.yaml"))
    assert result.status == WARNING
    assert "aws s3 cp scripts/input.yaml s3://mine/demo/scripts/input.yaml" in result.remedy


def test_invalid_file() -> None:
    """An invalid file fails, with the position of the first error and the number of the others."""
    (result,) = input_file(file(b"model_id: demo\njob_prefix: mlops\ntraining: {run: 1}\nother: 2\n"), folder=None)
    assert result.status == FAILURE
    assert result.detail.startswith("s3://mine/demo/scripts/input.yaml:3:")
    assert "more)" in result.detail
    with pytest.raises(UnavailableError, match="is invalid"):
        file(b"other: 2").execution()


def test_folder_without_a_file(tmp_path: Path) -> None:
    """A file that cannot be read is named."""
    with pytest.raises(UnavailableError, match=r"scripts/input.yaml: No such file"):
        folder_file(tmp_path / "input.yaml", shown="scripts/input.yaml", tokens=SAMPLE_TOKENS)
