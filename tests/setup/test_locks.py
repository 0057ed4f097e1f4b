"""The locks are complete, and later releases do not change what they install."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.utils import canonicalize_name

from requirements import install
from tests.setup.package_index import LATER, LOCKS, PROJECT, WHEELS, PackageIndex, applicable, pins

NAMES = [str(lock.relative_to(PROJECT)) for lock in LOCKS]

pytestmark = pytest.mark.usefixtures("clients_installed")


@pytest.mark.parametrize("name", NAMES)
def test_lock_pins_each_package_by_version_and_hash(name: str) -> None:
    """Every line is a pinned version with its hashes, without a registry's URL."""
    found = pins(PROJECT / name)
    assert found
    assert all(re.fullmatch(r"==[\w.]+", str(pin.requirement.specifier)) and pin.hashes for pin in found)
    assert "//" not in (PROJECT / name).read_text()


def test_shared_packages_have_one_version() -> None:
    """``make demo`` and ``make test`` use the same versions as ``cdk deploy``, and the same uv."""
    dev = applicable(PROJECT / "requirements" / "dev.txt")
    for name in ("requirements.txt", "requirements/local.txt", "requirements/uv.txt"):
        assert applicable(PROJECT / name) <= dev


@pytest.mark.parametrize("environment", [".venv", ".venv/audit", ".venv-clients"])
def test_lock_is_complete(environment: str) -> None:
    """The dependencies of locked packages are locked, too."""
    python = PROJECT / environment / "bin" / "python"
    checked = subprocess.run(
        [install.UV, "pip", "check", "--no-config", "--python", python], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("name", NAMES)
def test_later_releases_do_not_change_the_setup(name: str, tmp_path: Path) -> None:
    """Even if the index has later releases, the set-up installs the locked versions."""
    venv = tmp_path / "venv"
    subprocess.run([install.UV, "venv", "--quiet", "--no-config", "--python", sys.executable, venv], check=True)
    index = PackageIndex(PROJECT / name, wheels=False)
    with index.served():
        done = subprocess.run(
            [*install.sync_command(venv, PROJECT / name), "--dry-run"],
            env=os.environ | {"UV_DEFAULT_INDEX": index.url, "UV_CACHE_DIR": str(tmp_path / "cache"), "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    planned = re.findall(r"^ \+ (\S+?)==(\S+)$", done.stderr, re.MULTILINE)
    assert set(planned) == applicable(PROJECT / name)
    assert index.asked


@pytest.mark.parametrize(
    "version",
    [
        pytest.param(
            "oldest",
            marks=pytest.mark.skipif(sys.version_info >= (3, 12), reason="it comes with Python 3.11, and needs it"),
        ),
        "newest",
    ],
)
def test_later_releases_do_not_change_a_deployment(version: str, tmp_path: Path) -> None:
    """With deployspec's command, the oldest pip of a supported Python and the newest install the locked versions."""
    (oldest,) = WHEELS.glob("pip-22.3-*.whl")
    (newest,) = set(WHEELS.glob("pip-*.whl")) - {oldest}
    commands = yaml.safe_load((PROJECT / "deployspec.yaml").read_text())["deploy"]["phases"]["install"]["commands"]
    (command,) = [words for words in map(shlex.split, commands) if words[:2] == ["pip", "install"]]
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    index = PackageIndex(PROJECT / "requirements.txt")
    with index.served():
        done = subprocess.run(
            [venv / "bin" / "python", (oldest if version == "oldest" else newest) / "pip", *command[1:], "--dry-run"],
            cwd=PROJECT,
            env={"PATH": os.defpath, "HOME": str(tmp_path), "PIP_INDEX_URL": index.url, "PIP_CONFIG_FILE": os.devnull},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    (would_install,) = re.findall(r"^Would install (.*)$", done.stdout, re.MULTILINE)
    planned = {tuple(item.rsplit("-", 1)) for item in would_install.split()}
    wanted = applicable(PROJECT / "requirements.txt")
    assert {(canonicalize_name(name), version) for name, version in planned} == wanted
    assert LATER not in would_install
