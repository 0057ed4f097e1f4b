"""``seedfarmer apply``, ``list`` and ``destroy`` with the shipped manifests and a double of CodeBuild's container.

docs/deploy.md's commands get ``--local``, which makes SeedFarmer build in a container on this machine.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.clients.container import IMAGE, PHASES, parse, script
from tests.e2e.clients.machine import PROJECT, FinishedScript
from tests.e2e.clients.seedfarmer import SeedFarmerLifecycle

pytestmark = [pytest.mark.emulator, pytest.mark.clients]

DEPLOYSPEC: dict[str, Any] = yaml.safe_load((PROJECT / "deployspec.yaml").read_text())


def test_metadata_arrives(seedfarmer_lifecycle: SeedFarmerLifecycle) -> None:
    """SeedFarmer's list moduledata returns the five keys with the values of the stack's output."""
    assert seedfarmer_lifecycle.moduledata.code == 0, seedfarmer_lifecycle.moduledata.printed
    (text,) = re.findall(r"^\{.*\}$", seedfarmer_lifecycle.moduledata.printed, re.MULTILINE)
    assert seedfarmer_lifecycle.metadata.items() <= json.loads(text).items()
    assert set(seedfarmer_lifecycle.metadata) == {
        "MlOpsBucket",
        "SageMakerExecutionRole",
        "ImageUri",
        "StateMachine",
        "LambdaFunction",
    }


def test_parameters_arrive(seedfarmer_lifecycle: SeedFarmerLifecycle) -> None:
    """The stack has the manifest's schedule, disabled by the manifest's boolean, and the default model-name."""
    assert seedfarmer_lifecycle.rule == ("cron(0 6 * * ? *)", "DISABLED")
    assert "demo/scripts/input.yaml" in seedfarmer_lifecycle.objects


def test_destroy_empties_nothing_unless_asked(tmp_path: Path) -> None:
    """Without the parameter, the build's last command says that the bucket is kept, and does not call AWS."""
    *_, command = DEPLOYSPEC["destroy"]["phases"]["build"]["commands"]
    metadata = {"MlOpsBucket": "mlops-demo-storagebucket5cb7c8ea-1a2b3c4d5e6f7"}
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
        "SEEDFARMER_PARAMETER_SCHEDULE": "0 6 * * ? *",
        "SEEDFARMER_MODULE_METADATA": json.dumps(metadata),
        # Nothing listens on this port.
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "HOME": str(tmp_path),
    }
    completed = subprocess.run(
        ["bash", "-c", command], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    assert completed.returncode == 0, completed.stderr
    assert "the bucket is kept" in completed.stdout


def test_destroy_deletes_the_bucket_if_asked(seedfarmer_lifecycle: SeedFarmerLifecycle) -> None:
    """With the parameter, SeedFarmer's role gets the permissions, and destroy leaves nothing, old versions included."""
    assert seedfarmer_lifecycle.objects
    assert seedfarmer_lifecycle.granted == {
        "s3:ListBucketVersions",
        "s3:DeleteBucket",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
    }
    assert seedfarmer_lifecycle.destroy.code == 0, seedfarmer_lifecycle.destroy.printed
    assert seedfarmer_lifecycle.left == set()
    assert f"deleted: bucket {seedfarmer_lifecycle.metadata['MlOpsBucket']}" in seedfarmer_lifecycle.destroy.printed


@pytest.mark.skipif(not shutil.which("git", path=os.defpath), reason="there is no git here")
def test_module_may_come_from_git(from_git: FinishedScript) -> None:
    """A manifest whose path is in git, in the form of the comment in modules.yaml, is parsed and resolved."""
    (form,) = re.findall(r"# path: (\S+)", (PROJECT / "manifests" / "modules.yaml").read_text())
    assert re.fullmatch(r"git::https://\S+\.git//\?ref=\S+&depth=1", form)
    assert from_git.code == 0, from_git.printed
    assert "Modules scheduled to be deployed" in from_git.printed


STEPS = [
    (part, phase, number)
    for part in ("deploy", "destroy")
    for phase in PHASES
    for number in range(len(DEPLOYSPEC[part]["phases"].get(phase, {}).get("commands", [])))
]


@pytest.mark.parametrize(("part", "phase", "number"), STEPS)
def test_each_failing_step_ends_the_build(tmp_path: Path, part: str, phase: str, number: int) -> None:
    """A failing command of deployspec.yaml is the last one to run, and its exit code is the build's."""
    commands = [
        (step, command) for step in PHASES for command in DEPLOYSPEC[part]["phases"].get(step, {}).get("commands", [])
    ]
    failing = commands.index((phase, DEPLOYSPEC[part]["phases"][phase]["commands"][number]))
    log = tmp_path / "log"
    stub = f'#!/bin/bash\necho x >> {log}\n[ "$(wc -l < {log})" -le {failing} ] || exit 7\n'
    for program in {command.split()[0] for _, command in commands}:
        (tmp_path / program).write_text(stub)
        (tmp_path / program).chmod(0o755)
    text = "".join(script(DEPLOYSPEC[part]))
    bash = shutil.which("bash") or "bash"
    completed = subprocess.run(
        [bash, "-c", text],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 7, completed.stderr
    assert len(log.read_text().splitlines()) == failing + 1
    assert f"Phase {phase} failed" in completed.stderr


def test_container_accepts_only_this_call() -> None:
    """Anything but SeedFarmer's own docker run is rejected, so that changes in the client are noticed."""
    with pytest.raises(ValueError, match="this replaces docker run"):
        parse(["build", "."])
    with pytest.raises(ValueError, match="--network is not supported"):
        parse(["run", "--network", "host", IMAGE])


@pytest.mark.parametrize("name", ["deployspec.yaml", "modulestack.yaml", "manifests"])
def test_versions_are_pinned_elsewhere(name: str) -> None:
    """SeedFarmer's commands name no CDK version: package.json pins it for deploy and destroy alike."""
    path = PROJECT / name
    texts = [file.read_text() for file in path.iterdir()] if path.is_dir() else [path.read_text()]
    assert not any(re.search(r"aws-cdk@|\|\| true|\bsed\b", text) for text in texts)
