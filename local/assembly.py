"""Synthesises the cloud assembly that an environment deploys, and keeps it for the next environment.

The same sources, scripts, packages and parameters give the same assembly. The latest one is kept beside the installed
packages, some of which it contains.
"""

import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from executions.defaults import PROJECT
from local.command import Command
from local.template_hash import template_hash
from pipeline.bundle import published_files

OUTPUT = "CDK_OUTDIR"
CONTEXT, DEFAULT_ACCOUNT, DEFAULT_REGION = "CDK_CONTEXT_JSON", "CDK_DEFAULT_ACCOUNT", "CDK_DEFAULT_REGION"
"""The variables by which the CDK CLI tells an app where to write its assembly, with which parameters, and for whom."""

_KEPT = Path(sys.prefix) / "assemblies"


class Synthesis:
    """Synthesises in the background.

    Args:
        variables: the CDK's environment variables, those above among them.
        folder: the working directory.
        log: the file for the app's output.
        project: a checkout of the module.
        kept: the folder that the latest assembly is kept in.
    """

    def __init__(
        self, variables: Mapping[str, str], *, folder: Path, log: Path, project: Path = PROJECT, kept: Path = _KEPT
    ) -> None:
        self.template = template_hash(project)
        """The hash of the template's sources, from before they were read, so that an edit meanwhile counts as one."""
        self._made = Path(variables[OUTPUT])
        self._kept = kept / _key(self.template, variables, project / "scripts")
        self._app = None if self._take() else Command([sys.executable, str(project / "app.py")], variables, folder, log)

    def assembly(self) -> Path:
        """Waits for the assembly, and returns its folder.

        Raises:
            LocalError: the app failed; the message has its last lines.
        """
        if self._app:
            self._app.finish()
            self._keep()
            self._app = None
        return self._made

    def end(self) -> None:
        """Ends the app if it is still running."""
        if self._app:
            self._app.end()

    def _take(self) -> bool:
        """Copies the assembly that was kept, since the CDK CLI writes into the folder that it deploys."""
        try:
            shutil.copytree(self._kept, self._made)
        except OSError:  # there is none, or another process is replacing it
            shutil.rmtree(self._made, ignore_errors=True)
            return False
        return True

    def _keep(self) -> None:
        """Keeps the assembly instead of earlier ones. Where the packages cannot be written to, nothing is kept."""
        with suppress(OSError):
            self._kept.parent.mkdir(exist_ok=True)
            earlier = list(self._kept.parent.iterdir())
            copy = Path(tempfile.mkdtemp(dir=self._kept.parent))
            shutil.copytree(self._made, copy, dirs_exist_ok=True)
            copy.rename(self._kept)  # whole, or not at all
            for folder in earlier:
                shutil.rmtree(folder, ignore_errors=True)


def _key(template: str, variables: Mapping[str, str], scripts: Path) -> str:
    """Hashes everything that the assembly is made of."""
    digest = hashlib.sha256(template.encode())
    digest.update(json.dumps([variables[name] for name in (CONTEXT, DEFAULT_ACCOUNT, DEFAULT_REGION)]).encode())
    for name, content in published_files(scripts).items():
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()
