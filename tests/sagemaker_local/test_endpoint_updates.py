"""Endpoints: updates, rollbacks, variants, restarts and deletion."""

import errno
import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from textwrap import dedent

import pytest

from sagemaker_local.mounts import best_view
from tests.sagemaker_local.demo_endpoint import invoke, launchers, post, wait_until_settled
from tests.sagemaker_local.sandbox import BROKEN, SHOUT, Sandbox, needs_namespaces

Make = Callable[..., None]
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/demo"
SERVERLESS = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}

pytestmark = needs_namespaces


def test_model_server_dies(sandbox: Sandbox, endpoint: Make) -> None:
    """A model server that exits during a request causes a model error instead of a hanging request."""
    endpoint(script=SHOUT.replace('print("rows:", len(rows))', "import os; os._exit(3)"))
    failure = sandbox.fail("invokeEndpoint", {"EndpointName": "demo", "Body": "a", "ContentType": "text/csv"})
    assert failure.error == "SageMakerRuntime.ModelErrorException"
    assert "the model server closed the connection" in failure.cause
    assert post(sandbox.sagemaker.endpoint_url("demo") or "")[0] == 502


def test_update_under_load(sandbox: Sandbox, endpoint: Make, configure: Make) -> None:
    """An update fails no requests, and the port stays the same."""
    slow = SHOUT.replace('print("rows:"', 'import time; time.sleep(0.02); print("rows:"')
    endpoint(script=slow)
    configure("second", slow, "?")
    url = sandbox.sagemaker.endpoint_url("demo") or ""
    answers: list[tuple[int, str, bytes]] = []
    done = threading.Event()

    def load() -> None:
        while not done.is_set():
            answers.append(post(url))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    sandbox.run("updateEndpoint", {"EndpointName": "demo", "EndpointConfigName": "second"})
    assert sandbox.run("describeEndpoint", {"EndpointName": "demo"})["EndpointStatus"] == "Updating"
    described = wait_until_settled(sandbox)
    time.sleep(0.2)
    done.set()
    for thread in threads:
        thread.join()
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "second")
    assert {status for status, _, _ in answers} == {200}
    assert {body for _, _, body in answers} == {b"A!", b"A?"}
    assert sandbox.sagemaker.endpoint_url("demo") == url
    assert invoke(sandbox)["Body"] == "A?"


def test_update_rolled_back(sandbox: Sandbox, endpoint: Make, configure: Make) -> None:
    """A failed update leaves the old configuration in service and reports the reason."""
    endpoint()
    configure("second", BROKEN)
    sandbox.run("updateEndpoint", {"EndpointName": "demo", "EndpointConfigName": "second"})
    described = wait_until_settled(sandbox)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "first")
    assert "did not pass the ping health check" in described["FailureReason"]
    assert invoke(sandbox)["Body"] == "A!"
    configure("third", mark="?")
    sandbox.run("updateEndpoint", {"EndpointName": "demo", "EndpointConfigName": "third"})
    assert "FailureReason" not in wait_until_settled(sandbox)


def test_in_progress(sandbox: Sandbox, endpoint: Make, configure: Make) -> None:
    """An endpoint cannot be updated or deleted during an update."""
    endpoint()
    configure("slow", f"import time; time.sleep(0.5)\n{dedent(SHOUT)}")
    request = {"EndpointName": "demo", "EndpointConfigName": "slow"}
    sandbox.run("updateEndpoint", request)
    for action, given in (("updateEndpoint", request), ("deleteEndpoint", {"EndpointName": "demo"})):
        failure = sandbox.fail(action, given)
        assert failure.error == "SageMaker.SageMakerException"
        assert failure.cause.startswith(f'Cannot update in-progress endpoint "{ARN}". (Service: SageMaker, Status')
    assert wait_until_settled(sandbox)["EndpointConfigName"] == "slow"


def test_delete(sandbox: Sandbox, endpoint: Make) -> None:
    """Deleting an endpoint frees its name and its port, and removes its servers and their files."""
    endpoint()
    assert launchers(sandbox) > 0
    url = sandbox.sagemaker.endpoint_url("demo")
    assert sandbox.run("deleteEndpoint", {"EndpointName": "demo"}) == {}
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{url}/ping", timeout=5)  # noqa: S310 - a URL on this machine
    assert sandbox.sagemaker.endpoint_url("demo") is None
    assert launchers(sandbox) == 0
    assert not [path for path in (sandbox.folder / "jobs").rglob("*") if path.is_file()]
    failure = sandbox.fail("describeEndpoint", {"EndpointName": "demo"})
    assert failure.cause.startswith(f'Could not find endpoint "{ARN}".')
    assert sandbox.run("listEndpoints", {})["Endpoints"] == []


def test_variants(sandbox: Sandbox, configure: Make) -> None:
    """Requests are distributed by the variants' weights; TargetVariant selects one."""
    configure("first")
    configure("second", mark="?")
    variants = [
        {"VariantName": name, "ModelName": name, "InitialVariantWeight": weight, "ServerlessConfig": SERVERLESS}
        for name, weight in (("first", 3), ("second", 1))
    ]
    sandbox.run("createEndpointConfig", {"EndpointConfigName": "both", "ProductionVariants": variants})
    sandbox.run("createEndpoint", {"EndpointName": "demo", "EndpointConfigName": "both"})
    assert [variant["CurrentWeight"] for variant in wait_until_settled(sandbox)["ProductionVariants"]] == [3, 1]
    answers = [invoke(sandbox)["Body"] for _ in range(8)]
    assert (answers.count("A!"), answers.count("A?")) == (6, 2)
    assert invoke(sandbox, TargetVariant="second")["InvokedProductionVariant"] == "second"
    assert (
        sandbox.fail("invokeEndpoint", {"EndpointName": "demo", "Body": "a", "TargetVariant": "third"}).error
        == "SageMakerRuntime.ValidationErrorException"
    )


def test_stop(sandbox: Sandbox, configure: Make) -> None:
    """Stopping SageMaker also stops an endpoint that is still being created, before its model is loaded."""
    configure("slow", "import os, time; print(os.getpid(), flush=True); time.sleep(60); print('loaded', flush=True)")
    sandbox.run("createEndpoint", {"EndpointName": "demo", "EndpointConfigName": "slow"})
    while not sandbox.lines:
        time.sleep(0.01)
    sandbox.sagemaker.stop()
    assert launchers(sandbox) == 0
    assert "loaded" not in sandbox.lines
    assert sandbox.run("listEndpoints", {})["Endpoints"] == []


def test_one_variant_fails(sandbox: Sandbox, configure: Make) -> None:
    """If one of two variants does not start, the endpoint fails, and the other's server is stopped."""
    configure("first", f"print('loaded', flush=True)\n{dedent(SHOUT)}")
    configure("second", BROKEN)
    variants = [{"VariantName": name, "ModelName": name} for name in ("first", "second")]
    sandbox.run("createEndpointConfig", {"EndpointConfigName": "both", "ProductionVariants": variants})
    sandbox.run("createEndpoint", {"EndpointName": "demo", "EndpointConfigName": "both"})
    described = wait_until_settled(sandbox)
    assert described["EndpointStatus"] == "Failed"
    assert "production variant second did not pass" in described["FailureReason"]
    assert "loaded" in sandbox.lines
    assert launchers(sandbox) == 0


def test_restart(sandbox: Sandbox, endpoint: Make) -> None:
    """A model server that dies in service is restarted, and requests wait for it."""
    script = SHOUT.replace('print("rows:", len(rows))', "import os; rows == ['die'] and os._exit(9)")
    endpoint(script=script)
    url = sandbox.sagemaker.endpoint_url("demo") or ""
    assert post(url, b"die")[0] == 502
    assert post(url) == (200, "text/csv", b"A!")
    assert sandbox.run("describeEndpoint", {"EndpointName": "demo"})["EndpointStatus"] == "InService"
    assert any("being restarted" in line for line in sandbox.lines)


def test_repeated_crashes(sandbox: Sandbox, endpoint: Make) -> None:
    """An endpoint whose server keeps dying fails with a reason and is out of service."""
    dies = "import os, threading; threading.Timer(0.3, os._exit, [9]).start()"
    endpoint(script=f"{dies}\n{dedent(SHOUT)}")
    until = time.monotonic() + 60
    while (described := sandbox.run("describeEndpoint", {"EndpointName": "demo"}))["EndpointStatus"] == "InService":
        assert time.monotonic() < until
        time.sleep(0.05)
    assert described["EndpointStatus"] == "Failed"
    assert "production variant AllTraffic" in described["FailureReason"]
    assert sandbox.fail("invokeEndpoint", {"EndpointName": "demo", "Body": "a"}).cause.startswith(
        "Endpoint demo of acc"
    )
    sandbox.run("deleteEndpoint", {"EndpointName": "demo"})
    assert launchers(sandbox) == 0


def test_offline(sandbox: Sandbox, endpoint: Make) -> None:
    """A model with network isolation is served but cannot connect anywhere, not even to this machine's ports."""
    if best_view() != "isolated":
        pytest.skip("this machine cannot isolate a job")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        script = SHOUT.replace(
            'print("rows:", len(rows))',
            f"import socket; return [str(socket.socket().connect_ex(('127.0.0.1', {port})))]",
        )
        endpoint(script=script, isolated=True)
        assert invoke(sandbox)["Body"] == str(errno.ECONNREFUSED)
