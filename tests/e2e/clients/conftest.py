"""The module, deployed and started by the clients that its users have; ``machine.py`` says what stands in for what."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local.emulator import Emulator
from tests.e2e.clients.account import Account
from tests.e2e.clients.farm import Farm, copy_module
from tests.e2e.clients.machine import CLIENTS, Machine
from tests.e2e.clients.readme import commands

EVERY_DAY = '"0 6 * * ? *"'
EVERY_MINUTE = '"* * * * ? *"'


@dataclass(frozen=True)
class Place:
    """One account, one user's machine, and a checkout of the module that is set up as the README says."""

    emulator: Emulator
    account: Account
    machine: Machine
    checkout: Path
    farm: Farm | None
    """SeedFarmer's runs, where a test that looks at them is to run."""
    by_hand: set[str] = field(default_factory=set)
    """The names of the executions that a test started through the Lambda."""


@pytest.fixture(scope="session")
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Place]:
    """The place, the account in it bootstrapped for the CDK."""
    assert (CLIENTS / "clients.done").exists(), "the clients are not installed; do so: make .venv-clients/clients.done"
    folder = tmp_path_factory.mktemp("place")
    setup, deployment, *_ = commands("Deploy")
    bootstrap, _ = deployment.splitlines()
    with Emulator(port=free_port(), log=folder / "emulator.log") as emulator:
        machine = Machine(folder, emulator)
        copy_module(folder / "checkout")
        machine.run(setup + bootstrap, folder / "checkout")
        account = Account(emulator)
        wanted = any("farm" in getattr(item, "fixturenames", ()) for item in request.session.items)
        farm = Farm(machine, account, folder) if wanted else None
        yield Place(emulator, account, machine, folder / "checkout", farm)
        if farm:
            farm.close()


@pytest.fixture(scope="session")
def farm(place: Place) -> Farm:
    """SeedFarmer's runs, which began when the place was ready."""
    assert place.farm
    return place.farm


@pytest.fixture(scope="session")
def demo(place: Place) -> Place:
    """The pipeline of the README, but started every minute, so that nobody waits for six o'clock."""
    _, deployment, *_ = commands("Deploy")
    _, deploy = deployment.splitlines()
    assert EVERY_DAY in deploy
    place.machine.run(deploy.replace(EVERY_DAY, EVERY_MINUTE), place.checkout)
    return place
