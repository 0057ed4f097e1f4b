"""The ledger of ``make soak`` counts what it is there to count."""

import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.soak.__main__ import Ledger, Soak, fingerprint
from tests.soak.life import Life, processes, send


class Seen(Life):
    """A life of which it is given what is seen."""

    found: dict[str, str]
    given: set[str]

    @property
    def untaken(self) -> dict[str, str]:
        """As given."""
        return dict.fromkeys(self.given, "nothing")

    def lives(self) -> bool:
        """It does."""
        return True

    def executions(self) -> dict[str, str]:
        """As given."""
        return self.found

    settled = executions


def audited(folder: Path, *, accepted: dict[str, str], found: dict[str, str], untaken: set[str]) -> Ledger:
    """The ledger after one life."""
    ledger, life = Ledger(), Seen(folder, folder)
    (folder / "disk").mkdir()
    life.accepted, life.found, life.given = accepted, found, untaken
    soak = Soak(base=folder, chance=random.Random(0), ledger=ledger, fills=False)  # noqa: S311 - no secret
    soak.audit(life, waits=True)
    return ledger


def test_a_clean_life(tmp_path: Path) -> None:
    """Each accepted event has its execution, and each execution its event."""
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
    ids=["gone", "never taken", "of no event", "without an end"],
)
def test_a_life_that_is_not(
    accepted: dict[str, str],
    found: dict[str, str],
    untaken: set[str],
    counts: tuple[int, int, int],
    tmp_path: Path,
) -> None:
    """What is lost, doubled or without an end is counted, and the ledger is not clean."""
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
    ids=["content", "mode", "gone", "new", "a link", "folder's mode"],
)
def test_fingerprint(change: Callable[[Path], object], tmp_path: Path) -> None:
    """Whatever happens to a file or to its folder shows."""
    (tmp_path / "folder").mkdir(mode=0o755)
    file = tmp_path / "folder" / "file"
    file.write_text("content")
    before = fingerprint(tmp_path)
    assert fingerprint(tmp_path) == before
    change(file)
    assert fingerprint(tmp_path) != before


def test_a_process_in_a_session_of_its_own_is_seen() -> None:
    """A process that has left its session and its environment behind is among ours."""
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    process = subprocess.Popen(command, start_new_session=True, env={}, cwd="/")
    try:
        assert process.pid in processes()
    finally:
        send(process.pid, signal.SIGKILL)
        process.wait()
    assert process.pid not in processes()
