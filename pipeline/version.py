"""The module's version, which ``pyproject.toml`` has."""

import tomllib
from pathlib import Path


def version() -> str:
    """Returns the version, such as ``0.2.0``."""
    content = tomllib.loads(Path(__file__).parent.parent.joinpath("pyproject.toml").read_text())
    found: str = content["project"]["version"]
    return found
