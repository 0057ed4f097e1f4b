"""The emulator's own process: ministack, which looks into its activities' queues more often than it would by itself.

``python -m local.emulator_process``. It would look twice a second for each client that waits, and a stage would begin
up to half a second after the one before it.
"""

import asyncio
from types import SimpleNamespace

from ministack.app import main
from ministack.services import stepfunctions

_INTERVAL = 0.02
"""Seconds between two looks."""


async def _sleep(_seconds: float) -> None:
    await asyncio.sleep(_INTERVAL)


if __name__ == "__main__":
    # All that this module of the emulator takes of asyncio is the sleep between two looks.
    stepfunctions.asyncio = SimpleNamespace(sleep=_sleep)
    main()
