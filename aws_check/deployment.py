"""Deploys the module under the check's name, as ``cdk deploy`` would with the user's credentials."""

import sys
from collections.abc import Mapping
from os import defpath, pathsep
from pathlib import Path

from aws_check.names import MODEL_NAME
from doctor.account import Caller
from executions.stack import Stack
from local.deployment import Place, deploy_to

_PARAMETERS = {"model-name": MODEL_NAME, "schedule-enabled": "false"}
_FOREIGN = ("SEEDFARMER_", "CDK_")
"""What the names of variables begin with that would change the module's parameters."""


def deploy(who: Caller, environment: Mapping[str, str], *, folder: Path, log: Path) -> Stack:
    """Deploys the module; its schedule starts nothing.

    Args:
        who: whose credentials are used, and where.
        environment: the user's environment variables.
        folder: an empty folder for the CDK's files.
        log: the file for the CDK's output, which is replaced.

    Raises:
        LocalError: the CDK CLI is missing or failed; the message has its last lines.
    """
    own = {name: value for name, value in environment.items() if not name.startswith(_FOREIGN)}
    own |= {
        "AWS_REGION": who.region,
        "AWS_DEFAULT_REGION": who.region,
        # Node comes with the packages.
        "PATH": f"{Path(sys.executable).parent}{pathsep}{environment.get('PATH', defpath)}",
    }
    place = Place(account=who.account, region=who.region, environment=own)
    log.unlink(missing_ok=True)
    return deploy_to(place, parameters=_PARAMETERS, folder=folder, log=log)
