"""A user's machine: Python, Node, the AWS CLI and SeedFarmer on the path, a home folder, and a terminal.

Test doubles:

* the emulator replaces AWS; the clients find it by ``AWS_ENDPOINT_URL``, which each of them documents;
* ``container.py`` replaces the container that SeedFarmer builds in;
* wheels and an npm cache, downloaded by ``make``, replace PyPI and the npm registry: tests download nothing.
"""

import codecs
import json
import os
import pty
import select
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from local.deployment import jsii_cache
from local.emulator import Emulator

PROJECT = Path(__file__).parent.parent.parent.parent
CLIENTS = PROJECT / ".venv-clients"

_REGISTRIES = {
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": (CLIENTS / "wheels").as_uri(),  # a list, separated by blanks
    # Compiling all of the CDK takes half a minute, and most of it is never imported.
    "PIP_COMPILE": "0",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "UV_OFFLINE": "1",
    "UV_NO_INDEX": "1",
    "UV_FIND_LINKS": (CLIENTS / "wheels").as_uri(),
    "UV_CACHE_DIR": str(CLIENTS / "uv"),
    "UV_PYTHON_DOWNLOADS": "never",
    "npm_config_cache": str(CLIENTS / "npm"),
    "npm_config_offline": "true",
    # Unpacking the CDK takes ten seconds for each new home.
    "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(jsii_cache()),
    "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
}
# The CDK's own check of the template takes as long as the rest of a synthesis; the session's templates have it.
_UNCHECKED = {"CDK_VALIDATION": "false"}
_QUIET = {"CDK_DISABLE_CLI_TELEMETRY": "true", "CDK_DISABLE_VERSION_CHECK": "true", "TERM": "dumb", "NO_COLOR": "1"}
_QUESTION = "(y/n)"


def copy_module(folder: Path) -> None:
    """Copies this checkout without files of make, the tests and git."""
    ignored = shutil.ignore_patterns(".*", "node_modules", "cdk.out", "out", "__pycache__")
    shutil.copytree(PROJECT, folder, ignore=ignored)


@dataclass(frozen=True)
class FinishedScript:
    """A finished script."""

    code: int
    printed: str


class Machine:
    """Runs a user's commands, with one emulator as AWS."""

    def __init__(self, folder: Path, emulator: Emulator) -> None:
        """Prepares the path and the home.

        Args:
            folder: an empty folder.
            emulator: a running emulator.
        """
        self._tools = folder / "tools"
        self._clients = folder / "clients"
        self._home = folder / "home"
        for made in (self._tools, self._clients, self._home):
            made.mkdir()
        # A progress bar would take thousands of lines in a recorded terminal.
        (self._home / ".cdk.json").write_text(json.dumps({"progress": "events"}))
        interpreter = str(Path(sys.executable).resolve())
        for name in ("node", "npm", "npx"):
            _command(self._tools / name, str(Path(sys.executable).with_name(name)))
        _command(self._tools / "python3", interpreter)
        for name in ("pip", "uv"):
            _command(self._tools / name, str(CLIENTS / "bin" / name))
        for name in ("aws", "seedfarmer"):
            _command(self._clients / name, str(CLIENTS / "bin" / name))
        container = [sys.executable, str(Path(__file__).with_name("container.py"))]
        _command(self._clients / "docker", "env", f"PATH={self._tools}{os.pathsep}{os.defpath}", *container)
        aws = {name: value for name, value in emulator.environment().items() if name.startswith("AWS_")}
        self._environment = (
            _REGISTRIES
            | _UNCHECKED
            | _QUIET
            | aws
            | {
                "PATH": os.pathsep.join([str(self._tools), str(self._clients), os.defpath]),
                "HOME": str(self._home),
                "TMPDIR": str(self._home),
                "LANG": "C.UTF-8",
                # SeedFarmer imports GitPython, which requires git on import, even if no module comes from git.
                "GIT_PYTHON_REFRESH": "quiet",
            }
        )

        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = threading.Event()

    def close(self) -> None:
        """Ends running scripts, and prevents new ones."""
        self._closed.set()
        for process in list(self._running):
            _kill(process)

    def type(self, script: str, folder: Path, *, timeout: float = 600) -> FinishedScript:
        """Runs a script in a terminal, until a line fails, and answers questions with y.

        Args:
            script: lines of shell.
            folder: the working directory.
            timeout: in seconds.
        """
        assert not self._closed.is_set(), "the tests are over"
        activate = folder / ".venv" / "bin" / "activate"
        prefix = f". {shlex.quote(str(activate))}\n" if activate.exists() else ""
        terminal, inside = pty.openpty()
        try:
            process = subprocess.Popen(
                ["bash", "-euc", prefix + script],
                cwd=folder,
                env=self._environment,
                stdin=inside,
                stdout=inside,
                stderr=inside,
                start_new_session=True,
            )
            os.close(inside)
            self._running.add(process)
            try:
                printed = _converse(terminal, process, time.monotonic() + timeout)
            finally:
                _kill(process)
                code = process.wait()
                self._running.discard(process)
        finally:
            os.close(terminal)
        return FinishedScript(code, printed)

    def run(self, script: str, folder: Path, *, timeout: float = 600) -> str:
        """Like ``type``, but must succeed; returns the output."""
        ended = self.type(script, folder, timeout=timeout)
        assert ended.code == 0, f"{script}\n{ended.printed}"
        return ended.printed


def _converse(terminal: int, process: subprocess.Popen[bytes], deadline: float) -> str:
    """Returns the process's output until it ends; answers its questions with y."""
    printed, answered = "", 0
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    while True:
        ended = process.poll() is not None
        ready, _, _ = select.select([terminal], [], [], 0 if ended else 0.2)
        if ready:
            # Linux reports a closed terminal as an error.
            chunk = b""
            with suppress(OSError):
                chunk = os.read(terminal, 65536)
            printed += decoder.decode(chunk).replace("\r\n", "\n")
            if not chunk:
                process.wait(max(1.0, deadline - time.monotonic()))
                return printed
        elif ended:
            return printed
        if printed.count(_QUESTION) > answered:
            answered += 1
            os.write(terminal, b"y\n")
        assert time.monotonic() < deadline, f"it did not end; it printed:\n{printed}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Ends a script and all processes that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _command(path: Path, *words: str) -> None:
    path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    path.chmod(0o755)
