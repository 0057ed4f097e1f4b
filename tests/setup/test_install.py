"""The set-up: explanations of failures, trusted certificates, and continuing after an interruption."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from requirements import install
from tests.setup.package_index import PROJECT, PackageIndex

UV_LOCK = PROJECT / "requirements" / "uv.txt"

pytestmark = pytest.mark.usefixtures("clients_installed")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout's files for the set-up, in a folder with a space and an umlaut in its name."""
    folder = tmp_path / "ein Prüfling"
    shutil.copytree(PROJECT / "requirements", folder / "requirements", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@dataclass(frozen=True)
class Certificates:
    """An untrusted authority, and a certificate that it has signed."""

    authority: Path
    """Its certificate."""
    server: Path
    """A key, and its certificate for localhost."""


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The certificates of an organisation that inspects TLS."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("authority", "localhost")]
    now = datetime.now(UTC)
    built = [
        x509.CertificateBuilder()
        .subject_name(names[level])
        .issuer_name(names[0])
        .public_key(keys[level].public_key())
        .serial_number(level + 1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=level == 0, path_length=None), critical=True)
        .sign(keys[0], hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
        for level in range(2)
    ]
    folder = tmp_path_factory.mktemp("tls")
    made = Certificates(folder / "authority.pem", folder / "server.pem")
    made.authority.write_bytes(built[0])
    key = keys[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    made.server.write_bytes(key + built[1])
    return made


@pytest.fixture
def tls_index(certificates: Certificates) -> Iterator[PackageIndex]:
    """An index with the server's certificate."""
    index = PackageIndex(UV_LOCK)
    with index.served(certificates.server):
        yield index


def set_up(checkout: Path, name: str = "local", **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs one installation as ``make`` does, with these environment variables only."""
    home = checkout.parent / "home"
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [Path(sys.executable).resolve(), checkout / "requirements" / "install.py", name],
        env={"PATH": os.defpath, "HOME": str(home), "PIP_CONFIG_FILE": os.devnull} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_setup_without_a_network(checkout: Path) -> None:
    """The error says that the registry cannot be reached and what to do, after pip's own output."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        done = set_up(checkout, PIP_INDEX_URL=f"http://127.0.0.1:{unused.getsockname()[1]}/simple/")
    assert done.returncode == 1
    assert "set-up: pip: " in done.stderr
    assert "error: pip failed: the registry cannot be reached" in done.stderr
    assert "HTTPS_PROXY" in done.stderr
    assert "Traceback" not in done.stderr


def test_untrusted_certificate(checkout: Path, tls_index: PackageIndex) -> None:
    """Behind a proxy that inspects TLS, the error says how to set the CA file."""
    done = set_up(checkout, PIP_INDEX_URL=tls_index.url)
    assert done.returncode == 1
    assert "certificate is not trusted" in done.stderr
    assert "SSL_CERT_FILE=/path/to/ca.pem make" in done.stderr
    assert tls_index.asked == []


def test_certificate_for_one_tool_is_used_by_all(
    checkout: Path, tls_index: PackageIndex, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Node's variable is enough for pip and uv, too."""
    variable = {"NODE_EXTRA_CA_CERTS": str(certificates.authority)}
    done = set_up(checkout, PIP_INDEX_URL=tls_index.url, **variable)
    assert "/simple/uv/" in tls_index.asked  # by pip
    assert "uv failed: the index does not have a package" in done.stderr, done.stderr
    environment = trusting(variable, checkout, monkeypatch)
    script = f"fetch({tls_index.url + 'uv/'!r}).then(answer => console.log(answer.status))"
    fetched = subprocess.run(
        [install.BIN / "node", "--eval", script], env=environment, capture_output=True, text=True, check=False
    )
    assert fetched.stdout == "200\n", fetched.stderr


@pytest.mark.parametrize("variable", install.CERTIFICATE_VARIABLES)
def test_certificates_of_each_variable_are_added_to_the_systems(
    variable: str, checkout: Path, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever variable is set, every tool trusts its file and the system's certificates."""
    before = trusting({}, checkout, monkeypatch).get("SSL_CERT_FILE")
    environment = trusting({variable: str(certificates.authority)}, checkout, monkeypatch)
    (bundle,) = {environment[name] for name in install.CERTIFICATE_VARIABLES}
    assert certificates.authority.read_text() in Path(bundle).read_text()
    assert before is None or Path(before).read_text() in Path(bundle).read_text()


def trusting(variables: dict[str, str], checkout: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of the set-up's tools with only these variables for certificates."""
    monkeypatch.setattr(install, "PROJECT", checkout)
    for name in install.CERTIFICATE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return install.tool_environment()


def test_variable_for_certificates_must_name_a_file(checkout: Path) -> None:
    """A missing file is reported before anything is downloaded."""
    done = set_up(checkout, PIP_CERT="/nowhere/ca.pem")
    assert done.returncode == 1
    assert "error: PIP_CERT is /nowhere/ca.pem, which is not a file" in done.stderr


@pytest.mark.parametrize("leftover", ["a Python that does not start", "no uv"])
def test_an_interrupted_setup_continues(leftover: str, checkout: Path) -> None:
    """After an interruption, the next set-up repairs .venv, installs uv and continues."""
    venv = checkout / ".venv"
    if leftover == "no uv":
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    else:
        (venv / "bin").mkdir(parents=True)
        (venv / "bin" / "python").symlink_to("/nowhere/python3")
    index = PackageIndex(UV_LOCK)
    with index.served():
        done = set_up(checkout, PIP_INDEX_URL=index.url)
    assert subprocess.run([venv / "bin" / "uv", "--version"], check=False, capture_output=True).returncode == 0, (
        done.stderr
    )
    # This index has no other packages; uv uses it since it is pip's mirror.
    assert "error: uv failed: the index does not have a package that the lock names" in done.stderr


@pytest.mark.parametrize("version", [(3, 10, 13), (3, 15, 0)])
def test_unsupported_python_is_named(version: tuple[int, int, int]) -> None:
    """A Python that is too old, or newer than any tested one, is rejected; the error says what to type."""
    program = (
        "import runpy, sys, types\n"
        f"sys.version_info = {version}; sys.version = '{'.'.join(map(str, version))} (main)'\n"
        f"runpy.run_path({str(PROJECT / 'requirements' / 'install.py')!r}, run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"Python 3.11 to 3.14 is required, but {sys.executable} is {'.'.join(map(str, version))}" in done.stderr
    assert "make PYTHON=python3.12" in done.stderr


@pytest.mark.parametrize(
    ("printed", "cause"),
    [
        ("npm error code SELF_SIGNED_CERT_IN_CHAIN", "probably inspects TLS (SELF_SIGNED_CERT_IN_CHAIN)"),
        ("error: Failed to write: No space left on device (os error 28)", "the disk is full"),
        ("npm error code EINTEGRITY", "a file that does not match the lock's hash"),
        ("dns error: failed to lookup address information", "cannot be reached"),
        ("npm error code ETARGET", "does not have a package"),
        ("The virtual environment was not created: ensurepip is not available", "this Python has no venv"),
        ("error: failed to create `x`: Permission denied (os error 13)", "a file cannot be written"),
    ],
)
def test_failure_of_a_tool_is_explained(printed: str, cause: str) -> None:
    """Error messages of pip, uv, npm and venv are explained with a cause and a remedy."""
    explained = install.explain("npm", f"first\n{printed}\nlast")
    assert cause in explained
    assert explained.startswith("npm failed: ")


def test_unknown_failure_shows_the_last_lines() -> None:
    """If the cause is unknown, the tool's last lines are shown."""
    assert install.explain("npm", "".join(f"line {n}\n" for n in range(50))).splitlines()[-1] == "line 49"
