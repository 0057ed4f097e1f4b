"""An environment's folder: its lock and its state file."""

import dataclasses
import stat
import subprocess
import sys
from collections.abc import Iterator
from os import getpid
from pathlib import Path

import pytest

from executions.defaults import PROJECT
from local.errors import LocalError
from local.state import EnvironmentDir
from tests.local.described import STATE


@pytest.fixture
def directory(tmp_path: Path) -> EnvironmentDir:
    """A folder without a lock."""
    return EnvironmentDir(tmp_path / "env")


@pytest.fixture
def lock_owner(directory: EnvironmentDir) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has locked the folder, which has a state file."""
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
    """Without a folder, no environment is up; the error says how to start one."""
    assert directory.live() is None
    with pytest.raises(LocalError, match="start it: mlops local up"):
        directory.require_live()
    assert not directory.path.exists()


def test_state_is_read_back(directory: EnvironmentDir, lock_owner: subprocess.Popen[bytes]) -> None:
    """While its process is alive, the state is what was written, and the owner of the lock is known."""
    assert directory.require_live() == STATE
    assert directory.owner() == lock_owner.pid
    assert STATE.port == 4566


@pytest.mark.usefixtures("lock_owner")
def test_only_the_user_can_read_the_key(directory: EnvironmentDir) -> None:
    """Files in the folder, including the state file with the key, are readable by their owner only."""
    assert stat.S_IMODE(directory.path.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in directory.path.iterdir()} == {0o600}


@pytest.mark.usefixtures("lock_owner")
def test_folder_is_locked_once(directory: EnvironmentDir) -> None:
    """Locking a folder that another process has locked fails; the error names the process."""
    with pytest.raises(LocalError, match=rf"process \d+ uses {directory.path}"), directory.lock():
        pass


def test_death_releases_the_lock(directory: EnvironmentDir, lock_owner: subprocess.Popen[bytes]) -> None:
    """If the process is killed, its state no longer counts, even if another process has its id now."""
    lock_owner.kill()
    lock_owner.wait()
    directory.write(dataclasses.replace(STATE, pid=getpid()))
    assert directory.owner() is None
    assert directory.live() is None
    with pytest.raises(LocalError, match=r"has died; its log: .*daemon\.log"):
        directory.require_live()
    with directory.lock():
        assert directory.owner() == getpid()


@pytest.mark.usefixtures("lock_owner")
@pytest.mark.parametrize("content", ["", "[]", "{", '{"metadata": {}}', '{"metadata": {}, "new": 1}'])
def test_malformed_state_is_rejected(directory: EnvironmentDir, content: str) -> None:
    """A state file of another version is rejected; the error says what to do."""
    directory.state_file.write_text(content)
    with pytest.raises(LocalError, match="mlops local down"):
        directory.live()


def test_variables_of_the_environment() -> None:
    """One endpoint URL is for every service, with credentials that are valid nowhere else."""
    assert STATE.connection.variables == {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:4566",
        "AWS_ACCESS_KEY_ID": "LOCALKEY",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def test_clients_ignore_the_users_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients use the connection's endpoint, whatever profile, endpoint or proxy the user has configured."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL_SAGEMAKER", "AWS_SESSION_TOKEN", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://192.0.2.1")
    client = STATE.connection.client("sagemaker")
    assert client.meta.endpoint_url == "http://127.0.0.1:4566"
    assert client.meta.config.proxies == {}
