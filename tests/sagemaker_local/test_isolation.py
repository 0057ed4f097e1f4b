"""Isolated jobs that try to reach anything but their own files, processes and network."""

import errno
import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sagemaker_local.container import Container
from sagemaker_local.environments import Environments
from sagemaker_local.images import Images
from sagemaker_local.job import JobContext
from sagemaker_local.mounts import best_view
from tests.sagemaker_local.sandbox import Sandbox

MakeContainer = Callable[..., Container]

pytestmark = pytest.mark.skipif(best_view() != "isolated", reason="no namespaces to isolate jobs on this machine")


def run(container: Container, script: str, *arguments: str, **options: Any) -> Any:
    """Runs a Python script in a container. Returns the JSON that it prints last."""
    container.start(["python3", "-c", script, *arguments], {}, **options)
    assert container.wait(timeout=60, grace=0).code == 0, container.last_lines
    return json.loads(container.last_lines[-1])


READS = """
import json, sys
def read(path):
    try:
        return open(path).read()
    except OSError as error:
        return error.errno
print(json.dumps([read(path) for path in sys.argv[1:]]))
"""
STATS = "import json, os, sys; print(json.dumps(os.stat(sys.argv[1]).st_size if os.path.exists(sys.argv[1]) else None))"
WRITES = READS.replace("open(path).read()", "open(path + '/planted', 'w').close()")


def test_files_of_others(make_container: MakeContainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's home, other jobs' folders and the environment's state cannot be read."""
    other = make_container("other")
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    planted = [
        tmp_path / "home" / ".netrc",
        tmp_path / "state.json",
        other.ml / "data.csv",
        other.folder / "home" / "x",
    ]
    for file in planted:
        file.write_text("secret")
    assert run(make_container(), READS, *map(str, planted)) == [errno.ENOENT] * len(planted)


def test_hidden_folder_in_a_mount(make_container: MakeContainer) -> None:
    """A private folder is hidden even inside a folder that is mounted."""
    folder = next(path for path in Path("/usr/share").iterdir() if path.is_dir() and any(path.iterdir()))
    file = next(path for path in folder.rglob("*") if path.is_file())
    assert isinstance(run(make_container("shown"), STATS, str(file)), int)
    assert run(make_container("hidden", private=[folder]), STATS, str(file)) is None


def test_read_only(make_container: MakeContainer) -> None:
    """Only the job's own folders are writable, not the system or the Python that other jobs use."""
    places = ["/", "/usr", "/etc", "/opt", "/sys", "/dev", "/proc/sys/kernel", sys.prefix, sys.base_prefix]
    found = run(make_container(), WRITES, *places, "/tmp", "/dev/shm", "/opt/ml", "/job/home", "/job/work")  # noqa: S108
    assert found[-5:] == [None] * 5
    assert set(found[:-5]) <= {errno.EROFS, errno.EACCES, errno.ENOENT, errno.EPERM}
    assert not Path("/usr/planted").exists()


def test_processes_of_others(make_container: MakeContainer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job sees only its own processes, and not the launcher's variables or memory."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    script = """
import json, os
pids = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
def read(path):
    try:
        return open(path).read()
    except OSError as error:
        return error.errno
print(json.dumps([pids, "secret" in str(read("/proc/1/environ")), read("/proc/1/mem"), os.getpid()]))
"""
    pids, leaked, memory, own = run(make_container(), script)
    assert pids == [1, own]
    assert not leaked
    assert memory in {errno.EACCES, errno.EPERM, errno.EIO}


def test_privileges(make_container: MakeContainer) -> None:
    """Even root cannot mount, create devices, or write kernel settings."""
    script = """
import ctypes, json, os, stat
library = ctypes.CDLL(None, use_errno=True)
def errno_of(call):
    try:
        return call()
    except OSError as error:
        return error.errno
umount = library.umount2(b"/proc/sys", 2) and ctypes.get_errno()
mount = library.mount(b"none", b"/tmp", b"tmpfs", 0, None) and ctypes.get_errno()
device = errno_of(lambda: os.mknod("/tmp/disk", stat.S_IFBLK | 0o600, os.makedev(254, 0)))
core = errno_of(lambda: open("/proc/sys/kernel/core_pattern", "w").close())
print(json.dumps([umount, mount, device, core, os.path.exists("/dev/vda"), os.path.exists("/run/docker.sock")]))
"""
    assert run(make_container(), script) == [
        errno.EPERM,
        errno.EPERM,
        errno.EPERM,
        pytest.approx(errno.EROFS, abs=errno.EROFS - errno.EACCES),
        False,
        False,
    ]


def test_own_folders(make_container: MakeContainer) -> None:
    """HOME, the working directory and TMPDIR, which is /tmp, are the job's own folders."""
    script = "import json, os, tempfile; print(json.dumps([os.environ['HOME'], tempfile.mkdtemp()[:5], os.getcwd()]))"
    container = make_container()
    assert run(container, script) == ["/job/home", "/tmp/", "/job/work"]  # noqa: S108 - the job\'s own
    assert len(list((container.folder / "tmp").iterdir())) == 1


@pytest.mark.parametrize("offline", [True, False])
def test_network(make_container: MakeContainer, *, offline: bool) -> None:
    """With network isolation a job has only its own loopback interface, without it this machine's network."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        script = f"""
import json, socket
with socket.create_server(("127.0.0.1", 0)) as own:
    codes = [socket.socket().connect_ex(("127.0.0.1", port)) for port in (own.getsockname()[1], {port})]
print(json.dumps([codes, sorted(name for _, name in socket.if_nameindex())]))
"""
        codes, interfaces = run(make_container(), script, offline=offline)
    assert codes == [0, errno.ECONNREFUSED if offline else 0]
    assert (interfaces == ["lo"]) or not offline


@pytest.mark.parametrize("isolated", [True, False])
def test_network_isolation_in_a_request(
    sandbox: Sandbox, processing_request: Callable[..., dict[str, Any]], *, isolated: bool
) -> None:
    """EnableNetworkIsolation cuts off the job's network; it then has no credentials, as on SageMaker."""
    sandbox.put("data/raw.csv", "x")
    sandbox.put("scripts/job.py", "import socket; print(sorted(name for _, name in socket.if_nameindex()))")
    sandbox.run("createProcessingJob", processing_request(NetworkConfig={"EnableNetworkIsolation": isolated}))
    here = sorted(name for _, name in socket.if_nameindex())
    assert sandbox.lines == [str(["lo"] if isolated else here)]
    context = JobContext(
        s3=sandbox.sagemaker._context.s3,  # noqa: SLF001 - required but not used
        folder=sandbox.folder,
        region="eu-west-1",
        account="1",
        endpoint="http://127.0.0.1:1",
        key="LOCALKEY",
        job_key="LOCALJOBKEY",
        log=lambda *_: None,
        namespaces=None,
        images=Images(),
        environments=Environments(),
    )
    assert ("AWS_ACCESS_KEY_ID" in context.environment(offline=isolated)) != isolated


def test_warning_without_isolation(prefix_sandbox: Sandbox, processing_request: Callable[..., dict[str, Any]]) -> None:
    """Without isolation, the job's log has warnings, also that EnableNetworkIsolation is ignored."""
    prefix_sandbox.put("data/raw.csv", "x")
    prefix_sandbox.put("scripts/job.py", "")
    prefix_sandbox.run("createProcessingJob", processing_request(NetworkConfig={"EnableNetworkIsolation": True}))
    assert any("not isolated" in line for line in prefix_sandbox.lines)
    assert any("cannot enforce" in line for line in prefix_sandbox.lines)


def test_a_job_cannot_forge_its_exit(make_container: MakeContainer) -> None:
    """A job cannot open the pipe on which its exit is reported."""
    script = """
import json, os
opened = 0
for name in os.listdir("/proc/1/fd") if os.access("/proc/1/fd", os.R_OK | os.X_OK) else []:
    try:
        os.open(f"/proc/1/fd/{name}", os.O_WRONLY); opened += 1
    except OSError:
        pass
print(json.dumps(opened))
"""
    assert run(make_container(), script) == 0
