"""The ledger of ``make soak``."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.soak.__main__ import Ledger, Soak, fingerprint
from tests.soak.environment import SoakEnvironment, processes, send


class FakeEnvironment(SoakEnvironment):
    """An environment with given observations."""

    found: dict[str, str]
    given: set[str]

    @property
    def untaken(self) -> dict[str, str]:
        """The given events."""
        return dict.fromkeys(self.given, "nothing")

    def is_up(self) -> bool:
        """Always."""
        return True

    def executions(self) -> dict[str, str]:
        """The given executions."""
        return self.found

    settled = executions


def audited(folder: Path, *, accepted: dict[str, str], found: dict[str, str], untaken: set[str]) -> Ledger:
    """The ledger after the audit of one environment."""
    ledger, environment = Ledger(), FakeEnvironment(folder, folder)
    (folder / "disk").mkdir()
    environment.accepted, environment.found, environment.given = accepted, found, untaken
    soak = Soak(base=folder, random=Random(0), ledger=ledger, fills=False)  # noqa: S311 - no secret
    soak.audit(environment, waits=True)
    return ledger


def test_a_clean_audit(tmp_path: Path) -> None:
    """If each accepted event has one execution that ended, and each execution an event, the ledger is clean."""
    ledger = audited(tmp_path, accepted={"sound-1": "a"}, found={"a": "SUCCEEDED"}, untaken=set())
    assert ledger.clean
    assert ledger.audited == 1
    assert ledger.jobs == {"sound SUCCEEDED": 1}


@pytest.mark.parametrize(
    ("accepted", "found", "untaken", "counts"),
    [
        ({"e-1": "a", "e-2": "b"}, {"a": "SUCCEEDED"}, set(), (1, 0, 0)),
        ({"e-1": "a"}, {"a": "SUCCEEDED"}, {"e-2"}, (1, 0, 0)),
        ({"e-1": "a"}, {"a": "SUCCEEDED", "b": "FAILED"}, set(), (0, 1, 0)),
        ({"e-1": "a"}, {"a": "RUNNING"}, set(), (0, 0, 1)),
    ],
    ids=["lost", "never accepted", "without an event", "did not end"],
)
def test_an_audit_with_findings(
    accepted: dict[str, str],
    found: dict[str, str],
    untaken: set[str],
    counts: tuple[int, int, int],
    tmp_path: Path,
) -> None:
    """Executions that were lost, doubled or did not end are counted, and the ledger is not clean."""
    ledger = audited(tmp_path, accepted=accepted, found=found, untaken=untaken)
    assert (ledger.lost, ledger.doubled, ledger.unending) == counts
    assert not ledger.clean


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.write_text("other"),
        lambda file: file.chmod(0o777),
        lambda file: file.unlink(),
        lambda file: file.with_name("new").touch(),
        lambda file: (file.unlink(), file.symlink_to("/etc/hostname")),
        lambda file: file.parent.chmod(0o700),
    ],
    ids=["content", "mode", "deleted", "new", "a link", "folder's mode"],
)
def test_fingerprint(change: Callable[[Path], object], tmp_path: Path) -> None:
    """Any change to a file or its folder changes the fingerprint."""
    (tmp_path / "folder").mkdir(mode=0o755)
    file = tmp_path / "folder" / "file"
    file.write_text("content")
    before = fingerprint(tmp_path)
    assert fingerprint(tmp_path) == before
    change(file)
    assert fingerprint(tmp_path) != before


def test_a_process_in_another_session_is_found() -> None:
    """A descendant in another session, with an empty environment, is among our processes."""
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    process = subprocess.Popen(command, start_new_session=True, env={}, cwd="/")
    try:
        assert process.pid in processes()
    finally:
        send(process.pid, signal.SIGKILL)
        process.wait()
    assert process.pid not in processes()
