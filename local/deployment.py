"""Deploys the stack with the real CDK CLI, to the emulator or to another account."""

import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import WaiterError

from executions.defaults import PROJECT
from executions.stack import Stack
from local.assembly import CONTEXT, DEFAULT_ACCOUNT, DEFAULT_REGION, OUTPUT, Synthesis
from local.command import Command
from local.emulator import ACCOUNT, REGION, Emulator
from local.errors import LocalError

_CDK = PROJECT / "node_modules" / ".bin" / "cdk"
_SCHEDULE = "0 6 * * ? *"

BOOTSTRAP_STACK = "CDKToolkit"
BOOTSTRAP_TEMPLATE = PROJECT / "node_modules" / "aws-cdk" / "lib" / "api" / "bootstrap" / "bootstrap-template.yaml"
BOOTSTRAP_PARAMETERS = {"FileAssetsBucketKmsKeyId": "AWS_MANAGED_KEY", "PublicAccessBlockConfiguration": "true"}
"""Those that ``cdk bootstrap`` gives; the others have their defaults."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """An account and region, and what the CDK's commands need to use them."""

    account: str
    region: str
    environment: Mapping[str, str]
    """The commands' environment variables, with credentials; the parameters of the module are not among them."""


def synthesis(
    emulator: Emulator, *, model_name: str, folder: Path, log: Path, monitoring_schedule: str | None = None
) -> Synthesis:
    """Begins to synthesise what ``deploy`` deploys, for which the emulator need not be running yet.

    Args:
        emulator: the emulator to deploy to.
        model_name: the module's parameter of this name.
        monitoring_schedule: likewise; None for no schedule.
        folder: an empty folder for the CDK's files.
        log: the file for the CDK's output.
    """
    parameters = _parameters(model_name, monitoring_schedule)
    return Synthesis(_variables(_of(emulator, folder), parameters, folder), folder=folder, log=log)


def deploy(
    emulator: Emulator,
    *,
    model_name: str,
    folder: Path,
    log: Path,
    monitoring_schedule: str | None = None,
    bootstrap: bool = True,
    assembly: Synthesis | Path | None = None,
) -> Stack:
    """Bootstraps the emulator's account and deploys the production template unchanged.

    Args:
        emulator: a running emulator.
        model_name: the module's parameter of this name.
        monitoring_schedule: likewise; None for no schedule.
        folder: an empty folder for the CDK's files, or that of the synthesis.
        log: the file for the CDK's output.
        bootstrap: whether to bootstrap the account.
        assembly: the cloud assembly to deploy, or its synthesis; None: it is synthesised.

    Raises:
        LocalError: the CDK CLI is missing or failed; the message has its last lines.
    """
    _require_cli()
    if bootstrap:
        _bootstrap(emulator)
    place, parameters = _of(emulator, folder), _parameters(model_name, monitoring_schedule)
    return deploy_to(place, parameters=parameters, folder=folder, log=log, assembly=assembly)


def deploy_to(
    place: Place,
    *,
    parameters: Mapping[str, str],
    folder: Path,
    log: Path,
    assembly: Synthesis | Path | None = None,
) -> Stack:
    """Deploys the production template with the CDK CLI, and without asking.

    Args:
        place: where to.
        parameters: the module's, by name; the schedule has a default.
        folder: an empty folder for the CDK's files, or that of the synthesis.
        log: the file for the CDK's output.
        assembly: as for ``deploy``.

    Raises:
        LocalError: the CDK CLI is missing or failed; the message has its last lines.
    """
    _require_cli()
    variables = _variables(place, parameters, folder)
    outputs = folder / "outputs.json"
    if assembly is None:
        assembly = Synthesis(variables, folder=folder, log=log)
    try:
        made = assembly if isinstance(assembly, Path) else assembly.assembly()
        words = [str(_CDK), "deploy", "--app", str(made), "--outputs-file", str(outputs)]
        # Without a change set, which nobody would review.
        options = ["--require-approval", "never", "--method", "direct", "--progress", "events"]
        command = Command([*words, *options, "--no-notices", "--no-color"], variables, folder, log)
        try:
            command.finish()
        finally:
            command.end()
    finally:
        if isinstance(assembly, Synthesis):
            assembly.end()
    ((stack, values),) = json.loads(outputs.read_text()).items()
    return Stack.parse(stack, values)


def _require_cli() -> None:
    if not _CDK.exists():
        raise LocalError(f"the CDK CLI is not at {_CDK}; install it: make demo, or npm ci")


def _bootstrap(emulator: Emulator) -> None:
    """Creates the stack of ``cdk bootstrap``, from its own template, without the two seconds that it takes."""
    cloudformation = emulator.client("cloudformation")
    cloudformation.create_stack(
        StackName=BOOTSTRAP_STACK,
        TemplateBody=BOOTSTRAP_TEMPLATE.read_text(),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in BOOTSTRAP_PARAMETERS.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    every_tenth = {"Delay": 0.1, "MaxAttempts": 300}
    try:
        cloudformation.get_waiter("stack_create_complete").wait(StackName=BOOTSTRAP_STACK, WaiterConfig=every_tenth)
    except WaiterError as error:
        raise LocalError(f"the emulator's account could not be bootstrapped for the CDK: {error}") from error


def _parameters(model_name: str, monitoring_schedule: str | None) -> dict[str, str]:
    own = {"monitoring-schedule": monitoring_schedule} if monitoring_schedule else {}
    return {"model-name": model_name, **own}


def _of(emulator: Emulator, folder: Path) -> Place:
    return Place(account=ACCOUNT, region=REGION, environment=emulator.environment() | {"CDK_HOME": str(folder)})


def _variables(place: Place, parameters: Mapping[str, str], folder: Path) -> dict[str, str]:
    context = json.loads((PROJECT / "cdk.json").read_text())["context"]
    return {
        **place.environment,
        DEFAULT_ACCOUNT: place.account,
        DEFAULT_REGION: place.region,
        OUTPUT: str(folder / "cdk.out"),
        CONTEXT: json.dumps(context | {"schedule": _SCHEDULE, **parameters}),
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
