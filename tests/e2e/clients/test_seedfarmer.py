"""``seedfarmer apply``, ``list`` and ``destroy`` of the shipped manifests, with a stand-in for CodeBuild's container.

The README's commands get ``--local``, with which SeedFarmer builds in a container on this machine.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.clients.container import IMAGE, PHASES, parse, script
from tests.e2e.clients.farm import Season
from tests.e2e.clients.machine import PROJECT, Ended

pytestmark = [pytest.mark.emulator, pytest.mark.clients]

DEPLOYSPEC: dict[str, Any] = yaml.safe_load((PROJECT / "deployspec.yaml").read_text())


def test_metadata_arrives(season: Season) -> None:
    """SeedFarmer's list moduledata gives the five keys with the values of the stack's output."""
    assert season.moduledata.code == 0, season.moduledata.printed
    (text,) = re.findall(r"^\{.*\}$", season.moduledata.printed, re.MULTILINE)
    assert season.metadata.items() <= json.loads(text).items()
    assert set(season.metadata) == {
        "MlOpsBucket",
        "SageMakerExecutionRole",
        "ImageUri",
        "StateMachine",
        "LambdaFunction",
    }


def test_parameters_arrive(season: Season) -> None:
    """The stack has the manifest's schedule, disabled by the manifest's boolean, and the default model-name."""
    assert season.rule == ("cron(0 6 * * ? *)", "DISABLED")
    assert "demo/scripts/input.yaml" in season.objects


def test_destroy_empties_nothing(season: Season) -> None:
    """SeedFarmer's destroy leaves the bucket with all that was in it, and nothing else of the stack."""
    assert season.destroy.code == 0, season.destroy.printed
    assert season.left == {season.metadata["MlOpsBucket"]}
    assert season.objects_left == season.objects
    assert season.granted == set()
    assert "the bucket is kept" in season.destroy.printed


def test_destroy_deletes_the_bucket_if_asked(last_season: Season) -> None:
    """With the parameter, SeedFarmer's role gets the permissions, and destroy leaves nothing, old versions included."""
    assert last_season.objects
    assert last_season.granted == {
        "s3:ListBucketVersions",
        "s3:DeleteBucket",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
    }
    assert last_season.destroy.code == 0, last_season.destroy.printed
    assert last_season.left == set()
    assert f"deleted: bucket {last_season.metadata['MlOpsBucket']}" in last_season.destroy.printed


def test_failing_step_fails_the_apply(refused: Ended) -> None:
    """Where cdk deploy refuses a parameter, seedfarmer apply fails, and the reason is in what it prints."""
    assert refused.code != 0
    assert "parameter schedule: 'every day' was given" in refused.printed
    assert "exit status 1" in refused.printed
    assert "Modules Deployed" not in refused.printed


@pytest.mark.skipif(not shutil.which("git", path=os.defpath), reason="there is no git here")
def test_module_may_come_from_git(from_git: Ended) -> None:
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
    """Whichever command of deployspec.yaml fails, it is the last one that runs, and its exit code is the build's."""
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


def test_stand_in_is_for_this_call_only() -> None:
    """Anything but SeedFarmer's own docker run is refused, so that a changed client is noticed."""
    with pytest.raises(ValueError, match="this stands in for"):
        parse(["build", "."])
    with pytest.raises(ValueError, match="--network is not known"):
        parse(["run", "--network", "host", IMAGE])


@pytest.mark.parametrize("name", ["deployspec.yaml", "modulestack.yaml", "manifests"])
def test_versions_are_pinned_elsewhere(name: str) -> None:
    """What SeedFarmer runs names no version of the CDK: package.json does, for deploy and destroy alike."""
    path = PROJECT / name
    texts = [file.read_text() for file in path.iterdir()] if path.is_dir() else [path.read_text()]
    assert not any(re.search(r"aws-cdk@|\|\| true|\bsed\b", text) for text in texts)
