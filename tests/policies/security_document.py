"""The table of permissions in docs/security.md."""

import re
from pathlib import Path

TEXT = (Path(__file__).parent.parent.parent / "docs" / "security.md").read_text()
ROWS = re.findall(r"^\| ([^|]+) \| (`[\w-]+:\w[^|]+) \| [^|]+ \| [^|]+ \|$", TEXT, re.MULTILINE)
DEPLOYING = "SeedFarmer's role, with `empty-bucket-on-destroy`"
