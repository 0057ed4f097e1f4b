"""The module, deployed and started by the clients that its users have; ``machine.py`` says what stands in for what.

The long stories are told beside each other, from the moment that the account is ready: the clients wait more than they
work. A test asks for the end of its story.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local.emulator import Emulator
from tests.e2e.clients import farm, life
from tests.e2e.clients.account import Account
from tests.e2e.clients.farm import SeedFarmerLifecycle
from tests.e2e.clients.guide import DEPLOY, EVERY_DAY, commands
from tests.e2e.clients.life import CdkLifecycle
from tests.e2e.clients.machine import Ended, Machine, copy_module

EVERY_MINUTE = '"* * * * ? *"'


@dataclass(frozen=True)
class Place:
    """One account, one user's machine, and a checkout of the module that is set up as docs/deploy.md says."""

    account: Account
    machine: Machine
    checkout: Path
    stories: dict[str, Future[Any]]
    by_hand: set[str] = field(default_factory=set)
    """The names of the executions that tests started through the Lambda."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests the schedule last, since it needs two minutes in which other tests can run."""
    items.sort(key=lambda item: item.path.name == "test_schedule.py" and item.path.parent == Path(__file__).parent)


@pytest.fixture(scope="session")
def place(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    free_port: Callable[[], int],
    clients_installed: None,  # noqa: ARG001 - it waits for them
) -> Iterator[Place]:
    """The place, its account bootstrapped for the CDK, and the stories begun that tests of this session ask for."""
    folder = tmp_path_factory.mktemp("place")
    setup, deployment, *_ = commands(DEPLOY)
    bootstrap, _ = deployment.splitlines()
    asked_for = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    begun: dict[str, Future[Any]] = {}
    with Emulator(port=free_port(), log=folder / "emulator.log") as emulator, ThreadPoolExecutor(3) as pool:

        def begin(name: str, story: Callable[..., object], *arguments: object) -> None:
            if name in asked_for:
                begun[name] = pool.submit(story, *arguments)

        account, machine, checkout = Account(emulator), Machine(folder, emulator), folder / "checkout"
        try:
            # Deploys nothing, so it need not wait for the bootstrap.
            begin("from_git", farm.from_git, machine, folder)
            copy_module(checkout)
            machine.run(setup + bootstrap, checkout)
            # A boolean, which SeedFarmer passes as text, but not to modulestack.yaml.
            parameters = {"schedule": "0 6 * * ? *", "schedule-enabled": False, "empty-bucket-on-destroy": "true"}
            begin("seedfarmer_lifecycle", farm.seedfarmer_lifecycle, machine, account, folder, "aiops", parameters)
            begin("cdk_lifecycle", life.cdk_lifecycle, machine, account, another_checkout(checkout))
            yield Place(account, machine, checkout, begun)
        finally:
            machine.close()


def another_checkout(checkout: Path) -> Path:
    """A copy beside a checkout that is set up: the CDK CLI works in a folder for one command at a time."""
    folder = checkout.with_name("another-checkout")
    copy_module(folder)
    for installed in (".venv", "node_modules"):
        (folder / installed).symlink_to(checkout / installed)
    return folder


@pytest.fixture(scope="session")
def demo(place: Place) -> Place:
    """The pipeline of docs/deploy.md, but started every minute, so that nobody waits for six o'clock."""
    _, deployment, *_ = commands(DEPLOY)
    _, deploy = deployment.splitlines()
    assert EVERY_DAY in deploy
    place.machine.run(deploy.replace(EVERY_DAY, EVERY_MINUTE), place.checkout)
    return place


@pytest.fixture(scope="session")
def cdk_lifecycle(place: Place) -> CdkLifecycle:
    """The second pipeline's lifecycle, after it has ended."""
    seen: CdkLifecycle = place.stories["cdk_lifecycle"].result()
    return seen


@pytest.fixture(scope="session")
def seedfarmer_lifecycle(place: Place) -> SeedFarmerLifecycle:
    """SeedFarmer's deployment, after it was destroyed with its bucket."""
    seen: SeedFarmerLifecycle = place.stories["seedfarmer_lifecycle"].result()
    return seen


@pytest.fixture(scope="session")
def from_git(place: Place) -> Ended:
    """SeedFarmer's dry run of a manifest that takes the module from git."""
    seen: Ended = place.stories["from_git"].result()
    return seen
