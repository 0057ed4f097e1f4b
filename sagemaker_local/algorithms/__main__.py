"""Runs a built-in algorithm: ``python3 algorithms NAME train`` or ``python3 algorithms NAME serve N``."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path

_TOKEN = "MLOPS_MODEL_SERVER_TOKEN"  # noqa: S105 - the name of one


def main(name: str, action: str, *descriptor: str) -> None:
    """Trains, or serves until the process is killed.

    Args:
        name: the algorithm, a package in this folder.
        action: ``train`` or ``serve``.
        descriptor: with ``serve``, the descriptor of an inherited listening socket.
    """
    folder = Path(__file__).parent
    # Names that no package of the image has.
    _load("mlops_algorithms", folder)
    if action == "train":
        importlib.import_module(f"mlops_algorithms.{name}.train").main(os.environ)
        return
    token = os.environ.pop(_TOKEN)  # the user's module must not see it, as on AWS
    predict = importlib.import_module(f"mlops_algorithms.{name}.predict")
    _load("mlops_model_server", folder.parent / "serving")
    importlib.import_module("mlops_model_server.server").serve(
        int(descriptor[0]), os.environ, token=token, algorithm=predict
    )


def _load(name: str, folder: Path) -> None:
    """Imports the package in a folder under another name."""
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:  # never: the file is part of this package
        raise ImportError(str(folder))
    package = importlib.util.module_from_spec(spec)
    sys.modules[name] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    del sys.path[0]  # the folder of this program, whose modules must not come before the image's
    main(*sys.argv[1:])
