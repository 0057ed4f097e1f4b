"""The commands in docs/deploy.md."""

import re

from tests.e2e.clients.machine import PROJECT

EVERY_DAY = '"0 6 * * ? *"'
"""The schedule in the commands."""
DEPLOY = ("With the CDK", "With SeedFarmer")
START = ("Start an execution",)


def commands(sections: tuple[str, ...]) -> list[str]:
    """Returns the blocks of shell commands of these sections, in order.

    Args:
        sections: headings of the second level.
    """
    text = (PROJECT / "docs" / "deploy.md").read_text() + "\n## "
    found = (re.findall(rf"^## {section}\n(.*?)^## ", text, re.DOTALL | re.MULTILINE) for section in sections)
    return [
        block for (content,) in found for block in re.findall(r"^```sh\n(.*?)^```", content, re.DOTALL | re.MULTILINE)
    ]
