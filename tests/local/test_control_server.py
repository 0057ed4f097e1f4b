"""Commands to the environment that is up."""

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
    """What has been ordered."""

    def __init__(self) -> None:
        self.given: list[dict[str, Any]] = []

    def refuse(self, _parameters: dict[str, Any]) -> None:
        """Says no."""
        raise LocalError("the CDK could not deploy the stack")

    def fail(self, _parameters: dict[str, Any]) -> None:
        """Has a fault."""
        raise ZeroDivisionError("by zero")


@pytest.fixture
def commands() -> Commands:
    """What has been ordered, yet nothing."""
    return Commands()


@pytest.fixture
def state(commands: Commands) -> Iterator[State]:
    """An environment that takes commands."""
    known = {"load": commands.given.append, "deploy": commands.refuse, "fail": commands.fail}
    with serve_commands(known, key=STATE.key) as url:
        yield dataclasses.replace(STATE, control=url)


def test_order_arrives(state: State, commands: Commands) -> None:
    """A command arrives with its parameters, null among them."""
    send_command(state, "load", data="/data.csv")
    send_command(state, "load", data=None)
    assert commands.given == [{"data": "/data.csv"}, {"data": None}]


def test_refusal_is_told(state: State) -> None:
    """What the environment cannot do is told to whoever ordered it, word for word."""
    with pytest.raises(LocalError, match=r"^the CDK could not deploy the stack$"):
        send_command(state, "deploy")


def test_fault_is_told(state: State) -> None:
    """A fault of the environment's is told with its log's place."""
    with pytest.raises(LocalError, match=r"could not fail; its log: .*daemon\.log; ZeroDivisionError: by zero"):
        send_command(state, "fail")


@pytest.mark.parametrize("key", [STATE.key[1:], "", "schlüssel"])
def test_key_is_needed(state: State, commands: Commands, key: str) -> None:
    """A command without the key is not taken, and whoever gives it learns why."""
    with pytest.raises(LocalError, match="does not carry this environment"):
        send_command(dataclasses.replace(state, key=key), "load", data=None)
    assert commands.given == []


def test_unknown_order(state: State, commands: Commands) -> None:
    """What is no command, or a look only, changes nothing."""
    with pytest.raises(LocalError, match="no such command"):
        send_command(state, "loads", data=None)
    with pytest.raises(HTTPError, match="404"):
        DIRECT.open(authorized(f"{state.control}/load", state.key))
    assert commands.given == []


def test_environment_has_ended() -> None:
    """Where nobody takes the command any more, that is said."""
    with serve_commands({}, key=STATE.key) as url:
        pass
    with pytest.raises(LocalError, match="the environment has ended"):
        send_command(dataclasses.replace(STATE, control=url), "load")
