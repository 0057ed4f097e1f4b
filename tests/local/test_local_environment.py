"""The environment as a whole: what it refuses before it starts."""

import subprocess
import sys
from pathlib import Path

from local import environment as host_module


def test_few_open_files(tmp_path: Path) -> None:
    """An environment that may open too few files says so at once, where it would wait for ever."""
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
    project = Path(host_module.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", driver], cwd=project, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.startswith("the limit on open files is 32, and an environment needs 256: ulimit -n 256")
