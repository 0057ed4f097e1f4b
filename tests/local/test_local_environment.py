"""The checks before an environment starts."""

import subprocess
import sys
from pathlib import Path

from executions.defaults import PROJECT


def test_few_open_files(tmp_path: Path) -> None:
    """An environment with too low a limit on open files fails before it starts, instead of hanging."""
    driver = f"""
import resource
from pathlib import Path
from local.errors import LocalError
from local.environment import LocalEnvironment
from local.state import EnvironmentDir
resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
try:
    LocalEnvironment(directory=EnvironmentDir(Path({str(tmp_path)!r})), port=1).__enter__()
except LocalError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", driver], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.startswith("the limit on open files is 32; an environment needs 256: ulimit -n 256")
