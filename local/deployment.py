"""Deploys the stack to the emulator with the real CDK CLI."""

import json
import os
import sys
from collections.abc import Sequence
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
    if not _CDK.exists():
        raise LocalError(f"the CDK CLI is not at {_CDK}; install it: make demo, or npm ci")
    outputs = folder / "outputs.json"
    common = ["--no-notices", "--no-color"]
    commands = _Commands(folder, _environment(emulator, model_name=model_name, folder=folder), log)
    # Independent of each other, and each slow on a single core.
    commands.run(
        *([[str(_CDK), "bootstrap", f"aws://{ACCOUNT}/{REGION}", *common]] if bootstrap else []),
        *([] if assembly else [[sys.executable, str(PROJECT / "app.py")]]),
    )
    commands.run(
        [
            *(str(_CDK), "deploy", "--app", str(assembly or folder / "cdk.out"), "--require-approval", "never"),
            # Without a change set, which nobody would review.
            *("--method", "direct", "--outputs-file", str(outputs), "--progress", "events", *common),
        ]
    )
    ((stack, values),) = json.loads(outputs.read_text()).items()
    return Stack.parse(stack, values)


def _environment(emulator: Emulator, *, model_name: str, folder: Path) -> dict[str, str]:
    return emulator.environment() | {
        "CDK_HOME": str(folder),
        "CDK_DEFAULT_ACCOUNT": ACCOUNT,
        "CDK_DEFAULT_REGION": REGION,
        "CDK_OUTDIR": str(folder / "cdk.out"),
        "CDK_CONTEXT_JSON": json.dumps(
            json.loads((PROJECT / "cdk.json").read_text())["context"]
            | {"schedule": _SCHEDULE, "model-name": model_name}
        ),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_DISABLE_VERSION_CHECK": "true",
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(jsii_cache()),
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        # Validation against CloudFormation's schemas takes as long as the rest of the synth, and is for AWS: here the
        # same template is deployed a moment later.
        "CDK_VALIDATION": "false",
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
