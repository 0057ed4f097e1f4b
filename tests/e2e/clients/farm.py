"""SeedFarmer's part: two projects that use the module, applied and destroyed while the other tests go on.

An apply waits 24 seconds for nothing but AWS's IAM to settle, a destroy 12; so this runs beside them.
"""

import shutil
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.clients.account import Account
from tests.e2e.clients.machine import PROJECT, Ended, Machine
from tests.e2e.clients.readme import commands

STACK = "aiops-examples-mlops-pipeline"


def copy_module(folder: Path) -> None:
    """Copies this checkout without what make, the tests and git keep in it."""
    kept_back = shutil.ignore_patterns(".*", "node_modules", "cdk.out", "out", "__pycache__")
    shutil.copytree(PROJECT, folder, ignore=kept_back)


@dataclass(frozen=True)
class Season:
    """What was seen of a deployment, from its apply to its destroy."""

    apply: Ended
    moduledata: Ended
    metadata: dict[str, str]
    rule: tuple[str, str]
    objects: dict[str, str]
    destroy: Ended
    left: set[str]
    objects_left: dict[str, str]


class Farm:
    """The runs in the background; ask for their results as late as you can."""

    def __init__(self, machine: Machine, account: Account, folder: Path) -> None:
        """Begins the runs.

        Args:
            machine: where the commands are typed.
            account: what they change.
            folder: an empty folder for the projects.
        """
        self._machine = machine
        self._account = account
        # One after the other: two cores have enough to do with one build and the tests beside it.
        self._pool = ThreadPoolExecutor(1)
        self.refused: Future[Ended] = self._pool.submit(self._refused, folder / "broken")
        self.season: Future[Season] = self._pool.submit(self._season, folder / "project")

    def close(self) -> None:
        """Waits for what runs; begins nothing more."""
        self._pool.shutdown(cancel_futures=True)

    def _prepare(self, project: Path, parameters: dict[str, Any]) -> str:
        """Makes a SeedFarmer project as the README says; gives what each further command needs before it."""
        project.mkdir(parents=True)
        copy_module(project / "modules" / "mlops-stepfunctions")
        prepare, *_ = commands("Deploy")[-3:]
        self._machine.run(prepare, project)
        modules = project / "manifests" / "modules.yaml"
        content = yaml.safe_load(modules.read_text())
        content["parameters"] = [{"name": name, "value": value} for name, value in parameters.items()]
        modules.write_text(yaml.safe_dump(content))
        deployment = project / "manifests" / "deployment.yaml"
        content = yaml.safe_load(deployment.read_text())
        # The container would have the Python that SeedFarmer asks for; here there is the host's only.
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        content["targetAccountMappings"][0]["runtimeOverrides"] = {"python": python}
        deployment.write_text(yaml.safe_dump(content))
        return next(f"{line}\n" for line in prepare.splitlines() if line.startswith("export "))

    def _refused(self, project: Path) -> Ended:
        before = self._prepare(project, {"schedule": "every day"})
        spec = project / "seedfarmer.yaml"
        spec.write_text(spec.read_text().replace("aiops", "broken"))
        apply, _ = commands("Deploy")[-2].splitlines()
        return self._machine.type(f"{before}{apply} --local", project)

    def _season(self, project: Path) -> Season:
        # Without model-name, and with a boolean, which SeedFarmer hands over as text.
        before = self._prepare(project, {"schedule": "0 6 * * ? *", "schedule-enabled": False})
        apply, moduledata = commands("Deploy")[-2].splitlines()
        destroy = commands("Deploy")[-1].strip()
        applied = self._machine.type(f"{before}{apply} --local", project)
        assert applied.code == 0, applied.printed
        metadata = self._account.metadata(STACK)
        rule, objects = self._account.rule(STACK), self._account.objects(metadata["MlOpsBucket"])
        listed = self._machine.type(before + moduledata, project)
        destroyed = self._machine.type(f"{before}{destroy} --local", project)
        return Season(
            apply=applied,
            moduledata=listed,
            metadata=metadata,
            rule=rule,
            objects=objects,
            destroy=destroyed,
            left=self._account.named_after(STACK),
            objects_left=self._account.objects(metadata["MlOpsBucket"]),
        )
