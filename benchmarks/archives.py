"""The Lambda functions' archives: those of the synthesised app, and those to compare the start Lambda with."""

import json
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_COMPILED = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A function's zip file."""

    file: Path
    module: str
    """The module with the handler: ``starter.handler``."""

    @property
    def bytes(self) -> int:
        """The archive's size."""
        return self.file.stat().st_size

    def unpack(self, folder: Path) -> Path:
        """Unpacks the archive into a folder, and returns the folder."""
        with zipfile.ZipFile(self.file) as packed:
            packed.extractall(folder)
        return folder


def archives(assembly: Path) -> dict[str, Archive]:
    """Returns the archives in a cloud assembly by the function's package name: ``starter``."""
    (template,) = assembly.glob("*.template.json")
    resources: dict[str, Any] = json.loads(template.read_text())["Resources"]
    found = {}
    for resource in resources.values():
        if resource["Type"] == "AWS::Lambda::Function":
            properties = resource["Properties"]
            module = properties["Handler"].rpartition(".")[0]
            file = assembly / f"asset.{properties['Code']['S3Key']}"
            found[module.partition(".")[0]] = Archive(file=file, module=module)
    return found


def pack(function: Path, folder: Path) -> Archive:
    """Packs a function's package with the pure Python part of PyYAML.

    Args:
        function: the package's folder.
        folder: the folder for the archive.
    """
    staging = folder / f"{function.name}-files"
    for package in (function, Path(yaml.__file__).parent):
        shutil.copytree(package, staging / package.name, ignore=_COMPILED)
    file = shutil.make_archive(str(folder / function.name), "zip", staging)
    return Archive(file=Path(file), module=f"{function.name}.handler")
