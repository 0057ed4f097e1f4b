"""Faults while starting an execution, and announcements of failed ones, on the deployed stack."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.stages import STAGES
from tests.e2e.conftest import DeployedStack
from tests.waiting import wait_until

pytestmark = pytest.mark.emulator

NOTHING_RUNS = {stage.key: {"run": False} for stage in STAGES}
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"

Variables = Callable[..., AbstractContextManager[None]]


class BusyS3(ThreadingHTTPServer):
    """A proxy to the emulator's S3 that answers 503 to the first requests.

    Args:
        port: the emulator's port.
        refusals: how many requests to answer with 503.
    """

    daemon_threads = True

    def __init__(self, port: int, *, refusals: int) -> None:
        super().__init__(("127.0.0.1", 0), _ProxyHandler)
        self.emulator = port
        self.refusals = refusals
        self.requests = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """The proxy's URL."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _ProxyHandler(BaseHTTPRequestHandler):
    server: BusyS3

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.requests += 1
            refused = self.server.requests <= self.server.refusals
        if refused:
            self._answer(503, SLOW_DOWN)
            return
        emulator = f"127.0.0.1:{self.server.emulator}"
        connection = http.client.HTTPConnection(emulator)
        connection.request("GET", self.path, headers=dict(self.headers) | {"Host": emulator})
        response = connection.getresponse()
        self._answer(response.status, response.read())
        connection.close()

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Disables logging."""


@pytest.fixture
def busy_s3(deployed_stack: DeployedStack) -> Iterator[Callable[[int], BusyS3]]:
    """Starts a proxy that answers 503 to the given number of requests."""
    started: list[BusyS3] = []

    def start(refusals: int) -> BusyS3:
        started.append(BusyS3(deployed_stack.emulator.port, refusals=refusals))
        threading.Thread(target=started[-1].serve_forever, daemon=True).start()
        return started[-1]

    yield start
    for proxy in started:
        proxy.shutdown()
        proxy.server_close()


@pytest.fixture
def variables(deployed_stack: DeployedStack) -> Variables:
    """Changes environment variables of the start function while a context is active."""
    client = deployed_stack.emulator.client("lambda")
    name = deployed_stack.metadata.function

    @contextmanager
    def changed(**others: str) -> Iterator[None]:
        before = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        client.update_function_configuration(FunctionName=name, Environment={"Variables": before | others})
        try:
            yield
        finally:
            client.update_function_configuration(FunctionName=name, Environment={"Variables": before})

    return changed


@pytest.fixture
def few_environments(deployed_stack: DeployedStack) -> Iterator[None]:
    """Limits the start function to six concurrent invocations, which this machine can run; others are throttled."""
    client = deployed_stack.emulator.client("lambda")
    name = deployed_stack.metadata.function
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=6)
    yield
    client.delete_function_concurrency(FunctionName=name)


def deliver(stack: DeployedStack, event_id: str) -> tuple[dict[str, Any], bool]:
    """Delivers an event as EventBridge and Lambda do, with retries if throttled."""
    while True:
        try:
            return stack.invoke(id=event_id, overrides=NOTHING_RUNS)
        except ClientError as error:
            if error.response["Error"]["Code"] != "TooManyRequestsException":
                raise
            time.sleep(0.2)


def executions(stack: DeployedStack) -> set[str]:
    """The ARNs of all executions."""
    pages = stack.emulator.client("stepfunctions").get_paginator("list_executions")
    listed = pages.paginate(stateMachineArn=stack.metadata.state_machine)
    return {item["executionArn"] for page in listed for item in page["executions"]}


@pytest.mark.usefixtures("few_environments")
def test_the_same_event_fifty_times_at_once(deployed_stack: DeployedStack) -> None:
    """An event delivered many times, concurrently and later, starts one execution; one response says that it did."""
    before = executions(deployed_stack)
    with ThreadPoolExecutor(50) as pool:
        pending = [pool.submit(deliver, deployed_stack, "fifty") for _ in range(50)]
        answers = [done.result() for done in pending]
    answers.append(deliver(deployed_stack, "fifty"))
    assert not any(failed for _, failed in answers), answers
    assert len({answer["executionArn"] for answer, _ in answers}) == 1
    assert sum(answer["started"] for answer, _ in answers) == 1
    assert len(executions(deployed_stack) - before) == 1


@pytest.mark.usefixtures("few_environments")
def test_sixty_events_at_once(deployed_stack: DeployedStack) -> None:
    """Sixty concurrent events, ten times the concurrency limit, start sixty executions: none is lost or doubled."""
    before = executions(deployed_stack)
    with ThreadPoolExecutor(60) as pool:
        pending = [pool.submit(deliver, deployed_stack, f"event-{number}") for number in range(60)]
        answers = [done.result() for done in pending]
    assert not any(failed for _, failed in answers), answers
    assert all(answer["started"] for answer, _ in answers)
    assert executions(deployed_stack) - before == {answer["executionArn"] for answer, _ in answers}
    assert len(executions(deployed_stack) - before) == 60


def test_without_its_state_machine(deployed_stack: DeployedStack, variables: Variables) -> None:
    """A start fails if the state machine does not exist; the error names the file, and nothing is started."""
    before = executions(deployed_stack)
    with variables(STATE_MACHINE_ARN=f"{deployed_stack.metadata.state_machine}-gone"):
        answer, failed = deployed_stack.invoke(id="nowhere", overrides=NOTHING_RUNS)
    assert failed
    where = f"s3://{deployed_stack.metadata.bucket}/demo/scripts/input.yaml"
    assert answer["errorMessage"].startswith(f"{where}: Step Functions did not start mlops-demo-")
    assert "StateMachineDoesNotExist" in answer["errorMessage"]
    assert executions(deployed_stack) == before
    # Once it exists again, the same event starts its execution.
    answer, failed = deployed_stack.invoke(id="nowhere", overrides=NOTHING_RUNS)
    assert (answer["started"], failed) == (True, False)


def test_an_undeliverable_event_is_a_dead_letter(deployed_stack: DeployedStack, variables: Variables) -> None:
    """An asynchronous event whose start keeps failing ends up, complete, in the dead-letter queue."""
    client = deployed_stack.emulator.client
    function, sqs = client("lambda"), client("sqs")
    name = deployed_stack.metadata.function.rpartition(":")[2]
    event = {
        "config": {"bucket": deployed_stack.metadata.bucket, "prefix": "demo/scripts/input.yaml"},
        "id": "given-up",
        "overrides": NOTHING_RUNS,
    }
    (queue,) = (url for url in sqs.list_queues()["QueueUrls"] if "DeadLetters" in url)
    # Lambda's pauses between retries would take minutes.
    latest = {"FunctionName": name, "Qualifier": "$LATEST"}
    config = function.get_function_event_invoke_config(**latest)["DestinationConfig"]
    function.put_function_event_invoke_config(**latest, MaximumRetryAttempts=0, DestinationConfig=config)
    try:
        with variables(STATE_MACHINE_ARN=f"{deployed_stack.metadata.state_machine}-gone"):
            function.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event))
            (letter,) = wait_until(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))
    finally:
        function.put_function_event_invoke_config(**latest, DestinationConfig=config)
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=letter["ReceiptHandle"])
    body = json.loads(letter["Body"])
    assert body["requestPayload"] == event
    assert "StateMachineDoesNotExist" in body["responsePayload"]["errorMessage"]


def test_s3_is_busy_twice(
    deployed_stack: DeployedStack, variables: Variables, busy_s3: Callable[[int], BusyS3]
) -> None:
    """If S3 answers 503 twice, the start succeeds on the third attempt."""
    s3 = busy_s3(2)
    with variables(AWS_ENDPOINT_URL_S3=s3.url):
        answer, failed = deployed_stack.invoke(overrides=NOTHING_RUNS)
    assert not failed, answer
    assert answer["started"] is True
    assert s3.requests == 3


def test_s3_is_busy_for_long(
    deployed_stack: DeployedStack, variables: Variables, busy_s3: Callable[[int], BusyS3]
) -> None:
    """If S3 keeps answering 503, the start fails with an error that Lambda retries."""
    with variables(AWS_ENDPOINT_URL_S3=busy_s3(100).url):
        answer, failed = deployed_stack.invoke(overrides=NOTHING_RUNS)
    assert failed
    assert "input.yaml: could not be read from S3" in answer["errorMessage"]
    assert "SlowDown" in answer["errorMessage"]


def test_a_failed_execution_is_announced(deployed_stack: DeployedStack) -> None:
    """The topic's subscribers get the name, stage, error, cause and link of a failed execution."""
    client = deployed_stack.emulator.client
    sqs, sns = client("sqs"), client("sns")
    queue = sqs.create_queue(QueueName="announced")["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    (topic,) = (item["TopicArn"] for item in sns.list_topics()["Topics"] if "Notifications" in item["TopicArn"])
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn, ReturnSubscriptionArn=True)
    started = client("stepfunctions").start_execution(
        stateMachineArn=deployed_stack.metadata.state_machine,
        name="mlops-demo-without-report",
        input=json.dumps({"approval": {"run": True, "metrics": [{"name": "auc", "minimum": 1}]}}),
    )

    def received() -> Any:
        messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", [])
        bodies = [json.loads(message["Body"]) for message in messages]
        return next((body for body in bodies if "without-report" in body["Message"]), None)

    try:
        announced = wait_until(received, timeout=30)
    finally:
        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    assert announced["Subject"] == "FAILED in approval: mlops-demo-without-report"
    for part in ("Stage:     approval (state approval: rejected)", "Error:     ReportMissing", started["executionArn"]):
        assert part in announced["Message"], announced["Message"]
