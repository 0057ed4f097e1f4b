"""The checks of this machine."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from executions.defaults import EMULATOR_PORT
from sagemaker_local.mounts import ISOLATED, best_view


def doctor(folder: Path, *options: str) -> Result:
    """Runs the command in this process."""
    return CliRunner().invoke(main, ["doctor", "--local", "--folder", str(folder), *options])


def results(folder: Path) -> dict[str, Any]:
    """The results by name."""
    return {each["name"]: each for each in json.loads(doctor(folder, "--json").output)["checks"]}


@pytest.fixture
def port() -> Iterator[None]:
    """A program that has the emulator's port; another one may be using it already."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", EMULATOR_PORT))
            taken.listen()
        except OSError:
            pass
        yield


def test_this_machine(tmp_path: Path) -> None:
    """The machine on which the tests run has what an environment needs; an environment's folder is not created."""
    found = results(tmp_path / "env")
    assert {name: found[name]["status"] for name in ("Python", "uv", "Node", "disk", "open files")} == dict.fromkeys(
        ("Python", "uv", "Node", "disk", "open files"), "ok"
    )
    assert found["namespaces"]["status"] == ("ok" if best_view() == ISOLATED else "warning")
    assert not (tmp_path / "env").exists()


@pytest.mark.usefixtures("port")
def test_port_that_is_taken(tmp_path: Path) -> None:
    """A port that another program uses fails, with the option that chooses another; the exit code is 1."""
    result = doctor(tmp_path)
    assert result.exit_code == 1
    assert f"{EMULATOR_PORT} cannot be used: Address already in use" in result.output
    assert f"→ use another: mlops local up --port {EMULATOR_PORT + 1}" in result.output
    assert "1 problem will make a run fail" in result.output
