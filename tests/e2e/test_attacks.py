"""Attacks on a running environment, by pages in a real browser and by another user of the machine."""

import base64
import http
import http.client
import io
import json
import os
import platform
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.state import EnvironmentDir, State
from sagemaker_local.endpoint_router import VARIANT_HEADER
from sagemaker_local.guard import endpoint_token, job_key
from tests.e2e.checkout import CREDENTIALS, Checkout
from tests.e2e.conftest import FirstRun

pytestmark = pytest.mark.emulator

NAME = "attacked"
NOBODY = 65534
_OWNERS_ONLY = 0o077


@dataclass(frozen=True)
class Attack:
    """A harmful request, with the key that it needs to succeed."""

    port: int
    key: str
    path: str
    body: str
    headers: dict[str, str]

    def sent_by_a_program(self, authorization: str) -> int:
        """Sends the request with a plain HTTP client; returns the status, or 200 if a model has answered at all."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = self.headers | {"Authorization": authorization}
        connection.request("POST", self.path, body=self.body, headers=headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return 200 if VARIANT_HEADER in answer.headers else answer.status


@dataclass(frozen=True)
class Attacked:
    """The environment, and the attacks on its four kinds of ports."""

    state: State
    attacks: dict[str, Attack]

    @property
    def harm(self) -> list[str]:
        """The resources that the attacks have created."""
        made = []
        aws = self.state.connection.client
        functions = aws("lambda").list_functions()["Functions"]
        made += [function["FunctionName"] for function in functions if function["FunctionName"] == NAME]
        groups = aws("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"]
        return made + [group["ModelPackageGroupName"] for group in groups if group["ModelPackageGroupName"] == NAME]


@pytest.fixture(scope="module")
def attacked(checkout: Checkout, first_run: FirstRun) -> Iterator[Attacked]:  # noqa: ARG001 - it makes the endpoint
    """The environment with an endpoint."""
    state = EnvironmentDir(checkout.folder / "out" / "local").require_live()
    endpoint = checkout.status["endpoints"]["demo"]
    urls = {
        "emulator": (state.endpoint, state.key, "/2015-03-31/functions", function(), {}),
        "SageMaker": (
            state.sagemaker,
            state.key,
            "/",
            json.dumps({"ModelPackageGroupName": NAME}),
            {"X-Amz-Target": "SageMaker.CreateModelPackageGroup", "Content-Type": "application/x-amz-json-1.1"},
        ),
        "endpoint": (endpoint, endpoint_token(state.key, "demo"), "/invocations", '{"instances": []}', {}),
        # A command, even if unchanged sources leave it nothing to do.
        "control": (state.control, state.key, "/deploy", "{}", {}),
    }
    attacks = {
        kind: Attack(port=urlsplit(url).port or 0, key=key, path=path, body=body, headers=headers)
        for kind, (url, key, path, body, headers) in urls.items()
    }
    yield Attacked(state, attacks)
    state.connection.client("lambda").delete_function(FunctionName=NAME)


def function() -> str:
    """CreateFunction's body, with the attacker's code."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", "def handler(event, context): return open('/etc/passwd').read()")
    return json.dumps(
        {
            "FunctionName": NAME,
            "Runtime": "python3.13",
            "Role": "arn:aws:iam::000000000000:role/any",
            "Handler": "index.handler",
            "Code": {"ZipFile": base64.b64encode(packed.getvalue()).decode()},
        }
    )


@pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"),
    reason="the npm package with the browser has it for Linux on x86-64 only",
)
def test_pages_get_nothing(attacked: Attacked) -> None:
    """All requests of a page are rejected, and it reads nothing, even if its host name resolves to this machine."""
    targets = [
        {"port": attack.port, "path": attack.path, "body": attack.body, "headers": attack.headers}
        for attack in attacked.attacks.values()
    ]
    run = subprocess.run(
        [Path(sys.executable).with_name("node"), Path(__file__).parent / "attack.mjs", json.dumps(targets)],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    for kind, seen in zip(attacked.attacks, json.loads(run.stdout), strict=True):
        assert_refused(kind, seen["foreign"], readable=False)
        assert_refused(kind, seen["rebound"], readable=True)
    assert attacked.harm == []


def assert_refused(kind: str, ways: dict[str, dict[str, Any]], *, readable: bool) -> None:
    """Every request was rejected, or did not leave the browser; only a page of the same origin can read why."""
    for way, seen in ways.items():
        asks_first = not readable and way == "headers"  # a preflight, which a loopback server does not know
        assert seen["statuses"], (kind, way, seen)
        assert set(seen["statuses"]) <= ({403, 501} if asks_first else {403}), (kind, way, seen)
        if readable and way != "form":
            assert "web pages are rejected" in seen["read"] or "Host is 'evil.example" in seen["read"], (
                kind,
                way,
                seen,
            )
        elif not readable:
            assert not seen["read"], (kind, way, seen)


def test_jobs_reach_their_buckets_and_no_other_service(attacked: Attacked) -> None:
    """With the jobs' key, S3 answers, but no function can be created, whatever service the request claims to be for."""
    state, key = attacked.state, job_key(attacked.state.key)
    s3 = replace(state.connection, key=key).client("s3")
    assert s3.list_objects_v2(Bucket=state.metadata.bucket)["KeyCount"]
    for attack in attacked.attacks.values():
        for service in ("lambda", "s3", "monitoring"):
            credential = f"Credential={key}/20261124/us-east-1/{service}/aws4_request"
            signed = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"
            assert attack.sent_by_a_program(signed) >= http.HTTPStatus.BAD_REQUEST, (attack.path, service)
    assert attacked.harm == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_other_users_get_nothing(attacked: Attacked, checkout: Checkout) -> None:
    """Another user is rejected on each port, can read no file, and finds the key nowhere."""
    ports = {kind: [attack.port, attack.path, attack.body, attack.headers] for kind, attack in attacked.attacks.items()}
    ports["health"] = [attacked.state.port, "/_ministack/health", "{}", {}]
    ports["reset"] = [attacked.state.port, "/_ministack/reset", "{}", {}]
    ports["callback"] = [attacked.state.port, "/_ministack/cfn-response/x", "{}", {}]
    # As root until everything is imported, since the other user may have no access to this Python.
    run = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY, json.dumps(ports), attacked.state.folder],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["user"] == NOBODY
    assert {tuple(statuses) for statuses in found["statuses"].values()} == {(403,) * 4}, found["statuses"]
    assert found["read"] == []
    assert attacked.state.key not in found["command_lines"]
    assert str(checkout.folder) in found["command_lines"]  # proves that the processes were examined
    assert attacked.harm == []


_AS_NOBODY = f"""
import encodings.idna, http.client, json, os, sys
from pathlib import Path

os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})
ports, folder = json.loads(sys.argv[1]), Path(sys.argv[2])
SCOPE = "/20261124/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0"
GUESSES = ["", "Bearer test", *(f"AWS4-HMAC-SHA256 Credential={{key}}{{SCOPE}}" for key in ("test", "000000000000"))]

def status(port, path, body, headers, guess):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", path, body=body, headers=headers | {{"Authorization": guess}})
    return connection.getresponse().status

def readable(path):
    try:
        os.listdir(path) if path.is_dir() else path.read_bytes()
    except OSError:
        return False
    return True

command_lines = ""
read = [str(path) for path in (folder, folder / "state.json", folder / "daemon.log") if readable(path)]
for process in Path("/proc").glob("[0-9]*"):
    try:
        command_lines += (process / "cmdline").read_bytes().replace(b"\\0", b" ").decode(errors="replace")
        if str(folder.parent.parent) in command_lines.rpartition("\\n")[2] and readable(process / "environ"):
            read.append(str(process))
    except OSError:
        continue
    command_lines += "\\n"
statuses = {{kind: [status(*request, guess) for guess in GUESSES] for kind, request in ports.items()}}
print(json.dumps(dict(user=os.getuid(), statuses=statuses, read=read, command_lines=command_lines)))
"""


def test_files_are_their_owners(attacked: Attacked) -> None:
    """Only their owner can enter the environment's folder and the folders in it."""
    folder = Path(attacked.state.folder)
    assert not folder.stat().st_mode & _OWNERS_ONLY
    assert not [path for path in folder.iterdir() if path.stat().st_mode & _OWNERS_ONLY]
    emulators = [path for path in (folder / "scratch").iterdir() if path.name.startswith("mlops-emulator-")]
    assert emulators  # with the code of its functions, and its state


@pytest.mark.usefixtures("attacked")
def test_nothing_keeps_the_shells_credentials(checkout: Checkout) -> None:
    """No process of the environment has the AWS variables of the shell that started it."""
    kept = []
    seen = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, variables = (process / "cmdline").read_text(), (process / "environ").read_text()
        except OSError:
            continue
        if process.name != str(os.getpid()) and str(checkout.folder) in command + variables:
            seen += 1
            kept += [command for value in CREDENTIALS.values() if f"={value}\0" in variables]
    assert seen > 2
    assert kept == []


def test_the_attacks_are_real(attacked: Attacked) -> None:
    """The same requests succeed if a program sends them with the key."""
    for kind, attack in attacked.attacks.items():
        assert attack.sent_by_a_program("Bearer of-nobody") == 403, kind
    assert attacked.harm == []
    for kind, attack in attacked.attacks.items():
        assert attack.sent_by_a_program(f"Bearer {attack.key}") in (200, 201), kind
    assert attacked.harm == [NAME, NAME]
    assert attacked.attacks["emulator"].sent_by_a_program(f"Bearer {attacked.attacks['endpoint'].key}") == 403
