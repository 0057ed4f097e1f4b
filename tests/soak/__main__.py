"""``make soak``: attacks environments under load; counts lost and doubled starts, touched files, leftover processes.

It starts one environment after the other with ``mlops local up`` and keeps each under load for some seconds: it
delivers events, some of them several times, that start harmless or hostile jobs (``job``). Meanwhile it kills and
pauses processes, and fills the disk. Then it ends the environment with ``mlops local down``, or kills its daemon or
emulator. Everything in the ledger is observed from outside (``environment``).

The emulator's state is in memory, so killing it loses the starts that it had accepted. Each environment is therefore
audited just before a kill; starts accepted after the audit are listed as not audited.
"""

import ctypes
import hashlib
import json
import os
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
from random import Random, SystemRandom

import click

from benchmarks.deployed import free_port
from tests.soak.environment import SoakEnvironment, SoakError, matches, processes, send
from tests.soak.job import KINDS

# linux/sched.h, linux/mount.h, linux/prctl.h
_CLONE_NEWNS, _CLONE_NEWUSER, _MS_REC, _MS_PRIVATE = 0x00020000, 0x10000000, 16384, 1 << 18
_PR_SET_CHILD_SUBREAPER = 36
_DISK = 1 << 30
"""The size of the file system to fill, in bytes."""
_CHUNK = 1 << 24
_BATCH = 6
_AT_ONCE = 24
_WAITING = 12
"""The maximum number of pending deliveries when the next batch starts."""
_RARE = {"deaf": 0.1}
"""Weights of jobs that are less frequent than others; this one takes two minutes."""
_LOAD_SECONDS = (30.0, 60.0)
"""How long an environment is under load: minimum and maximum."""
_TIMEOUT = 30.0

_LIBRARY = ctypes.CDLL(None, use_errno=True)

_VICTIMS = {
    "job": ("/opt/ml/processing/code/job.py",),
    "launcher": ("launcher.main",),
    "model server": ("sagemaker_local/serving/__main__.py",),
    "Lambda worker": ("ministack-lambda-",),
}
_STOPPABLE = (
    "local.daemon",
    "local.emulator_process",
    "launcher.main",
    "job.py",
    "sagemaker_local/serving/__main__.py",
)


@dataclass
class Ledger:
    """The attacks and their consequences. The first five counts must be 0."""

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
    """Audited executions by kind of job and status."""
    details: list[str] = field(default_factory=list)
    error: str = ""
    """Why the soak ended early."""

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, doubled, touched or left running."""
        return not (self.lost or self.doubled or self.unending or self.touched or self.left or self.error)

    def table(self) -> str:
        """Formats the ledger for people."""
        must = {
            "starts lost": self.lost,
            "starts doubled": self.doubled,
            "executions that did not end": self.unending,
            "files outside touched": self.touched,
            "processes left": self.left,
        }
        did = {
            "environments, by how they ended": _counts(self.ends),
            "events": self.events,
            "deliveries": self.deliveries,
            "starts audited": self.audited,
            "starts accepted after the audit, lost with a killed emulator": self.not_audited,
            "events not accepted before a kill": self.untaken,
            "attacks": _counts(self.attacks),
            "executions, by job and status": _counts(self.jobs),
        }
        rows = [(name, f"{value}{'' if value == 0 else '   <- must be 0'}") for name, value in must.items()]
        rows += [(name, str(value)) for name, value in did.items()]
        width = max(len(name) for name, _ in rows)
        return "\n".join([*(f"{name:<{width}}  {value}" for name, value in rows), *self.details])


class Soak:
    """Starts, loads, attacks, audits and ends environments.

    Args:
        base: an empty folder.
        random: decides about everything.
        ledger: counts the consequences.
        fills: whether the environment's folder is on a file system that may be filled.
    """

    def __init__(self, *, base: Path, random: Random, ledger: Ledger, fills: bool) -> None:
        # The files to protect are on the same file system, so that they could be moved, too.
        self._disk, self._canary = base / "disk", base / "disk" / "canary"
        self._random, self._ledger, self._fills = random, ledger, fills
        self._number = 0

    def run(self, seconds: float) -> None:
        """Attacks one environment after the other until the time is up."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            shutil.rmtree(self._canary, ignore_errors=True)
            self._canary.mkdir()
            for number in range(8):
                (self._canary / f"file-{number}").write_bytes(self._random.randbytes(1000))
            before = fingerprint(self._canary)
            self._soak_one(until)
            after = fingerprint(self._canary)
            touched = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
            self._ledger.touched += len(touched)
            self._ledger.details += [f"touched: {name}" for name in touched]

    def _soak_one(self, until: float) -> None:
        environment = SoakEnvironment(self._disk / "environment", self._canary)
        environment.up(free_port())
        end = self._random.choice(["down", "daemon killed", "emulator killed"])
        ends_at = min(until, time.monotonic() + self._random.uniform(*_LOAD_SECONDS))
        over = threading.Event()
        attacker = threading.Thread(target=self._attack, args=(over, Random(self._random.random())))  # noqa: S311 - no secret
        attacker.start()
        try:
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                waiting: set[Future[None]] = set()
                while time.monotonic() < ends_at and environment.is_up():
                    if len(waiting) <= _WAITING:
                        waiting |= {pool.submit(environment.deliver, *each) for each in self._deliveries()}
                    waiting = wait(waiting, timeout=1.0, return_when=FIRST_COMPLETED).not_done
                over.set()
                attacker.join()
                environment.quiet_since = time.monotonic()
        finally:
            over.set()
        if not environment.is_up():
            self._ledger.details.append(f"an environment died: {environment.last_log_line()}")
            end = "died"
        self.audit(environment, waits=end == "down")
        self._ledger.ends[end] += 1
        self._end(environment, end)
        self._count_left()

    def _deliveries(self) -> list[tuple[str, str | None]]:
        """A batch of events to deliver concurrently, some of them several times, each with its kind of job."""
        deliveries = []
        for _ in range(_BATCH):
            self._number += 1
            kind = self._random.choices(list(KINDS), [_RARE.get(name, 1.0) for name in KINDS])[0]
            has_job = self._random.random() < 1 / 3
            identity = f"{kind if has_job else 'jobless'}-{self._number}"
            deliveries += [(identity, kind if has_job else None)] * self._random.choice([1, 1, 1, 2, 3])
        self._random.shuffle(deliveries)
        self._ledger.events += _BATCH
        self._ledger.deliveries += len(deliveries)
        return deliveries

    def _attack(self, over: threading.Event, random: Random) -> None:
        """Kills and pauses processes and fills the disk until it is over; pauses and fillings are temporary."""
        while not over.wait(random.uniform(0.5, 3.0)):
            what = random.choice([*_VICTIMS, "pause", "pause", *(["full disk"] if self._fills else [])])
            if what == "full disk":
                self._fill(over, random.uniform(0.5, 2.0))
            else:
                is_one = matches(_VICTIMS.get(what, _STOPPABLE))
                found = {pid: command for pid, command in processes().items() if is_one(command)}
                # Killing the emulator's launcher would end the emulator.
                victims = sorted(pid for pid in found if what == "pause" or "emulator_process" not in found[pid])
                if not victims:
                    continue
                victim = random.choice(victims)
                if what == "pause":
                    send(victim, signal.SIGSTOP)
                    over.wait(random.uniform(0.1, 2.0))
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

    def audit(self, environment: SoakEnvironment, *, waits: bool) -> None:
        """Compares the accepted events with the executions; ``waits`` for executions to end."""
        if not environment.is_up():
            self._ledger.lost += len(environment.accepted)
            return
        found = environment.settled() if waits else environment.executions()
        named = set(environment.accepted.values())
        stuck = [arn for arn, status in found.items() if status == "RUNNING"] if waits else []
        self._ledger.audited += len(named & found.keys())
        self._ledger.lost += len(named - found.keys()) + len(environment.untaken)
        self._ledger.doubled += len(found.keys() - named) + len(environment.accepted) - len(named)
        self._ledger.unending += len(stuck)
        for identity in environment.accepted.keys() if waits else ():
            status = found.get(environment.accepted[identity], "LOST")
            self._ledger.jobs[f"{identity.partition('-')[0]} {status}"] += 1
        ids = {arn: identity for identity, arn in environment.accepted.items()}
        self._ledger.details += [
            f"not accepted: {event}: {reply}" for event, reply in sorted(environment.untaken.items())
        ]
        self._ledger.details += [f"lost: {event}" for event, arn in environment.accepted.items() if arn not in found]
        self._ledger.details += [f"did not end: {ids.get(arn, arn)}" for arn in stuck]
        environment.forget()

    def _end(self, environment: SoakEnvironment, end: str) -> None:
        if end.endswith(" killed"):
            is_one = matches(["local.daemon" if end.startswith("daemon") else "local.emulator_process"])
            # The emulator's launcher, its parent, has the same words in its command.
            victims = [pid for pid, command in processes().items() if is_one(command) and "launcher" not in command]
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                for delivery in self._deliveries():
                    pool.submit(environment.deliver, *delivery)
                time.sleep(self._random.uniform(0, 0.5))
                send(self._random.choice(sorted(victims)), signal.SIGKILL)
            self._ledger.not_audited += len(environment.accepted)
            self._ledger.untaken += len(environment.untaken)
            deadline = time.monotonic() + _TIMEOUT
            while environment.is_up() and time.monotonic() < deadline:
                time.sleep(0.1)
        environment.down()

    def _count_left(self) -> None:
        """Counts, and kills, processes that are still running some seconds after an environment's end."""
        deadline = time.monotonic() + _TIMEOUT
        while (left := processes()) and time.monotonic() < deadline:
            time.sleep(0.2)
        self._ledger.left += len(left)
        self._ledger.details += [f"left: {command[:200]}" for command in left.values()]
        for pid in left:
            send(pid, signal.SIGKILL)


def fingerprint(folder: Path) -> dict[str, str]:
    """Returns the kind, mode and content of each file in a folder."""
    found = {".": str(folder.lstat().st_mode)}
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found[str(path.relative_to(folder))] = f"{path.lstat().st_mode} {hashlib.sha256(content).hexdigest()}"
    return found


def mount_disk(folder: Path) -> bool:
    """Mounts a small file system in a namespace of our own; returns whether the kernel allows it."""
    user, group = os.getuid(), os.getgid()
    if _LIBRARY.unshare(_CLONE_NEWNS | (_CLONE_NEWUSER if user else 0)):
        return False
    if user:  # an ordinary user keeps its id
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
@click.option("--seed", type=int, help="Seed of the random numbers, to repeat a soak.  [default: random]")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="File for the ledger.")
def main(seconds: float, seed: int | None, file: Path | None) -> None:
    """Attack environments on this machine for some time, and print the ledger. The exit code is 1 if it is not clean.

    Example: make soak SECONDS=180 SEED=7
    """
    seed = SystemRandom().randrange(1 << 32) if seed is None else seed
    click.echo(f"seed {seed}, {seconds:.0f} seconds")
    # Orphaned descendants become our children, so that none can hide.
    _LIBRARY.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    base, ledger = Path(tempfile.mkdtemp(prefix="mlops-soak-")), Ledger()
    (base / "disk").mkdir()
    fills = mount_disk(base / "disk")
    if not fills:
        click.echo("the disk is not filled: the kernel allows no mount namespace; try as root")
    try:
        Soak(base=base, random=Random(seed), ledger=ledger, fills=fills).run(seconds)  # noqa: S311 - no secret
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
