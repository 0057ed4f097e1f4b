"""Installs the packages of a Makefile target, exactly as locked in this folder and in package-lock.json.

``python3 requirements/install.py NAME`` needs only Python and its standard library:

1. It creates ``.venv``, and installs uv with this Python's pip (``uv.txt`` has this one package and its hashes).
2. uv installs a lock. Nothing is resolved, so later releases can neither change nor break the set-up. npm, which is
   installed from PyPI, does the same with ``package-lock.json``.
3. The tools' output is passed on. If a tool fails, the cause and the remedy follow.

pip, uv and Node all trust the machine's certificate store and the files named by ``CERTIFICATE_VARIABLES``. uv uses
the mirror that pip is configured for.
"""

import os
import re
import shutil
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 14)

# Before everything else, since an older Python may fail on the rest of the file.
if not OLDEST <= sys.version_info[:2] <= NEWEST:
    sys.exit(
        f"error: Python 3.11 to 3.14 is required, but {sys.executable} is {sys.version.split()[0]}. "
        "Choose another one: make PYTHON=python3.12"
    )

PROJECT = Path(__file__).resolve().parent.parent
LOCKS = PROJECT / "requirements"
VENV = PROJECT / ".venv"
CLIENTS = PROJECT / ".venv-clients"
BIN = VENV / "bin"
BASE_PYTHON: str = getattr(sys, "_base_executable", sys.executable)
"""The interpreter that ``.venv`` is based on, if ``.venv`` is active."""
PYTHON, UV, NPM = BIN / "python", BIN / "uv", BIN / "npm"

SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL, Amazon Linux
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # macOS, BSD
)
CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")

PATIENCE = {
    "PIP_RETRIES": "2",
    "PIP_DEFAULT_TIMEOUT": "20",
    "UV_HTTP_RETRIES": "2",
    "UV_HTTP_TIMEOUT": "20",
    "npm_config_fetch_retries": "2",
    "npm_config_fetch_retry_mintimeout": "1000",
    "npm_config_fetch_retry_maxtimeout": "3000",
    "npm_config_update_notifier": "false",
}
"""Without a network, the tools would wait for minutes by default. The user's settings take precedence."""

FOREIGN = ("PIP_REQUIRE_VIRTUALENV", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")
"""Variables that would make pip or uv install elsewhere."""

CAUSES = {
    "CERTIFICATE_VERIFY_FAILED|SELF_SIGNED_CERT[A-Z_]*|UNABLE_TO_[A-Z_]*(?:ISSUER|VERIFY)[A-Z_]*|UnknownIssuer"
    "|invalid peer certificate|self-signed certificate": (
        "the registry's certificate is not trusted; a proxy on this network probably inspects TLS",
        """add your organisation's CA certificate to the system's store, or name its PEM file:
       SSL_CERT_FILE=/path/to/ca.pem make ...""",
    ),
    "No space left|ENOSPC|Disk quota exceeded|EDQUOT": (
        "the disk is full",
        "free 2 GB and run the same command again; it continues where it stopped",
    ),
    "[Hh]ash mismatch|DO NOT MATCH THE HASHES|EINTEGRITY": (
        "a registry served a file that does not match the lock's hash, so it was not installed",
        "run the same command again; if that fails, use another mirror",
    ),
    "dns error|name resolution|[Nn]ame or service not known|ENOTFOUND|EAI_AGAIN|[Cc]onnection refused|ECONNREFUSED"
    "|ECONNRESET|[Uu]nreachable|[Tt]imed out|ETIMEDOUT|tcp connect error|Failed to establish|[Tt]unnel[a-z]* [a-z]+": (
        "the registry cannot be reached",
        """check the network and, if there is one, the proxy (HTTPS_PROXY). For mirrors, set PIP_INDEX_URL and
       npm_config_registry""",
    ),
    "No matching distribution|no version of|not found in the package registry|No solution found|ETARGET|E40[34]": (
        "the index does not have a package that the lock names",
        "use a mirror that has all packages of PyPI and of the npm registry: PIP_INDEX_URL, npm_config_registry",
    ),
    "ensurepip is not available|No module named '?(?:venv|ensurepip|pip)": (
        "this Python has no venv or no pip",
        "on Debian and Ubuntu: apt install python3-venv",
    ),
    "Permission denied|EACCES|Read-only file system|EROFS": (
        "a file cannot be written",
        "make this folder, and the caches in your home directory, writable",
    ),
}
"""Patterns of the tools' error messages, each with the cause and the remedy."""


_BY_PACKAGE = re.compile(
    r"\s*$| [+~-] | *(Requirement already|Looking in|Saved|Collecting|Processing) "
    r"|  (Using cached|Downloading|File was) "
)
"""Lines that pip and npm print for each package, which are hidden. uv prints only large downloads."""


class InstallError(Exception):
    """The set-up failed; the message says why and what to do."""


def install_venv(lock: str, environment: dict[str, str]) -> None:
    """Installs a lock, and the ``mlops`` command, into ``.venv``."""
    _ensure_uv(environment)
    _sync(VENV, lock, environment)
    options = ["--no-config", "--no-deps", "--no-index", "--no-build-isolation"]
    _run("uv", [UV, "pip", "install", *options, "--python", PYTHON, "--editable", PROJECT], environment)


def install_audit(environment: dict[str, str]) -> None:
    """Installs the tools that audit the template into ``.venv/audit``; they conflict with the other packages."""
    folder = VENV / "audit"
    _run("uv", [UV, "venv", "--quiet", "--clear", "--no-config", "--python", PYTHON, folder], environment)
    _sync(folder, "audit.txt", environment)


def install_clients(environment: dict[str, str]) -> None:
    """Installs the AWS CLI and SeedFarmer into ``.venv-clients``, with wheels and an npm cache for offline deployments.

    The folder is recreated each time, so that nothing is left of an interrupted set-up. The downloads run in parallel,
    since they mostly wait for the network.
    """
    shutil.rmtree(CLIENTS, ignore_errors=True)
    _run("uv", [UV, "venv", "--quiet", "--no-config", "--python", PYTHON, CLIENTS], environment)
    _sync(CLIENTS, "clients.txt", environment)
    locks = (PROJECT / "requirements.txt", LOCKS / "clients.txt", LOCKS / "oldest-pip.txt")
    with ThreadPoolExecutor() as pool:
        begun = [pool.submit(_download, lock, environment) for lock in locks]
        begun.append(pool.submit(_fill_npm_cache, environment))
    for each in begun:
        each.result()


def _download(lock: Path, environment: dict[str, str]) -> None:
    """Downloads what a lock names into ``wheels``."""
    own, wheels = CLIENTS / f"wheels-{lock.stem}", CLIENTS / "wheels"
    pip: list[str | Path] = [CLIENTS / "bin" / "python", "-m", "pip", "download", "--progress-bar=off"]
    # What has no wheel is looked into with the build tools of the same lock.
    options: list[str | Path] = ["--no-deps", "--no-build-isolation", "--require-hashes"]
    _run("pip", [*pip, *options, "--dest", own, "--requirement", lock], environment)
    wheels.mkdir(exist_ok=True)
    for file in own.iterdir():
        file.replace(wheels / file.name)
    own.rmdir()


def _fill_npm_cache(environment: dict[str, str]) -> None:
    module = CLIENTS / "module"
    module.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PROJECT / name, module)
    install_node(environment, "--omit=dev", "--cache", CLIENTS / "npm", folder=module)
    shutil.rmtree(module)


def install_node(environment: dict[str, str], *options: str | Path, folder: Path = PROJECT) -> None:
    """Installs ``package-lock.json`` into ``node_modules``."""
    _run("npm", [NPM, "ci", "--no-audit", "--no-fund", "--loglevel=warn", *options], environment, folder)


INSTALLERS: dict[str, Callable[[dict[str, str]], None]] = {
    "local": partial(install_venv, "local.txt"),
    "dev": partial(install_venv, "dev.txt"),
    "audit": install_audit,
    "clients": install_clients,
    "node": lambda environment: install_node(environment, "--omit=dev"),
    "node-dev": install_node,
}


def tool_environment() -> dict[str, str]:
    """Returns the environment variables for pip, uv and npm.

    Raises:
        InstallError: a variable for certificates does not name a file.
    """
    environment = PATIENCE | {name: value for name, value in os.environ.items() if name not in FOREIGN}
    environment["PATH"] = f"{BIN}{os.pathsep}{environment.get('PATH', os.defpath)}"
    environment |= {"UV_SYSTEM_CERTS": "1", "NODE_USE_SYSTEM_CA": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    bundle = certificate_bundle()
    if bundle is not None:
        environment |= dict.fromkeys(CERTIFICATE_VARIABLES, str(bundle))
    return environment


def certificate_bundle() -> Path | None:
    """Returns a file with all certificates to trust; None if neither the system nor a variable has any.

    Raises:
        InstallError: a variable does not name a file.
    """
    system = (ssl.get_default_verify_paths().openssl_cafile, *SYSTEM_BUNDLES)
    files = [Path(path) for path in system if Path(path).is_file()][:1]
    for name in CERTIFICATE_VARIABLES:
        value = os.environ.get(name)
        if value and not Path(value).is_file():
            raise InstallError(f"{name} is {value}, which is not a file; it must name a PEM file of CA certificates")
        files += [Path(value)] if value else []
    files = list(dict.fromkeys(file.resolve() for file in files))
    if len(files) < 2:  # noqa: PLR2004 - nothing to join
        return files[0] if files else None
    # Not in .venv, which may be recreated.
    bundle = PROJECT / ".certificates.pem"
    partial = bundle.with_suffix(f".{os.getpid()}")
    partial.write_bytes(b"\n".join(file.read_bytes() for file in files))
    return partial.replace(bundle)


def uv_mirror(environment: dict[str, str]) -> dict[str, str]:
    """Returns variables for uv with the mirror that pip is configured for; uv does not read pip's configuration.

    Without pip, as Debian's Python is at first, only pip's environment variables count.
    """
    if "UV_DEFAULT_INDEX" in environment:
        return {}
    command = [BASE_PYTHON, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    configured = dict(re.findall(r"(?m)^(?::env:|[\w-]+)\.([\w-]+)='(.*)'$", listed.stdout))
    names = {"index-url": "UV_DEFAULT_INDEX", "trusted-host": "UV_INSECURE_HOST", "proxy": "ALL_PROXY"}
    found = {name: environment.get(f"PIP_{name.upper().replace('-', '_')}") or configured.get(name) for name in names}
    return {names[name]: value for name, value in found.items() if value}


def sync_command(folder: Path, lock: Path) -> list[str | Path]:
    """Returns the command that makes a virtual environment match a lock."""
    python = folder / "bin" / "python"
    return [UV, "pip", "sync", "--no-config", "--python", python, "--require-hashes", lock]


def explain(tool: str, printed: str) -> str:
    """Explains why a tool failed and what to do; if the cause is unknown, returns its last lines."""
    for pattern, (cause, remedy) in CAUSES.items():
        found = re.search(pattern, printed)
        if found:
            return f"{tool} failed: {cause} ({found.group(0)}).\n       {remedy}"
    return f"{tool} failed; its last lines:\n" + "\n".join(printed.splitlines()[-20:])


def _ensure_uv(environment: dict[str, str]) -> None:
    """Creates ``.venv`` with uv, unless an earlier set-up already did."""
    if _works(PYTHON, "-c", "") and _works(UV, "--version"):
        return
    options: list[str | Path] = [
        "--no-deps",
        "--no-compile",
        "--progress-bar=off",
        "--require-hashes",
        "--requirement",
        LOCKS / "uv.txt",
    ]
    make_venv: list[str | Path] = [BASE_PYTHON, "-m", "venv", "--clear"]
    if _works(BASE_PYTHON, "-c", "import pip"):
        # Unpacking another pip into .venv would take seconds.
        _run("venv", [*make_venv, "--without-pip", VENV], environment)
        _run("pip", [BASE_PYTHON, "-m", "pip", "--python", PYTHON, "install", *options], environment)
    else:
        _run("venv", [*make_venv, VENV], environment)
        _run("pip", [PYTHON, "-m", "pip", "install", *options], environment)


def _sync(folder: Path, lock: str, environment: dict[str, str]) -> None:
    _run("uv", sync_command(folder, LOCKS / lock), environment | uv_mirror(environment))


def _run(tool: str, command: list[str | Path], environment: dict[str, str], folder: Path = PROJECT) -> None:
    """Runs a tool and passes on its output. Raises InstallError if it fails."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        ended = threading.Event()
        threading.Thread(target=_show_progress, args=(tool, ended), daemon=True).start()
        printed = []
        try:
            for line in process.stdout or ():
                printed.append(line)
                if not _BY_PACKAGE.match(line):
                    _say(f"{tool}: {line.rstrip()}")
        except BaseException:
            process.terminate()
            raise
        finally:
            ended.set()
    if process.returncode:
        raise InstallError(explain(tool, "".join(printed)))


def _show_progress(tool: str, ended: threading.Event) -> None:
    began = time.monotonic()
    while not ended.wait(15):
        _say(f"{tool}: still running after {time.monotonic() - began:.0f} s")


def _works(*command: str | Path) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _say(line: str) -> None:
    sys.stderr.write(f"set-up: {line}\n")
    sys.stderr.flush()


def main() -> int:
    """Runs the installation named on the command line; returns the exit code."""
    if len(sys.argv) != 2 or sys.argv[1] not in INSTALLERS:  # noqa: PLR2004 - the program and one name
        sys.stderr.write(f"usage: python3 requirements/install.py {'|'.join(INSTALLERS)}\n")
        return 2
    began = time.monotonic()
    try:
        INSTALLERS[sys.argv[1]](tool_environment())
    except InstallError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"error: {explain('the set-up', str(error))}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; run the same command again to continue\n")
        return 130
    _say(f"{sys.argv[1]} installed in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
