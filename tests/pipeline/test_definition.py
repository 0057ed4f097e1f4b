import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.asl.choices import FINISHED
from pipeline.asl.resources import PLACEHOLDERS, Resources
from pipeline.definition import definition
from pipeline.stages import MONITORING, REQUEST_STAGES, STAGES, RequestStage, stage_of_state
from tests.pipeline.evaluators import IMPLEMENTATIONS, Evaluate, evaluate_all_in_node
from tests.pipeline.machine import EXECUTION, Handler, evaluate, evaluated, run

PROJECT = Path(__file__).parent.parent.parent
STATES = definition(PLACEHOLDERS)["States"]

# Those of the sample input.
SEED_STAGES = [stage for stage in REQUEST_STAGES if stage is not MONITORING]


def request(state: str, pipeline_input: dict[str, Any], evaluator: Evaluate = evaluate) -> Any:
    """Returns the request that a state sends."""
    data = {"input": pipeline_input, "context": {"Execution": {"Name": EXECUTION}}}
    return evaluator(STATES[state]["Arguments"].removeprefix("{%").removesuffix("%}"), data)


def walk(pipeline_input: dict[str, Any]) -> list[str]:
    """Returns the names of the states that a run of the request stages enters."""
    done: dict[str, Handler] = {stage.integration: lambda given: {"Given": given} for stage in REQUEST_STAGES}
    ended = run(pipeline_input, done)
    assert ended.status == "SUCCEEDED"
    return ended.entered


@IMPLEMENTATIONS
@pytest.mark.parametrize("stage", SEED_STAGES, ids=lambda stage: stage.key)
def test_request_is_the_stages_input(stage: RequestStage, evaluator: Evaluate, seed_input: dict[str, Any]) -> None:
    """A stage's request is its input as given, without nulls and AppManaged, with the name of the job added."""
    given = seed_input[stage.key]["input"]
    expected = {key: value for key, value in given.items() if value is not None and key != "AppManaged"}
    expected[stage.name_field] = stage.name_prefix + EXECUTION
    if stage.key == "batchTransform":
        expected["ModelName"] = f"model-{EXECUTION}"
    assert request(stage.key, seed_input, evaluator) == expected


@IMPLEMENTATIONS
def test_nulls_are_dropped_at_every_depth(evaluator: Evaluate) -> None:
    """Nulls are dropped at any depth; empty objects, empty arrays, false and zero stay."""
    given = {
        "Environment": {},
        "Tags": [],
        "NetworkConfig": {"EnableNetworkIsolation": False, "VpcConfig": None},
        "ProcessingInputs": [{"InputName": "a", "S3Input": {"LocalPath": None, "S3Uri": "s3://b/k"}}],
        "StoppingCondition": {"MaxRuntimeInSeconds": 0},
    }
    made = request("preprocessing", {"preprocessing": {"run": True, "input": given}}, evaluator)
    assert made == {
        "ProcessingJobName": EXECUTION,
        "Environment": {},
        "Tags": [],
        "NetworkConfig": {"EnableNetworkIsolation": False},
        "ProcessingInputs": [{"InputName": "a", "S3Input": {"S3Uri": "s3://b/k"}}],
        "StoppingCondition": {"MaxRuntimeInSeconds": 0},
    }


@pytest.mark.parametrize("stage", SEED_STAGES, ids=lambda stage: stage.key)
def test_a_name_that_the_user_gave_wins(stage: RequestStage, seed_input: dict[str, Any]) -> None:
    """The user's job name takes precedence; null counts as no name."""
    seed_input[stage.key]["input"][stage.name_field] = "my-own"
    assert request(stage.key, seed_input)[stage.name_field] == "my-own"
    seed_input[stage.key]["input"][stage.name_field] = None
    assert request(stage.key, seed_input)[stage.name_field] == stage.name_prefix + EXECUTION


def test_batch_transform_uses_the_model_of_this_run(seed_input: dict[str, Any]) -> None:
    """The transform job uses the model that CreateModel created, whatever its name, unless it names another."""
    seed_input["CreateModel"]["input"]["ModelName"] = "my-model"
    assert request("batchTransform", seed_input)["ModelName"] == "my-model"
    seed_input["batchTransform"]["input"]["ModelName"] = "older-model"
    assert request("batchTransform", seed_input)["ModelName"] == "older-model"


def test_result_is_stored_next_to_the_input(seed_input: dict[str, Any]) -> None:
    """A stage's result is stored under <stage>.result, and the rest of the input is unchanged."""
    made = evaluated(STATES["training"]["Output"], seed_input, result={"TrainingJobStatus": "Completed"})
    assert made.pop("training") == seed_input.pop("training") | {"result": {"TrainingJobStatus": "Completed"}}
    assert made == seed_input


def test_full_run_takes_at_most_twelve_transitions(seed_input: dict[str, Any]) -> None:
    """The sample's five stages run, in order, within the state transitions that the reference takes."""
    entered = walk(seed_input)
    assert [name for name in entered if stage_of_state(name)] == [stage.key for stage in SEED_STAGES]
    assert len(entered) <= 12


def test_a_stage_that_does_not_run_costs_nothing(seed_input: dict[str, Any]) -> None:
    """Each skipped stage saves the transitions into its state and into the choice after it."""
    seed_input["training"]["run"] = False
    seed_input["batchTransform"] = None
    assert len(walk(seed_input)) == 8


@pytest.mark.parametrize("skipped", SEED_STAGES, ids=lambda stage: stage.key)
@pytest.mark.parametrize("how", ["run is false", "no run flag", "absent", "null"])
def test_a_stage_that_is_not_asked_for_is_skipped(skipped: RequestStage, how: str, seed_input: dict[str, Any]) -> None:
    """A stage whose run flag is not true, or that is absent, is skipped; the others run."""
    match how:
        case "run is false":
            seed_input[skipped.key]["run"] = False
        case "no run flag":
            del seed_input[skipped.key]["run"]
        case "absent":
            del seed_input[skipped.key]
        case _:
            seed_input[skipped.key] = None
    entered = [name for name in walk(seed_input) if stage_of_state(name)]
    assert entered == [stage.key for stage in SEED_STAGES if stage is not skipped]


def test_every_stage_has_its_states() -> None:
    """Each stage has states and is reachable from the first Choice; no state is unreachable."""
    assert {stage_of_state(name) for name in STATES} - {None} == {stage.key for stage in STAGES}
    first = {stage_of_state(rule["Next"]) for rule in STATES["Begin"]["Choices"]}
    assert first == {stage.key for stage in STAGES}
    reached = {
        following
        for state in STATES.values()
        for part in [state, *state.get("Choices", []), *state.get("Catch", [])]
        for following in [part.get("Next"), part.get("Default")]
    }
    assert set(STATES) - reached == {"Begin"}
    assert FINISHED in reached


def expressions(value: Any) -> Iterator[str]:
    """Yields the JSONata expressions in a state."""
    if isinstance(value, str) and value.startswith("{%"):
        yield value.removeprefix("{%").removesuffix("%}")
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from expressions(item)


WHERE = {"EndpointName": "demo", "EndpointConfigName": "new", "previous": "old", "failure": "why", "created": True}
IN_SERVICE = WHERE | {"status": "InService", "serving": "new", "deadline": 1, "record": "1,2"}
FAULT = {"task": "training", "Error": "E", "Cause": "rate exceeded", "tries": 2, "redrives": 1}
VERDICT = {"decision": "Waiting", "reason": "r", "cause": "c", "champion": {"ModelPackageArn": "arn"}}


@pytest.mark.parametrize("deployment", [{}, WHERE, IN_SERVICE, IN_SERVICE | {"status": "Updating", "reason": "why"}])
def test_both_implementations_of_jsonata_agree(deployment: dict[str, Any], shipped: dict[str, Any]) -> None:
    """Every expression of the definition has the same value by the emulator's implementation and by the reference."""
    shipped["deployment"]["result"] = deployment
    shipped["deployment"]["smoke_test"]["S3Uri"] = "s3://bucket/record.csv"
    shipped["deployment"]["autoscaling"] = {"min_capacity": 1, "max_capacity": 2, "invocations_per_instance": 9}
    shipped["approval"]["result"] = VERDICT
    data = {
        "input": shipped,
        "context": {"Execution": {"Name": EXECUTION}, "Task": {"Token": "token"}},
        "result": {
            "ModelPackageArn": "arn",
            "Body": '{"outcome": "drift", "records": 1, "violations": [{"feature": "age"}], "waiting": ["labels"]}',
            "ModelPackageSummaryList": [{"ModelPackageArn": "arn"}],
            "Payload": {"files": 1, "inputs": {"records": {"S3Uri": "s3://a"}}, "window": {"notes": ["a job"]}},
        },
        "errorOutput": {"Error": "E", "Cause": json.dumps({"errorMessage": "because"})},
    }
    with_defaults = definition(replace(PLACEHOLDERS, key="key", subnets=("subnet-1",), security_groups=("sg-1",)))
    everything = dict.fromkeys([*expressions(STATES), *expressions(with_defaults["States"])])
    by_chance = ("$now()", "$millis()", "$random()")
    found = [text for text in everything if not any(name in text for name in by_chance)]
    assert len(found) > 80
    variables = {"fault": FAULT}
    in_node = evaluate_all_in_node([(text, data) for text in found], variables)
    for text, expected in zip(found, in_node, strict=True):
        assert json.loads(json.dumps(evaluate(text, data, variables))) == expected, text


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_resources_are_in_the_partition(partition: str) -> None:
    """The service integrations' ARNs have the deployment's partition."""
    machine = definition(
        Resources(
            partition=partition, gate="g", monitor="m", topic="t", records="RECORDS", approvals="a", serving_role="r"
        )
    )
    resources = [state["Resource"] for state in machine["States"].values() if "Resource" in state]
    assert all(resource.startswith(f"arn:{partition}:states:::") for resource in resources)


LANGUAGE_SERVICE = """
const {getLanguageService} = require('amazon-states-language-service');
const {TextDocument} = require('vscode-languageserver-textdocument');
const service = getLanguageService({});
const text = require('fs').readFileSync(0, 'utf8');
const document = TextDocument.create('file:///definition.asl.json', 'asl', 1, text);
service.doValidation(document, service.parseJSONDocument(document)).then(
  found => console.log(JSON.stringify(found.map(each => each.message))));
"""


def complaints(machine: dict[str, Any]) -> list[str]:
    """Returns what AWS's own language service, that of its editors, finds in a definition."""
    node = shutil.which("node", path=str(Path(sys.executable).parent)) or "node"
    command = [node, "-e", LANGUAGE_SERVICE]
    ran = subprocess.run(command, cwd=PROJECT, input=json.dumps(machine), capture_output=True, text=True, check=True)
    found: list[str] = json.loads(ran.stdout)
    return found


def test_awss_language_service_accepts_it() -> None:
    """AWS's language service finds nothing, with and without a key and a VPC; it would find a missing state."""
    with_defaults = replace(PLACEHOLDERS, key="key", subnets=("subnet-1",), security_groups=("sg-1",))
    machine = definition(with_defaults)
    assert complaints(machine) == []
    assert complaints(definition(PLACEHOLDERS)) == []
    machine["States"]["training"]["Next"] = "nowhere"
    assert any("Next" in message for message in complaints(machine))


def test_the_linter_accepts_it(tmp_path: Path) -> None:
    """asl-validator finds nothing."""
    path = tmp_path / "definition.json"
    path.write_text(json.dumps(definition(PLACEHOLDERS)))
    validator = PROJECT / "node_modules" / ".bin" / "asl-validator"
    asl = subprocess.run([str(validator), "--json-path", str(path)], capture_output=True, text=True, check=False)
    assert asl.returncode == 0, asl.stdout + asl.stderr
