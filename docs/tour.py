"""Puts a transcript into docs/cli.md, between the marks: ``python docs/tour.py FILE``."""

import re
import sys
from pathlib import Path

PAGE = Path(__file__).parent / "cli.md"


def main(transcript: Path) -> None:
    """Replaces what stands between the marks.

    Args:
        transcript: the file with the commands and what they have printed.
    """
    block = f"<!-- tour -->\n```text\n{transcript.read_text().strip()}\n```\n<!-- end of the tour -->"
    text = re.sub(r"<!-- tour -->.*?<!-- end of the tour -->", lambda _: block, PAGE.read_text(), flags=re.DOTALL)
    PAGE.write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
