"""Shows the progress of a set-up."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text


class Display:
    """Prints each step when it is done; on a terminal, also while it is running."""

    def __init__(self, console: Console) -> None:
        self.console = console

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Shows that a step is running and, when it is done, the seconds that it took."""
        started = time.monotonic()
        if self.console.is_terminal:
            with self.console.status(text):
                yield
        else:
            yield
        self.console.print(Text.assemble(("✓ ", "green"), text, (f"  {time.monotonic() - started:.1f} s", "dim")))

    def say(self, text: str) -> None:
        """Prints a completed step."""
        self.console.print(Text.assemble(("✓ ", "green"), text), soft_wrap=True)

    def warn(self, text: str) -> None:
        """Prints a warning."""
        self.console.print(Text.assemble(("! ", "bold yellow"), text), soft_wrap=True)
