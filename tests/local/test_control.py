"""Orders to the environment that is up."""

import dataclasses
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError

import pytest

from local.connection import DIRECT, authorized
from local.control import give_order, served
from local.errors import LocalError
from local.state import State
from tests.local.described import STATE


class Orders:
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
def orders() -> Orders:
    """What has been ordered, yet nothing."""
    return Orders()


@pytest.fixture
def state(orders: Orders) -> Iterator[State]:
    """An environment that takes orders."""
    known = {"load": orders.given.append, "deploy": orders.refuse, "fail": orders.fail}
    with served(known, key=STATE.key) as url:
        yield dataclasses.replace(STATE, control=url)


def test_order_arrives(state: State, orders: Orders) -> None:
    """An order arrives with its parameters, null among them."""
    give_order(state, "load", data="/data.csv")
    give_order(state, "load", data=None)
    assert orders.given == [{"data": "/data.csv"}, {"data": None}]


def test_refusal_is_told(state: State) -> None:
    """What the environment cannot do is told to whoever ordered it, word for word."""
    with pytest.raises(LocalError, match=r"^the CDK could not deploy the stack$"):
        give_order(state, "deploy")


def test_fault_is_told(state: State) -> None:
    """A fault of the environment's is told with its log's place."""
    with pytest.raises(LocalError, match=r"could not fail; its log: .*daemon\.log; ZeroDivisionError: by zero"):
        give_order(state, "fail")


@pytest.mark.parametrize("key", [STATE.key[1:], "", "schlüssel"])
def test_key_is_needed(state: State, orders: Orders, key: str) -> None:
    """An order without the key is not taken, and whoever gives it learns why."""
    with pytest.raises(LocalError, match="carries no key of this environment"):
        give_order(dataclasses.replace(state, key=key), "load", data=None)
    assert orders.given == []


def test_unknown_order(state: State, orders: Orders) -> None:
    """What is no order, or a look only, changes nothing."""
    with pytest.raises(LocalError, match="no such order"):
        give_order(state, "loads", data=None)
    with pytest.raises(HTTPError, match="404"):
        DIRECT.open(authorized(f"{state.control}/load", state.key))
    assert orders.given == []


def test_environment_has_ended() -> None:
    """Where nobody takes the order any more, that is said."""
    with served({}, key=STATE.key) as url:
        pass
    with pytest.raises(LocalError, match="the environment has ended"):
        give_order(dataclasses.replace(STATE, control=url), "load")
