"""Runs the model server: ``python3 serving N``, where N is the descriptor of an inherited listening socket.

``python3 serving N PROGRAM ...`` runs an image's own server instead, and forwards the requests to it.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

# A name that no user module has.
_NAME = "mlops_model_server"
_TOKEN = "MLOPS_MODEL_SERVER_TOKEN"  # noqa: S105 - the name of one


def main(descriptor: int, command: list[str]) -> None:
    """Serves on an inherited listening socket until the process is killed.

    Args:
        descriptor: the socket's descriptor.
        command: an image's own server; empty: ours.
    """
    folder = Path(__file__).parent
    spec = importlib.util.spec_from_file_location(
        _NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:  # never: the file is next to this one
        raise ImportError(str(folder))
    package = importlib.util.module_from_spec(spec)
    sys.modules[_NAME] = package
    spec.loader.exec_module(package)
    token = os.environ.pop(_TOKEN)  # the user's module must not see it, as on AWS
    if command:
        importlib.import_module(f"{_NAME}.forwarder").run(descriptor, command, token=token)
    else:
        importlib.import_module(f"{_NAME}.server").serve(descriptor, os.environ, token=token)


if __name__ == "__main__":
    del sys.path[0]  # the folder of this program, whose modules must not come before the user's
    main(int(sys.argv[1]), sys.argv[2:])
