"""Deploys the stack with the real CDK CLI, to the emulator or to another account."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from executions.defaults import PROJECT
from executions.stack import Stack
from local.emulator import ACCOUNT, REGION, Emulator
from local.errors import LocalError
from sagemaker_local.supervised import Supervised

_CDK = PROJECT / "node_modules" / ".bin" / "cdk"
_SCHEDULE = "0 6 * * ? *"
_LAST_LINES = 8


@dataclass(frozen=True, kw_only=True)
class Place:
    """An account and region, and what the CDK's commands need to use them."""

    account: str
    region: str
    environment: Mapping[str, str]
    """The commands' environment variables, with credentials; the parameters of the module are not among them."""


def deploy(
    emulator: Emulator,
    *,
    model_name: str,
    folder: Path,
    log: Path,
    bootstrap: bool = True,
    assembly: Path | None = None,
) -> Stack:
    """Bootstraps the emulator's account and deploys the production template unchanged.

    Args:
        emulator: a running emulator.
        model_name: the module's parameter of this name.
        folder: an empty folder for the CDK's files.
        log: the file for the CDK's output.
        bootstrap: whether to bootstrap the account.
        assembly: the cloud assembly to deploy; None: it is synthesised.

    Raises:
        LocalError: the CDK CLI is missing or failed; the message has its last lines.
    """
    environment = emulator.environment() | {"CDK_HOME": str(folder)}
    place = Place(account=ACCOUNT, region=REGION, environment=environment)
    parameters = {"model-name": model_name}
    return deploy_to(place, parameters=parameters, folder=folder, log=log, bootstrap=bootstrap, assembly=assembly)


def deploy_to(
    place: Place,
    *,
    parameters: Mapping[str, str],
    folder: Path,
    log: Path,
    bootstrap: bool = False,
    assembly: Path | None = None,
) -> Stack:
    """Deploys the production template with the CDK CLI, and without asking.

    Args:
        place: where to.
        parameters: the module's, by name; the schedule has a default.
        folder: an empty folder for the CDK's files.
        log: the file for the CDK's output.
        bootstrap: whether to bootstrap the account, too.
        assembly: as for ``deploy``.

    Raises:
        LocalError: the CDK CLI is missing or failed; the message has its last lines.
    """
    if not _CDK.exists():
        raise LocalError(f"the CDK CLI is not at {_CDK}; install it: make demo, or npm ci")
    outputs = folder / "outputs.json"
    common = ["--no-notices", "--no-color"]
    made = folder / "cdk.out"
    commands = _Commands(folder, _environment(place, parameters=parameters, assembly=made), log)
    # Independent of each other, and each slow on a single core.
    commands.run(
        *([[str(_CDK), "bootstrap", f"aws://{place.account}/{place.region}", *common]] if bootstrap else []),
        *([] if assembly else [[sys.executable, str(PROJECT / "app.py")]]),
    )
    commands.run(
        [
            *(str(_CDK), "deploy", "--app", str(assembly or made), "--require-approval", "never"),
            # Without a change set, which nobody would review.
            *("--method", "direct", "--outputs-file", str(outputs), "--progress", "events", *common),
        ]
    )
    ((stack, values),) = json.loads(outputs.read_text()).items()
    return Stack.parse(stack, values)


def _environment(place: Place, *, parameters: Mapping[str, str], assembly: Path) -> dict[str, str]:
    context = json.loads((PROJECT / "cdk.json").read_text())["context"]
    return {
        **place.environment,
        "CDK_DEFAULT_ACCOUNT": place.account,
        "CDK_DEFAULT_REGION": place.region,
        "CDK_OUTDIR": str(assembly),
        "CDK_CONTEXT_JSON": json.dumps(context | {"schedule": _SCHEDULE, **parameters}),
        # Validation against CloudFormation's schemas takes as long as the rest of the synth; here the template is
        # deployed a moment later.
        "CDK_VALIDATION": "false",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_DISABLE_VERSION_CHECK": "true",
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(jsii_cache()),
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        "CI": "true",
    }


def jsii_cache() -> Path:
    """Where jsii unpacks the CDK, which takes ten seconds: once for the user, as without the emulator's own home.

    Where the user's home cannot be written, it is unpacked beside the packages.
    """
    folder = Path.home() / ".cache" / "aws" / "jsii" / "package-cache"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return folder if os.access(folder, os.W_OK) else Path(sys.prefix) / "jsii-cache"


@dataclass(frozen=True)
class _Commands:
    """Runs the CDK's commands; none outlives the call."""

    folder: Path
    environment: dict[str, str]
    log: Path

    def run(self, *commands: Sequence[str]) -> None:
        """Runs commands in parallel. Raises LocalError with the end of the log if one fails."""
        with self.log.open("ab") as output:
            running = [
                Supervised(command, cwd=self.folder, environment=self.environment, output=output)
                for command in commands
            ]
        try:
            for process in reversed(running):
                if process.wait() != 0:
                    last_lines = "\n".join(self.log.read_text(errors="replace").rstrip().splitlines()[-_LAST_LINES:])
                    raise LocalError(
                        f"the CDK could not deploy the stack; its log is {self.log} and ends:\n{last_lines}"
                    )
        finally:
            for process in running:
                process.end()
