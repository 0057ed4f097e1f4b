"""SeedFarmer projects with the module, set up as in docs/deploy.md.

An apply waits 24 seconds, and a destroy 12, for changes in AWS's IAM to propagate; other tests run meanwhile.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.clients.account import Account
from tests.e2e.clients.deploy_guide import DEPLOY, commands
from tests.e2e.clients.machine import FinishedScript, Machine, copy_module


@dataclass(frozen=True)
class SeedFarmerLifecycle:
    """Observations of a deployment, from apply to destroy."""

    apply: FinishedScript
    moduledata: FinishedScript
    metadata: dict[str, str]
    rule: tuple[str, str]
    objects: dict[str, str]
    granted: set[str]
    """The actions that modulestack.yaml granted to the deploying role."""
    destroy: FinishedScript
    left: set[str]
    """The names that still contain the stack's name."""


def from_git(machine: Machine, folder: Path) -> FinishedScript:
    """Runs an apply, as a dry run, of a manifest with the module's path in a git repository on this machine."""
    project, repository = folder / "from-git", folder / "mlops-stepfunctions.git"
    before = _prepare(machine, project, {"schedule": "0 6 * * ? *"})
    copy_module(repository)
    commit = "git -c user.name=tests -c user.email=tests@example.com commit --quiet -m release"
    machine.run(f"git init --quiet -b release\ngit add --all\n{commit}\n", repository)
    settings, modules = project / "seedfarmer.yaml", project / "manifests" / "modules.yaml"
    settings.write_text(settings.read_text().replace("aiops", "fromgit"))
    path = f"git::{repository}//?ref=release&depth=1"
    modules.write_text(modules.read_text().replace("modules/mlops-stepfunctions", path))
    # SeedFarmer strips .git from the address, as hosts of repositories do.
    (folder / "mlops-stepfunctions").symlink_to(repository)
    apply, _ = commands(DEPLOY)[-2].splitlines()
    return machine.type(f"{before}{apply} --local --dry-run", project)


def lifecycle(
    machine: Machine, account: Account, folder: Path, name: str, parameters: dict[str, Any]
) -> SeedFarmerLifecycle:
    """Runs an apply, a list moduledata and a destroy.

    Args:
        machine: the user's machine.
        account: the account to deploy to.
        folder: the parent of the project's folder.
        name: the project's name.
        parameters: the module's parameters, without model-name.
    """
    project, stack = folder / name, f"{name}-examples-mlops-pipeline"
    before = _prepare(machine, project, parameters)
    settings = project / "seedfarmer.yaml"
    settings.write_text(settings.read_text().replace("aiops", name))
    apply, moduledata = commands(DEPLOY)[-2].splitlines()
    destroy = commands(DEPLOY)[-1].strip()
    applied = machine.type(f"{before}{apply} --local", project)
    assert applied.code == 0, applied.printed
    metadata = account.metadata(stack)
    bucket = metadata["MlOpsBucket"]
    account.client("s3").delete_object(Bucket=bucket, Key="demo/scripts/source.tar.gz")
    rule, objects = account.rule(stack), account.objects(bucket)
    listed = machine.type(before + moduledata, project)
    (role,) = re.findall(r'"ModuleDeploymentRoleName": "([^"]+)"', listed.printed)
    granted = account.inline_actions(role)
    destroyed = machine.type(f"{before}{destroy} --local", project)
    return SeedFarmerLifecycle(
        apply=applied,
        moduledata=listed,
        metadata=metadata,
        rule=rule,
        objects=objects,
        granted=granted,
        destroy=destroyed,
        left=account.named_after(stack),
    )


def _prepare(machine: Machine, project: Path, parameters: dict[str, Any]) -> str:
    """Creates a SeedFarmer project as in docs/deploy.md; returns the line that further commands need before them."""
    project.mkdir()
    copy_module(project / "modules" / "mlops-stepfunctions")
    prepare = commands(DEPLOY)[-3]
    machine.run(prepare, project)
    modules = project / "manifests" / "modules.yaml"
    content = yaml.safe_load(modules.read_text())
    content["parameters"] = [{"name": name, "value": value} for name, value in parameters.items()]
    modules.write_text(yaml.safe_dump(content))
    deployment = project / "manifests" / "deployment.yaml"
    content = yaml.safe_load(deployment.read_text())
    # The original container has the Python that SeedFarmer requests; this one has the host's only.
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    content["targetAccountMappings"][0]["runtimeOverrides"] = {"python": python}
    deployment.write_text(yaml.safe_dump(content))
    return next(f"{line}\n" for line in prepare.splitlines() if line.startswith("export "))
