"""``make soak``: environments under load and under attack, and a ledger of what they have lost, doubled, touched, left.

One environment after the other is brought up, as ``mlops local up`` does, and lives for some seconds. All the while
events are delivered, each one several times at once now and then, and what they start is harmless or hostile (``job``).
Meanwhile processes are killed and paused, and the disk is filled. A life ends by ``mlops local down``, or because its
daemon or its emulator is killed. Everything in the ledger is observed from outside (``life``).

The emulator's state is in memory, so the starts that it had accepted are gone when it is killed. The ledger is
therefore kept for each life, and closed just before a killing; what is accepted after that is listed as not audited.
"""

import ctypes
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

import click

from benchmarks.deployed import free_port
from tests.soak.job import KINDS
from tests.soak.life import Life, SoakError, processes, send, those

# linux/sched.h, linux/mount.h, linux/prctl.h
_CLONE_NEWNS, _CLONE_NEWUSER, _MS_REC, _MS_PRIVATE = 0x00020000, 0x10000000, 16384, 1 << 18
_PR_SET_CHILD_SUBREAPER = 36
_DISK = 1 << 30
"""Bytes of the file system that is filled."""
_CHUNK = 1 << 24
_BATCH = 6
_AT_ONCE = 24
_WAITING = 12
"""So many deliveries may be open when the next batch begins."""
_RARE = {"deaf": 0.1}
"""Kinds of jobs that are less frequent than the others; this one takes two minutes."""
_LIFE = (30.0, 60.0)
"""Seconds for which an environment is under load."""
_PATIENCE = 30.0

_LIBRARY = ctypes.CDLL(None, use_errno=True)

_VICTIMS = {
    "job": ("/opt/ml/processing/code/job.py",),
    "launcher": ("launcher.py",),
    "model server": ("sagemaker_local/serving/__main__.py",),
    "Lambda worker": ("ministack-lambda-",),
}
_STOPPABLE = ("local.daemon", "local.emulator_process", "launcher.py", "job.py", "sagemaker_local/serving/__main__.py")


@dataclass
class Ledger:
    """What was done and what came of it. The first five must be 0."""

    lost: int = 0
    doubled: int = 0
    unending: int = 0
    touched: int = 0
    left: int = 0
    events: int = 0
    deliveries: int = 0
    audited: int = 0
    not_audited: int = 0
    untaken: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    attacks: Counter[str] = field(default_factory=Counter)
    jobs: Counter[str] = field(default_factory=Counter)
    """Executions that were audited, by their job's kind and how they ended."""
    details: list[str] = field(default_factory=list)
    error: str = ""
    """Why the soak could not go on."""

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, doubled, touched or left."""
        return not (self.lost or self.doubled or self.unending or self.touched or self.left or self.error)

    def table(self) -> str:
        """For people."""
        must = {
            "starts lost": self.lost,
            "starts doubled": self.doubled,
            "executions without an end": self.unending,
            "files outside touched": self.touched,
            "processes left": self.left,
        }
        did = {
            "lives, by their ends": _counts(self.ends),
            "events": self.events,
            "deliveries": self.deliveries,
            "starts audited": self.audited,
            "starts accepted after the audit, gone with a killed emulator": self.not_audited,
            "events not taken before a kill": self.untaken,
            "attacks": _counts(self.attacks),
            "executions, by job and status": _counts(self.jobs),
        }
        rows = [(name, f"{value}{'' if value == 0 else '   <- must be 0'}") for name, value in must.items()]
        rows += [(name, str(value)) for name, value in did.items()]
        width = max(len(name) for name, _ in rows)
        return "\n".join([*(f"{name:<{width}}  {value}" for name, value in rows), *self.details])


class Soak:
    """The whole of it.

    Args:
        base: an empty folder.
        chance: what decides everything that is done.
        ledger: where it is written down.
        fills: whether the environment's folder has a file system of its own, which may be filled.
    """

    def __init__(self, *, base: Path, chance: random.Random, ledger: Ledger, fills: bool) -> None:
        # The files to protect lie on the same file system, where what is not copied can also be moved.
        self._disk, self._canary = base / "disk", base / "disk" / "canary"
        self._chance, self._ledger, self._fills = chance, ledger, fills
        self._number = 0

    def run(self, seconds: float) -> None:
        """Lets environments live until the time is up."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            shutil.rmtree(self._canary, ignore_errors=True)
            self._canary.mkdir()
            for number in range(8):
                (self._canary / f"file-{number}").write_bytes(self._chance.randbytes(1000))
            before = fingerprint(self._canary)
            self._live(until)
            after = fingerprint(self._canary)
            touched = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
            self._ledger.touched += len(touched)
            self._ledger.details += [f"touched: {name}" for name in touched]

    def _live(self, until: float) -> None:
        life = Life(self._disk / "environment", self._canary)
        life.up(free_port())
        end = self._chance.choice(["down", "daemon killed", "emulator killed"])
        ends_at = min(until, time.monotonic() + self._chance.uniform(*_LIFE))
        over = threading.Event()
        attacker = threading.Thread(target=self._attack, args=(over, random.Random(self._chance.random())))  # noqa: S311 - no secret
        attacker.start()
        try:
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                waiting: set[Future[None]] = set()
                while time.monotonic() < ends_at and life.lives():
                    if len(waiting) <= _WAITING:
                        waiting |= {pool.submit(life.deliver, *each) for each in self._deliveries()}
                    waiting = wait(waiting, timeout=1.0, return_when=FIRST_COMPLETED).not_done
                over.set()
                attacker.join()
                life.quiet_since = time.monotonic()
        finally:
            over.set()
        if not life.lives():
            self._ledger.details.append(f"an environment died of itself: {life.last_words()}")
            end = "died by itself"
        self.audit(life, waits=end == "down")
        self._ledger.ends[end] += 1
        self._end(life, end)
        self._count_left()

    def _deliveries(self) -> list[tuple[str, str | None]]:
        """A batch of events to be delivered at once, each with its job; some stand there several times."""
        deliveries = []
        for _ in range(_BATCH):
            self._number += 1
            kind = self._chance.choices(list(KINDS), [_RARE.get(name, 1.0) for name in KINDS])[0]
            has_job = self._chance.random() < 1 / 3
            identity = f"{kind if has_job else 'jobless'}-{self._number}"
            deliveries += [(identity, kind if has_job else None)] * self._chance.choice([1, 1, 1, 2, 3])
        self._chance.shuffle(deliveries)
        self._ledger.events += _BATCH
        self._ledger.deliveries += len(deliveries)
        return deliveries

    def _attack(self, over: threading.Event, chance: random.Random) -> None:
        """Kills, pauses and fills until it is over; what it has paused goes on, what it has filled is emptied."""
        while not over.wait(chance.uniform(0.5, 3.0)):
            what = chance.choice([*_VICTIMS, "pause", "pause", *(["full disk"] if self._fills else [])])
            if what == "full disk":
                self._fill(over, chance.uniform(0.5, 2.0))
            else:
                is_one = those(_VICTIMS.get(what, _STOPPABLE))
                found = {pid: command for pid, command in processes().items() if is_one(command)}
                # With the launcher of the emulator, the emulator ends.
                victims = sorted(pid for pid in found if what == "pause" or "emulator_process" not in found[pid])
                if not victims:
                    continue
                victim = chance.choice(victims)
                if what == "pause":
                    send(victim, signal.SIGSTOP)
                    over.wait(chance.uniform(0.1, 2.0))
                    send(victim, signal.SIGCONT)
                else:
                    send(victim, signal.SIGKILL)
            self._ledger.attacks[what] += 1

    def _fill(self, over: threading.Event, seconds: float) -> None:
        filling = self._disk / "filling"
        try:
            with filling.open("wb", buffering=0) as file:
                while file.write(b"\0" * _CHUNK):
                    pass
        except OSError:
            over.wait(seconds)
        finally:
            filling.unlink(missing_ok=True)

    def audit(self, life: Life, *, waits: bool) -> None:
        """Holds what was accepted against the executions that there are."""
        if not life.lives():
            self._ledger.lost += len(life.accepted)
            return
        found = life.settled() if waits else life.executions()
        named = set(life.accepted.values())
        stuck = [arn for arn, status in found.items() if status == "RUNNING"] if waits else []
        self._ledger.audited += len(named & found.keys())
        self._ledger.lost += len(named - found.keys()) + len(life.untaken)
        self._ledger.doubled += len(found.keys() - named) + len(life.accepted) - len(named)
        self._ledger.unending += len(stuck)
        for identity in life.accepted.keys() if waits else ():
            status = found.get(life.accepted[identity], "LOST")
            self._ledger.jobs[f"{identity.partition('-')[0]} {status}"] += 1
        ids = {arn: identity for identity, arn in life.accepted.items()}
        self._ledger.details += [f"not taken: {event}: {said}" for event, said in sorted(life.untaken.items())]
        self._ledger.details += [f"lost: {event}" for event, arn in life.accepted.items() if arn not in found]
        self._ledger.details += [f"without an end: {ids.get(arn, arn)}" for arn in stuck]
        life.forget()

    def _end(self, life: Life, end: str) -> None:
        if end.endswith(" killed"):
            is_one = those(["local.daemon" if end.startswith("daemon") else "local.emulator_process"])
            # The emulator has a launcher above it, with the same words in its command.
            victims = [pid for pid, command in processes().items() if is_one(command) and "launcher" not in command]
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                for delivery in self._deliveries():
                    pool.submit(life.deliver, *delivery)
                time.sleep(self._chance.uniform(0, 0.5))
                send(self._chance.choice(sorted(victims)), signal.SIGKILL)
            self._ledger.not_audited += len(life.accepted)
            self._ledger.untaken += len(life.untaken)
            deadline = time.monotonic() + _PATIENCE
            while life.lives() and time.monotonic() < deadline:
                time.sleep(0.1)
        life.down()

    def _count_left(self) -> None:
        """Counts what still runs some seconds after an environment's end, and ends it."""
        deadline = time.monotonic() + _PATIENCE
        while (left := processes()) and time.monotonic() < deadline:
            time.sleep(0.2)
        self._ledger.left += len(left)
        self._ledger.details += [f"left: {command[:200]}" for command in left.values()]
        for pid in left:
            send(pid, signal.SIGKILL)


def fingerprint(folder: Path) -> dict[str, str]:
    """What each file below a folder is: its kind, mode and content."""
    found = {".": str(folder.lstat().st_mode)}
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found[str(path.relative_to(folder))] = f"{path.lstat().st_mode} {hashlib.sha256(content).hexdigest()}"
    return found


def mount_disk(folder: Path) -> bool:
    """Mounts a small file system there that only we and what we start see; says whether the kernel lets us."""
    user, group = os.getuid(), os.getgid()
    if _LIBRARY.unshare(_CLONE_NEWNS | (_CLONE_NEWUSER if user else 0)):
        return False
    if user:  # as an ordinary user we keep our own id
        for name, line in (("setgroups", "deny"), ("gid_map", f"{group} {group} 1"), ("uid_map", f"{user} {user} 1")):
            Path("/proc/self", name).write_text(line)
    private = ctypes.c_ulong(_MS_REC | _MS_PRIVATE)
    options = f"size={_DISK},mode=0700".encode()
    return not (
        _LIBRARY.mount(None, b"/", None, private, None)
        or _LIBRARY.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", ctypes.c_ulong(0), options)
    )


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items())) or "none"


@click.command()
@click.option("--seconds", type=click.FloatRange(min=1), default=600.0, show_default=True)
@click.option("--seed", type=int, help="To do the same again.  [default: another one each time]")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the ledger there.")
def main(seconds: float, seed: int | None, file: Path | None) -> None:
    """Attack environments of this machine for some time, and print the ledger. The exit code is 1 if it is not clean.

    Example: make soak SECONDS=180 SEED=7
    """
    seed = random.SystemRandom().randrange(1 << 32) if seed is None else seed
    click.echo(f"seed {seed}, {seconds:.0f} seconds")
    # Whatever is orphaned below us becomes our child, so nothing that is left can hide.
    _LIBRARY.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    base, ledger = Path(tempfile.mkdtemp(prefix="mlops-soak-")), Ledger()
    (base / "disk").mkdir()
    fills = mount_disk(base / "disk")
    if not fills:
        click.echo("without a full disk: the kernel gives no mount namespace; try as root")
    chance = random.Random(seed)  # noqa: S311 - no secret
    try:
        Soak(base=base, chance=chance, ledger=ledger, fills=fills).run(seconds)
    except SoakError as error:
        ledger.error = str(error)
        click.echo(f"error: {error}", err=True)
    finally:
        for pid in processes():
            send(pid, signal.SIGKILL)
        if fills:
            _LIBRARY.umount2(os.fsencode(base / "disk"), 2)
        shutil.rmtree(base, ignore_errors=True)
    click.echo(ledger.table())
    content = json.dumps({"seed": seed, "seconds": seconds, **vars(ledger)}, indent=2)
    click.echo(content)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content + "\n")
    sys.exit(0 if ledger.clean else 1)


if __name__ == "__main__":
    main()
