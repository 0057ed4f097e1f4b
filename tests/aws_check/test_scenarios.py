"""The answers that scenarios read from what AWS answers, here from recorded answers in botocore's shapes."""

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import ANY

from aws_check.assumptions import CONFIRMED, NOT_SETTLED, REFUTED, Answer
from aws_check.context import Context, Ended, NotPossibleError, ScenarioError
from aws_check.history import Failure, failures
from aws_check.models import broken, deploying, echo
from aws_check.names import is_own, is_own_bucket
from aws_check.scenarios.log_group import renamed, verdict_on
from aws_check.scenarios.traces import answers
from aws_check.scenarios.trail import trail
from aws_check.scenarios.variants import serverless_variants
from tests.aws_check.account import MACHINE, SHIPPED, Account

ROLE = "arn:aws:iam::123456789012:role/mlops-aws-check-WorkflowRole-1A2B"
REFUSAL = "An error occurred: DataCapture is not supported for serverless endpoints."


def only(found: Iterator[Answer]) -> Answer:
    (answer,) = found
    return answer


@pytest.mark.parametrize(("accepted", "verdict"), [(False, CONFIRMED), (True, NOT_SETTLED)])
def test_serverless_variants(*, accepted: bool, verdict: str, recorded: Account, context: Context) -> None:
    """Three refusals confirm the assumption; an accepted config does not, and is deleted."""
    container = {"Image": "image", "ModelDataUrl": "s3://bucket/model.tar.gz"}
    model = {"ModelName": f"model-{SHIPPED}", "ModelArn": "a" * 20, "CreationTime": datetime.now(UTC)}
    recorded.expect("sagemaker", "describe_model", model | {"PrimaryContainer": container, "ExecutionRoleArn": ROLE})
    isolated = {"ModelName": "model-mlops-aws-check-probe", "EnableNetworkIsolation": True, "ExecutionRoleArn": ROLE}
    recorded.expect("sagemaker", "create_model", {"ModelArn": "a" * 20}, isolated | {"PrimaryContainer": container})
    recorded.refuse("sagemaker", "create_endpoint_config", "ValidationException", REFUSAL)
    recorded.refuse("sagemaker", "create_endpoint_config", "ValidationException", "only one variant")
    if accepted:
        request = {"EndpointConfigName": "mlops-aws-check-probe", "ProductionVariants": ANY}
        recorded.expect("sagemaker", "create_endpoint_config", {"EndpointConfigArn": "a" * 20}, request)
        recorded.expect("sagemaker", "delete_endpoint_config", {}, {"EndpointConfigName": "mlops-aws-check-probe"})
    else:
        recorded.refuse("sagemaker", "create_endpoint_config", "ValidationException", "no isolation")
    answer = only(serverless_variants(context))
    assert (answer.number, answer.verdict) == (12, verdict)
    assert f"data capture: {REFUSAL}" in answer.evidence
    assert ("network isolation: accepted" in answer.evidence) is accepted


def test_without_the_shipped_input_there_is_nothing_to_ask(context: Context) -> None:
    """Scenarios that need its model are not possible."""
    context.shipped = None
    with pytest.raises(NotPossibleError, match="shipped input left no model"):
        list(serverless_variants(context))


def event(name: str, role: str) -> dict[str, Any]:
    arn = f"arn:aws:sts::123456789012:assumed-role/{role}/session"
    return {"EventName": name, "CloudTrailEvent": json.dumps({"userIdentity": {"arn": arn}})}


def test_trail(recorded: Account, context: Context) -> None:
    """Only calls under the state machine's role confirm; what CloudTrail does not have yet refutes nothing."""
    machine = {"stateMachineArn": MACHINE, "name": "machine", "definition": "{}", "roleArn": ROLE}
    machine |= {"type": "STANDARD", "creationDate": datetime.now(UTC)}  # type: ignore[dict-item]
    recorded.expect("stepfunctions", "describe_state_machine", machine)
    role = ROLE.rpartition("/")[2]
    recorded.expect("cloudtrail", "lookup_events", {"Events": [event("ListTags", role), event("ListTags", "other")]})
    recorded.expect("cloudtrail", "lookup_events", {"Events": [event("BatchGetImage", "other")]})
    recorded.expect("cloudtrail", "lookup_events", {"Events": []})
    tags, images = trail(context)
    assert (tags.number, tags.verdict) == (7, CONFIRMED)
    assert "1 calls of ListTags" in tags.evidence
    assert (images.number, images.verdict) == (8, NOT_SETTLED)


def change(**machine: str) -> list[dict[str, Any]]:
    group = {"ResourceType": "AWS::Logs::LogGroup", "Action": "Modify", "Replacement": "True"}
    return [
        {"ResourceChange": each} for each in (group, {"ResourceType": "AWS::StepFunctions::StateMachine"} | machine)
    ]


@pytest.mark.parametrize(
    ("machine", "verdict"),
    [
        ({"Action": "Modify", "Replacement": "False"}, CONFIRMED),
        ({"Action": "Modify", "Replacement": "Conditional"}, REFUTED),
        ({"Action": "Modify"}, NOT_SETTLED),
    ],
)
def test_renamed_log_group(machine: dict[str, str], verdict: str) -> None:
    """Only a change set that says so confirms that the state machine is changed in place."""
    assert verdict_on(change(**machine)).verdict == verdict


def test_only_the_state_machines_log_group_is_renamed(template: dict[str, Any]) -> None:
    """The template of the change set differs in one name."""
    changed = renamed(json.loads(json.dumps(template)))
    different = {
        name: resource["Type"]
        for name, resource in changed["Resources"].items()
        if resource != template["Resources"][name]
    }
    assert list(different.values()) == ["AWS::Logs::LogGroup"]
    with pytest.raises(ScenarioError, match="0 log groups"):
        renamed({"Resources": {}})


def entered(state: str) -> dict[str, Any]:
    return {"type": "TaskStateEntered", "stateEnteredEventDetails": {"name": state}}


def failed(kind: str, error: str, cause: str) -> dict[str, Any]:
    return {"type": kind, f"{kind[0].lower()}{kind[1:]}EventDetails": {"error": error, "cause": cause}}


def test_failures_in_a_history() -> None:
    """Each failure has its state, whether it was caught or not; the execution's own end is none."""
    history = [
        {"type": "ExecutionStarted", "executionStartedEventDetails": {"input": "{}"}},
        entered("deployment: endpoint"),
        failed("TaskFailed", "SageMaker.SageMakerException", "Could not find endpoint"),
        entered("training: refused?"),
        failed("EvaluationFailed", "States.QueryEvaluationError", "refused"),
        failed("ExecutionFailed", "States.QueryEvaluationError", "refused"),
    ]
    assert list(failures(history)) == [
        Failure(state="deployment: endpoint", error="SageMaker.SageMakerException", cause="Could not find endpoint"),
        Failure(state="training: refused?", error="States.QueryEvaluationError", cause="refused"),
    ]


def test_errors_on_the_way() -> None:
    """A throttled request and a slow endpoint are quoted; a model's own error is none of them."""
    throttled = Failure(state="training", error="SageMaker.AmazonSageMakerException", cause="Rate exceeded")
    model = Failure(state="deployment: smoke test", error="SageMakerRuntime.ModelErrorException", cause="500")
    slow = Failure(state="deployment: smoke test", error="SageMakerRuntime.ModelNotReadyException", cause="later")
    assert [answer.verdict for answer in answers([model])] == [NOT_SETTLED, NOT_SETTLED]
    assert [(answer.number, answer.verdict) for answer in answers([throttled, model, slow])] == [
        (1, CONFIRMED),
        (10, CONFIRMED),
    ]


def test_redrive_waits_for_the_execution_to_resume(recorded: Account, context: Context) -> None:
    """A redrive that the execution does not show within a minute is a failure of the scenario."""
    ended = Ended(arn=f"{MACHINE}:{SHIPPED}", name=SHIPPED, status="FAILED", error="e", cause="c", stages={}, data={})
    recorded.expect("stepfunctions", "redrive_execution", {"redriveDate": datetime.now(UTC)})
    described = {"executionArn": ended.arn, "stateMachineArn": MACHINE, "status": "FAILED"}
    described |= {"startDate": datetime.now(UTC)}  # type: ignore[dict-item]
    for _ in range(60):
        recorded.expect("stepfunctions", "describe_execution", described)
    with pytest.raises(ScenarioError, match="has not resumed"):
        context.redrive(ended)


def test_redrive_that_is_refused(recorded: Account, context: Context) -> None:
    """Step Functions' reason is the scenario's."""
    ended = Ended(arn=f"{MACHINE}:{SHIPPED}", name=SHIPPED, status="FAILED", error="e", cause="c", stages={}, data={})
    recorded.refuse("stepfunctions", "redrive_execution", "ExecutionNotRedrivable", "it cannot")
    with pytest.raises(ScenarioError, match="it cannot"):
        context.redrive(ended)


@pytest.mark.parametrize(
    ("name", "own"),
    [
        (SHIPPED, True),
        (f"{SHIPPED}-r1", True),
        (f"evaluation-{SHIPPED}", True),
        (f"model-{SHIPPED}", True),
        ("mlops-aws-check-probe", True),
        ("mlops-aws-check-2-0123456789abcdef", False),
        ("mlops-aws-check-weekly", False),
        ("my-mlops-aws-check-0123456789abcdef", False),
    ],
)
def test_names(*, name: str, own: bool) -> None:
    """Only names that the check itself gives are its own, not those of a pipeline with a similar name."""
    assert is_own(name) is own


def test_bucket_names() -> None:
    """The same goes for its bucket."""
    assert is_own_bucket("mlops-aws-check-storagebucket5cb7c8ea-1a2b3c")
    assert not is_own_bucket("mlops-aws-check-2-storagebucket5cb7c8ea-1a2b3c")


def test_archives(own_script: Callable[[bytes], dict[str, Any]]) -> None:
    """The one model answers with what it gets, the other fails on it."""
    script = own_script(echo())
    assert (
        script["output_fn"](script["predict_fn"](script["input_fn"](b'"x"', "text/csv"), None), "")[0] == 'received "x"'
    )
    with pytest.raises(ValueError, match="always"):
        own_script(broken())["input_fn"]("x", "text/csv")


@pytest.fixture
def own_script() -> Callable[[bytes], dict[str, Any]]:
    """Loads the script in an archive; returns its functions."""

    def load(archive: bytes) -> dict[str, Any]:
        with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
            file = opened.extractfile("code/inference.py")
            assert file is not None
            names: dict[str, Any] = {}
            exec(file.read(), names)  # noqa: S102 - the check's own script
        return names

    return load


def test_deploying_runs_two_stages() -> None:
    """The overrides name the archive and the record, and switch every other stage off."""
    overrides = deploying("s3://bucket/echo.tar.gz", record="s3://bucket/record.csv")
    assert [key for key, section in overrides.items() if section["run"]] == ["CreateModel", "deployment"]
    assert overrides["CreateModel"]["input"]["PrimaryContainer"]["ModelDataUrl"] == "s3://bucket/echo.tar.gz"
