"""The commands in the README."""

import re

from tests.e2e.clients.machine import PROJECT

EVERY_DAY = '"0 6 * * ? *"'
"""The schedule in its commands."""


def commands(section: str) -> list[str]:
    """The blocks of shell commands of a section of the README, in their order.

    Args:
        section: the section's heading, of the second level.
    """
    text = (PROJECT / "README.md").read_text()
    (found,) = re.findall(rf"^## {section}\n(.*?)^## ", text, re.DOTALL | re.MULTILINE)
    return re.findall(r"^```sh\n(.*?)^```", found, re.DOTALL | re.MULTILINE)
