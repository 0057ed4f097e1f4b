"""Deploys the stack to the emulator with the real CDK CLI."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TextIO

from local.emulator import ACCOUNT, REGION, Emulator
from local.errors import LocalError

PROJECT = Path(__file__).parent.parent

_CDK = PROJECT / "node_modules" / ".bin" / "cdk"
_SCHEDULE = "0 6 * * ? *"
_LAST_LINES = 8


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """The stack's metadata output."""

    bucket: str
    state_machine: str
    function: str

    @classmethod
    def parse(cls, output: str) -> Self:
        """From the JSON text of the output."""
        values = json.loads(output)
        return cls(
            bucket=values["MlOpsBucket"], state_machine=values["StateMachine"], function=values["LambdaFunction"]
        )


def deploy(emulator: Emulator, *, model_name: str, folder: Path, log: Path) -> Metadata:
    """Bootstraps the emulator's account and deploys the production template as it is.

    Args:
        emulator: a running emulator.
        model_name: the module's parameter of this name.
        folder: an empty folder for what the CDK writes.
        log: the file for what the CDK prints.

    Raises:
        LocalError: the CDK CLI is missing or failed; the message has its last lines.
    """
    if not _CDK.exists():
        raise LocalError(f"the CDK CLI is not at {_CDK}; set it up: make demo, or npm ci")
    assembly, outputs = folder / "cdk.out", folder / "outputs.json"
    environment = emulator.environment() | {
        "CDK_HOME": str(folder),
        "CDK_DEFAULT_ACCOUNT": ACCOUNT,
        "CDK_DEFAULT_REGION": REGION,
        "CDK_OUTDIR": str(assembly),
        "CDK_CONTEXT_JSON": json.dumps(
            json.loads((PROJECT / "cdk.json").read_text())["context"]
            | {"schedule": _SCHEDULE, "model-name": model_name}
        ),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_DISABLE_VERSION_CHECK": "true",
        # Unpacking the CDK takes ten seconds; the emulator's home goes with the run, so it is kept beside the packages.
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(Path(sys.prefix) / "jsii-cache"),
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        "CI": "true",
    }
    common = ["--no-notices", "--no-color"]
    with log.open("w") as output:
        # The two do not need each other, and each is slow on one core.
        bootstrap = _start([str(_CDK), "bootstrap", f"aws://{ACCOUNT}/{REGION}", *common], folder, environment, output)
        synth = _start([sys.executable, str(PROJECT / "app.py")], PROJECT, environment, output)
        try:
            for process in (synth, bootstrap):
                _finish(process, log)
            _finish(
                _start(
                    [
                        *(str(_CDK), "deploy", "--app", str(assembly), "--require-approval", "never"),
                        *("--outputs-file", str(outputs), "--progress", "events", *common),
                    ],
                    folder,
                    environment,
                    output,
                ),
                log,
            )
        finally:
            for process in (synth, bootstrap):
                process.kill()
    (stack_outputs,) = json.loads(outputs.read_text()).values()
    return Metadata.parse(stack_outputs["metadata"])


def _start(command: list[str], folder: Path, environment: dict[str, str], output: TextIO) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)


def _finish(process: subprocess.Popen[bytes], log: Path) -> None:
    if process.wait() != 0:
        last_lines = "\n".join(log.read_text(errors="replace").rstrip().splitlines()[-_LAST_LINES:])
        raise LocalError(f"the CDK could not deploy the stack; its log is {log} and ends:\n{last_lines}")
