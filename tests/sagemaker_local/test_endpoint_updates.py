"""Endpoints that change: updated, rolled back, shared out, deleted, stopped."""

import errno
import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from textwrap import dedent

import pytest

from sagemaker_local.mounts import view_of_this_machine
from tests.sagemaker_local.hosted import invoke, launchers, post, settled
from tests.sagemaker_local.place import BROKEN, SHOUT, Place, needs_namespaces

Hosted = Callable[..., None]
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/demo"
SERVERLESS = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}

pytestmark = needs_namespaces


def test_model_server_dies(place: Place, endpoint: Hosted) -> None:
    """A model server that ends in the midst of a request is a model error, not a request without an end."""
    endpoint(script=SHOUT.replace('print("rows:", len(rows))', "import os; os._exit(3)"))
    failure = place.fail("invokeEndpoint", {"EndpointName": "demo", "Body": "a", "ContentType": "text/csv"})
    assert failure.error == "SageMakerRuntime.ModelErrorException"
    assert "the model server closed the connection" in failure.cause
    assert post(place.sagemaker.endpoint_url("demo") or "")[0] == 502


def test_update_under_load(place: Place, endpoint: Hosted, configure: Hosted) -> None:
    """An update loses no request, on the same port, and a request stays with the model that it began with."""
    slow = SHOUT.replace('print("rows:"', 'import time; time.sleep(0.02); print("rows:"')
    endpoint(script=slow)
    configure("second", slow, "?")
    url = place.sagemaker.endpoint_url("demo") or ""
    answers: list[tuple[int, str, bytes]] = []
    done = threading.Event()

    def load() -> None:
        while not done.is_set():
            answers.append(post(url))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    place.run("updateEndpoint", {"EndpointName": "demo", "EndpointConfigName": "second"})
    assert place.run("describeEndpoint", {"EndpointName": "demo"})["EndpointStatus"] == "Updating"
    described = settled(place)
    time.sleep(0.2)
    done.set()
    for thread in threads:
        thread.join()
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "second")
    assert {status for status, _, _ in answers} == {200}
    assert {body for _, _, body in answers} == {b"A!", b"A?"}
    assert place.sagemaker.endpoint_url("demo") == url
    assert invoke(place)["Body"] == "A?"


def test_update_rolled_back(place: Place, endpoint: Hosted, configure: Hosted) -> None:
    """An update that does not come up leaves the old configuration in service and says why."""
    endpoint()
    configure("second", BROKEN)
    place.run("updateEndpoint", {"EndpointName": "demo", "EndpointConfigName": "second"})
    described = settled(place)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "first")
    assert "did not pass the ping health check" in described["FailureReason"]
    assert invoke(place)["Body"] == "A!"
    configure("third", mark="?")
    place.run("updateEndpoint", {"EndpointName": "demo", "EndpointConfigName": "third"})
    assert "FailureReason" not in settled(place)


def test_in_progress(place: Place, endpoint: Hosted, configure: Hosted) -> None:
    """An endpoint that is being updated can be neither updated nor deleted."""
    endpoint()
    configure("slow", f"import time; time.sleep(0.5)\n{dedent(SHOUT)}")
    request = {"EndpointName": "demo", "EndpointConfigName": "slow"}
    place.run("updateEndpoint", request)
    for action, given in (("updateEndpoint", request), ("deleteEndpoint", {"EndpointName": "demo"})):
        failure = place.fail(action, given)
        assert failure.error == "SageMaker.SageMakerException"
        assert failure.cause.startswith(f'Cannot update in-progress endpoint "{ARN}". (Service: SageMaker, Status')
    assert settled(place)["EndpointConfigName"] == "slow"


def test_delete(place: Place, endpoint: Hosted) -> None:
    """A deleted endpoint is gone: its name, its port, its servers and their files."""
    endpoint()
    assert launchers(place) > 0
    url = place.sagemaker.endpoint_url("demo")
    assert place.run("deleteEndpoint", {"EndpointName": "demo"}) == {}
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{url}/ping", timeout=5)  # noqa: S310 - the URL is of this machine
    assert place.sagemaker.endpoint_url("demo") is None
    assert launchers(place) == 0
    assert not [path for path in (place.folder / "jobs").rglob("*") if path.is_file()]
    failure = place.fail("describeEndpoint", {"EndpointName": "demo"})
    assert failure.cause.startswith(f'Could not find endpoint "{ARN}".')
    assert place.run("listEndpoints", {})["Endpoints"] == []


def test_variants(place: Place, configure: Hosted) -> None:
    """Requests are shared out by the variants' weights, and one may ask for a variant."""
    configure("first")
    configure("second", mark="?")
    variants = [
        {"VariantName": name, "ModelName": name, "InitialVariantWeight": weight, "ServerlessConfig": SERVERLESS}
        for name, weight in (("first", 3), ("second", 1))
    ]
    place.run("createEndpointConfig", {"EndpointConfigName": "both", "ProductionVariants": variants})
    place.run("createEndpoint", {"EndpointName": "demo", "EndpointConfigName": "both"})
    assert [variant["CurrentWeight"] for variant in settled(place)["ProductionVariants"]] == [3, 1]
    answers = [invoke(place)["Body"] for _ in range(8)]
    assert (answers.count("A!"), answers.count("A?")) == (6, 2)
    assert invoke(place, TargetVariant="second")["InvokedProductionVariant"] == "second"
    assert (
        place.fail("invokeEndpoint", {"EndpointName": "demo", "Body": "a", "TargetVariant": "third"}).error
        == "SageMakerRuntime.ValidationErrorException"
    )


def test_stop(place: Place, configure: Hosted) -> None:
    """Stopping ends endpoints too, also one that is just being created, before its model is loaded."""
    configure("slow", "import os, time; print(os.getpid(), flush=True); time.sleep(60); print('loaded', flush=True)")
    place.run("createEndpoint", {"EndpointName": "demo", "EndpointConfigName": "slow"})
    while not place.lines:
        time.sleep(0.01)
    place.sagemaker.stop()
    assert launchers(place) == 0
    assert "loaded" not in place.lines
    assert place.run("listEndpoints", {})["Endpoints"] == []


def test_one_variant_fails(place: Place, configure: Hosted) -> None:
    """An endpoint of two variants, of which one does not come up, has failed, and leaves no server of the other."""
    configure("first", f"print('loaded', flush=True)\n{dedent(SHOUT)}")
    configure("second", BROKEN)
    variants = [{"VariantName": name, "ModelName": name} for name in ("first", "second")]
    place.run("createEndpointConfig", {"EndpointConfigName": "both", "ProductionVariants": variants})
    place.run("createEndpoint", {"EndpointName": "demo", "EndpointConfigName": "both"})
    described = settled(place)
    assert described["EndpointStatus"] == "Failed"
    assert "production variant second did not pass" in described["FailureReason"]
    assert "loaded" in place.lines
    assert launchers(place) == 0


def test_restart(place: Place, endpoint: Hosted) -> None:
    """A model server that is killed in service is started again, and a request that comes meanwhile waits for it."""
    script = SHOUT.replace('print("rows:", len(rows))', "import os; rows == ['die'] and os._exit(9)")
    endpoint(script=script)
    url = place.sagemaker.endpoint_url("demo") or ""
    assert post(url, b"die")[0] == 502
    assert post(url) == (200, "text/csv", b"A!")
    assert place.run("describeEndpoint", {"EndpointName": "demo"})["EndpointStatus"] == "InService"
    assert any("started again" in line for line in place.lines)


def test_given_up(place: Place, endpoint: Hosted) -> None:
    """An endpoint whose server dies again and again has failed, with the reason, and is not invoked any more."""
    dies = "import os, threading; threading.Timer(0.3, os._exit, [9]).start()"
    endpoint(script=f"{dies}\n{dedent(SHOUT)}")
    until = time.monotonic() + 60
    while (described := place.run("describeEndpoint", {"EndpointName": "demo"}))["EndpointStatus"] == "InService":
        assert time.monotonic() < until
        time.sleep(0.05)
    assert described["EndpointStatus"] == "Failed"
    assert "production variant AllTraffic" in described["FailureReason"]
    assert place.fail("invokeEndpoint", {"EndpointName": "demo", "Body": "a"}).cause.startswith("Endpoint demo of acc")
    place.run("deleteEndpoint", {"EndpointName": "demo"})
    assert launchers(place) == 0


def test_offline(place: Place, endpoint: Hosted) -> None:
    """A model with network isolation is served, and reaches nothing itself, not even this machine's own ports."""
    if view_of_this_machine() != "isolated":
        pytest.skip("this machine cannot isolate a job")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        script = SHOUT.replace(
            'print("rows:", len(rows))',
            f"import socket; return [str(socket.socket().connect_ex(('127.0.0.1', {port})))]",
        )
        endpoint(script=script, isolated=True)
        assert invoke(place)["Body"] == str(errno.ECONNREFUSED)
