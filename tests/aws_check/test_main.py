"""``python -m aws_check`` as a user types it, with what can be wrong before it begins."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from aws_check.__main__ import main


@pytest.fixture
def unconfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without any AWS configuration."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def error(*options: str) -> str:
    result = CliRunner().invoke(main, [*options])
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    return line


@pytest.mark.usefixtures("unconfigured")
def test_without_a_region(tmp_path: Path) -> None:
    """One line says so, and nothing is written."""
    assert "no AWS region is set" in error("--yes", "--out", str(tmp_path / "out" / "found.json"))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.usefixtures("unconfigured")
def test_without_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says so."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert "no AWS credentials found" in error("--yes", "--out", str(tmp_path / "found.json"))


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    """It is refused before anything is asked or deployed."""
    file = tmp_path / "file"
    file.touch()
    assert "cannot be written" in error("--yes", "--out", str(file / "found.json"))
