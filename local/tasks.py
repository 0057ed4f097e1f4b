"""The tasks that a worker has taken and not answered, on disk: the worker after it takes them up again.

The emulator gives a task of an activity away once, and then waits for its answer for ever. Step Functions on AWS loses
nothing by a worker's death, as SageMaker is none; here the jobs die with the worker, so they are done anew.
"""

import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_LOCK = "lock"


class Tasks:
    """One worker's open tasks, in a folder below one that all workers share.

    A worker holds a lock on its folder, which ends with its process, however that ends.

    Args:
        folder: what the workers share; made if missing.
    """

    def __init__(self, folder: Path) -> None:
        self._shared = folder
        self._folder = folder / uuid.uuid4().hex
        self._folder.mkdir(parents=True)
        self._lock = _locked(self._folder)

    def add(self, integration: str, task: dict[str, Any]) -> None:
        """Keeps a task that was taken: ``taskToken`` and ``input``."""
        content = {"integration": integration, "taskToken": task["taskToken"], "input": task["input"]}
        partial = self._folder / f".{task['taskToken']}"
        partial.write_text(json.dumps(content))
        partial.replace(self._file(task["taskToken"]))

    def remove(self, token: str) -> None:
        """Forgets a task that was answered."""
        self._file(token).unlink(missing_ok=True)

    def of_the_dead(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The integration of each task that a dead worker has left, and the task, which is this worker's now."""
        for folder in self._shared.iterdir():
            if folder == self._folder:
                continue
            lock = _locked(folder)
            if lock is None:
                continue
            for file in folder.glob("*.json"):
                task = json.loads(file.read_text())
                file.replace(self._file(task["taskToken"]))
                yield task["integration"], task
            os.close(lock)
            shutil.rmtree(folder)

    def close(self) -> None:
        """Leaves the open tasks to the next worker."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _file(self, token: str) -> Path:
        return self._folder / f"{token}.json"


def _locked(folder: Path) -> int | None:
    """The lock on a worker's folder, held until it is closed or this process ends; None where its worker is alive."""
    lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
