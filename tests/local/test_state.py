"""An environment's folder: who holds it, and the description in it."""

import dataclasses
import stat
import subprocess
import sys
from collections.abc import Iterator
from os import getpid
from pathlib import Path

import pytest

from local import state as state_module
from local.errors import LocalError
from local.state import EnvironmentDir
from tests.local.described import STATE

PROJECT = Path(state_module.__file__).parents[1]


@pytest.fixture
def directory(tmp_path: Path) -> EnvironmentDir:
    """A folder that nobody holds."""
    return EnvironmentDir(tmp_path / "env")


@pytest.fixture
def holder(directory: EnvironmentDir) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the folder, with a description in it."""
    script = (
        "import sys, time; from pathlib import Path; from local.state import EnvironmentDir\n"
        "with EnvironmentDir(Path(sys.argv[1])).lock(): print(flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(directory.path)], cwd=PROJECT, stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        directory.write(STATE)
        yield process
        process.kill()


def test_nothing_is_up(directory: EnvironmentDir) -> None:
    """Where nothing has ever been, nothing is up, and it is said how to start it."""
    assert directory.live() is None
    with pytest.raises(LocalError, match="start it: mlops local up"):
        directory.require_live()
    assert not directory.path.exists()


def test_description_is_read_back(directory: EnvironmentDir, holder: subprocess.Popen[bytes]) -> None:
    """While its process lives, the description is what was written, and it names who holds the folder."""
    assert directory.require_live() == STATE
    assert directory.owner() == holder.pid
    assert STATE.port == 4566


@pytest.mark.usefixtures("holder")
def test_only_its_owner_reads_the_key(directory: EnvironmentDir) -> None:
    """What the holder makes, the description with the key in it included, is readable to its owner only."""
    assert stat.S_IMODE(directory.path.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in directory.path.iterdir()} == {0o600}


@pytest.mark.usefixtures("holder")
def test_folder_is_held_once(directory: EnvironmentDir) -> None:
    """A folder that another process holds is refused, naming the process."""
    with pytest.raises(LocalError, match=rf"process \d+ uses {directory.path}"), directory.lock():
        pass


def test_death_frees_the_folder(directory: EnvironmentDir, holder: subprocess.Popen[bytes]) -> None:
    """When the process dies without a word, its description is not believed, whoever has its id now."""
    holder.kill()
    holder.wait()
    directory.write(dataclasses.replace(STATE, pid=getpid()))
    assert directory.owner() is None
    assert directory.live() is None
    with pytest.raises(LocalError, match=r"has died; its log: .*daemon\.log"):
        directory.require_live()
    with directory.lock():
        assert directory.owner() == getpid()


@pytest.mark.usefixtures("holder")
@pytest.mark.parametrize("content", ["", "[]", "{", '{"metadata": {}}', '{"metadata": {}, "new": 1}'])
def test_strange_description_is_refused(directory: EnvironmentDir, content: str) -> None:
    """What another version has written is named, with what to do."""
    directory.state_file.write_text(content)
    with pytest.raises(LocalError, match="mlops local down"):
        directory.live()


def test_variables_of_the_environment() -> None:
    """One endpoint URL leads to every service, with credentials that are good for nothing else."""
    assert STATE.connection.variables == {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:4566",
        "AWS_ACCESS_KEY_ID": "LOCALKEY",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def test_clients_look_at_nothing_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients go to where the connection says, whatever profile, endpoint or proxy the user has."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL_SAGEMAKER", "AWS_SESSION_TOKEN", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://192.0.2.1")
    client = STATE.connection.client("sagemaker")
    assert client.meta.endpoint_url == "http://127.0.0.1:4566"
    assert client.meta.config.proxies == {}
