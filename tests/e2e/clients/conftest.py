"""The module, deployed and started with its users' clients; see ``machine.py`` for the test doubles.

The long lifecycles run in parallel once the account is ready, since the clients mostly wait. Tests check the
observations of a finished lifecycle.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local.emulator import Emulator
from tests.e2e.clients import cdk, seedfarmer
from tests.e2e.clients.account import Account
from tests.e2e.clients.cdk import CdkLifecycle
from tests.e2e.clients.deploy_guide import DEPLOY, EVERY_DAY, commands
from tests.e2e.clients.machine import FinishedScript, Machine, copy_module
from tests.e2e.clients.seedfarmer import SeedFarmerLifecycle

EVERY_MINUTE = '"* * * * ? *"'


@dataclass(frozen=True)
class ClientSetup:
    """An account, a user's machine, and a checkout of the module, set up as in docs/deploy.md."""

    account: Account
    machine: Machine
    checkout: Path
    lifecycles: dict[str, Future[Any]]
    manual_executions: set[str] = field(default_factory=set)
    """The names of the executions that tests started through the Lambda."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests the schedule last, since it needs two minutes in which other tests can run."""
    items.sort(key=lambda item: item.path.name == "test_schedule.py" and item.path.parent == Path(__file__).parent)


@pytest.fixture(scope="session")
def client_setup(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    free_port: Callable[[], int],
    clients_installed: None,  # noqa: ARG001 - it waits for them
) -> Iterator[ClientSetup]:
    """The setup, with the account bootstrapped for the CDK and the lifecycles started that selected tests need."""
    folder = tmp_path_factory.mktemp("clients")
    setup, deployment, *_ = commands(DEPLOY)
    bootstrap, _ = deployment.splitlines()
    needed = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    lifecycles: dict[str, Future[Any]] = {}
    with Emulator(port=free_port(), log=folder / "emulator.log") as emulator, ThreadPoolExecutor(3) as pool:

        def start(fixture: str, lifecycle: Callable[..., object], *arguments: object) -> None:
            if fixture in needed:
                lifecycles[fixture] = pool.submit(lifecycle, *arguments)

        account, machine, checkout = Account(emulator), Machine(folder, emulator), folder / "checkout"
        try:
            # It deploys nothing, so it need not wait for the bootstrap.
            start("from_git", seedfarmer.from_git, machine, folder)
            copy_module(checkout)
            machine.run(setup + bootstrap, checkout)
            # SeedFarmer passes the boolean as text, but not to modulestack.yaml.
            parameters = {"schedule": "0 6 * * ? *", "schedule-enabled": False, "empty-bucket-on-destroy": "true"}
            start("seedfarmer_lifecycle", seedfarmer.lifecycle, machine, account, folder, "aiops", parameters)
            start("cdk_lifecycle", cdk.lifecycle, machine, account, another_checkout(checkout))
            yield ClientSetup(account, machine, checkout, lifecycles)
        finally:
            machine.close()


def another_checkout(checkout: Path) -> Path:
    """Copies a checkout with its packages, since the CDK CLI runs one command at a time in a folder."""
    folder = checkout.with_name("another-checkout")
    copy_module(folder)
    for installed in (".venv", "node_modules"):
        (folder / installed).symlink_to(checkout / installed)
    return folder


@pytest.fixture(scope="session")
def demo(client_setup: ClientSetup) -> ClientSetup:
    """The pipeline of docs/deploy.md, scheduled every minute instead of daily."""
    _, deployment, *_ = commands(DEPLOY)
    _, deploy = deployment.splitlines()
    assert EVERY_DAY in deploy
    client_setup.machine.run(deploy.replace(EVERY_DAY, EVERY_MINUTE), client_setup.checkout)
    return client_setup


@pytest.fixture(scope="session")
def cdk_lifecycle(client_setup: ClientSetup) -> CdkLifecycle:
    """Observations of the second pipeline, after it was destroyed."""
    observed: CdkLifecycle = client_setup.lifecycles["cdk_lifecycle"].result()
    return observed


@pytest.fixture(scope="session")
def seedfarmer_lifecycle(client_setup: ClientSetup) -> SeedFarmerLifecycle:
    """Observations of SeedFarmer's deployment, after it was destroyed with its bucket."""
    observed: SeedFarmerLifecycle = client_setup.lifecycles["seedfarmer_lifecycle"].result()
    return observed


@pytest.fixture(scope="session")
def from_git(client_setup: ClientSetup) -> FinishedScript:
    """SeedFarmer's dry run of a manifest with the module's path in git."""
    finished: FinishedScript = client_setup.lifecycles["from_git"].result()
    return finished
