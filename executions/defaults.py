"""Defaults that the commands and the local environment share; cheap to import, since ``--help`` shows them."""

from pathlib import Path

PROJECT = Path(__file__).parent.parent
"""The folder of the checkout, with ``app.py`` and ``cdk.json``."""

LOCAL_FOLDER = PROJECT / "out" / "local"
"""The folder of the environment on this machine."""

LOCAL_MODEL_NAME = "demo"
"""The parameter ``model-name`` of what is deployed on this machine."""

EMULATOR_PORT = 4566
"""The TCP port of the emulator on this machine."""
