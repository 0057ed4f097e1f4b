"""Commands to a running environment."""

import dataclasses
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError

import pytest

from local.connection import DIRECT, authorized
from local.control_server import send_command, serve_commands
from local.errors import LocalError
from local.state import State
from tests.local.described import STATE


class Commands:
    """Records the commands that it receives."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []

    def reject(self, _parameters: dict[str, Any]) -> None:
        """Raises the error of a rejected command."""
        raise LocalError("the CDK could not deploy the stack")

    def fail(self, _parameters: dict[str, Any]) -> None:
        """Raises the error of a bug."""
        raise ZeroDivisionError("by zero")


@pytest.fixture
def commands() -> Commands:
    """The commands received by the environment ``state``."""
    return Commands()


@pytest.fixture
def state(commands: Commands) -> Iterator[State]:
    """An environment that accepts commands."""
    known = {"load": commands.received.append, "deploy": commands.reject, "fail": commands.fail}
    with serve_commands(known, key=STATE.key) as url:
        yield dataclasses.replace(STATE, control=url)


def test_command_arrives(state: State, commands: Commands) -> None:
    """A command arrives with its parameters, including null."""
    send_command(state, "load", data="/data.csv")
    send_command(state, "load", data=None)
    assert commands.received == [{"data": "/data.csv"}, {"data": None}]


def test_rejected_command(state: State) -> None:
    """The message of a command that fails is passed on unchanged."""
    with pytest.raises(LocalError, match=r"^the CDK could not deploy the stack$"):
        send_command(state, "deploy")


def test_bug_in_a_command(state: State) -> None:
    """A bug in the environment is reported with the path of its log."""
    with pytest.raises(LocalError, match=r"could not fail; its log: .*daemon\.log; ZeroDivisionError: by zero"):
        send_command(state, "fail")


@pytest.mark.parametrize("key", [STATE.key[1:], "", "schlüssel"])
def test_key_is_needed(state: State, commands: Commands, key: str) -> None:
    """A command without the key is rejected; the message says why."""
    with pytest.raises(LocalError, match="does not carry this environment"):
        send_command(dataclasses.replace(state, key=key), "load", data=None)
    assert commands.received == []


def test_unknown_command(state: State, commands: Commands) -> None:
    """An unknown command, or a GET, does nothing."""
    with pytest.raises(LocalError, match="no such command"):
        send_command(state, "loads", data=None)
    with pytest.raises(HTTPError, match="404") as refused:
        DIRECT.open(authorized(f"{state.control}/load", state.key))
    refused.value.close()
    assert commands.received == []


def test_environment_has_ended() -> None:
    """A command to an environment that has ended fails."""
    with serve_commands({}, key=STATE.key) as url:
        pass
    with pytest.raises(LocalError, match="the environment has ended"):
        send_command(dataclasses.replace(STATE, control=url), "load")
