import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonata
import pytest

from pipeline.definition import choice_name, definition
from pipeline.stages import STAGES, Stage

PROJECT = Path(__file__).parent.parent.parent
EXECUTION = "mlops-demo-0123456789abcdef"

Evaluate = Callable[[str, dict[str, Any]], Any]


def evaluate_in_python(expression: str, states: dict[str, Any]) -> Any:
    """The expression's value, by the implementation that the emulator uses."""
    compiled = jsonata.Jsonata(expression)
    compiled.assign("states", states)
    return compiled.evaluate(None)


def evaluate_in_node(expression: str, states: dict[str, Any]) -> Any:
    """The expression's value, by JSONata's reference implementation."""
    program = (
        "const [expression, states] = JSON.parse(require('fs').readFileSync(0));"
        "require('jsonata')(expression).evaluate({}, {states}).then(v => console.log(JSON.stringify(v)))"
    )
    node = shutil.which("node", path=str(Path(shutil.which("python") or "").parent)) or "node"
    completed = subprocess.run(
        [node, "-e", program],
        input=json.dumps([expression, states]),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(completed.stdout)


def states(pipeline_input: dict[str, Any], result: Any = None) -> dict[str, Any]:
    return {"input": pipeline_input, "context": {"Execution": {"Name": EXECUTION}}, "result": result}


def request(stage: str, pipeline_input: dict[str, Any], evaluate: Evaluate = evaluate_in_python) -> Any:
    arguments = definition()["States"][stage]["Arguments"]
    return evaluate(arguments.removeprefix("{%").removesuffix("%}"), states(pipeline_input))


def walk(pipeline_input: dict[str, Any]) -> list[str]:
    """The names of the states that a run enters."""
    machine = definition()
    entered, name = [], machine["StartAt"]
    while name:
        entered.append(name)
        state = machine["States"][name]
        if state["Type"] == "Choice":
            condition = state["Choices"][0]["Condition"].removeprefix("{%").removesuffix("%}")
            chosen = evaluate_in_python(condition, states(pipeline_input))
            assert chosen in (True, False)
            name = state["Choices"][0]["Next"] if chosen else state["Default"]
        else:
            name = state.get("Next")
    return entered


@pytest.mark.parametrize("evaluate", [evaluate_in_python, evaluate_in_node])
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.key)
def test_request_is_the_stages_input(stage: Stage, evaluate: Evaluate, seed_input: dict[str, Any]) -> None:
    """A stage's request is its input as given, without nulls and AppManaged, with the name of the job added."""
    given = seed_input[stage.key]["input"]
    expected = {key: value for key, value in given.items() if value is not None and key != "AppManaged"}
    expected[stage.name_field] = stage.name_prefix + EXECUTION
    if stage.key == "batchTransform":
        expected["ModelName"] = f"model-{EXECUTION}"
    assert request(stage.key, seed_input, evaluate) == expected


@pytest.mark.parametrize("evaluate", [evaluate_in_python, evaluate_in_node])
def test_nulls_are_dropped_at_every_depth(evaluate: Evaluate) -> None:
    """A null is dropped wherever it stands; empty objects, empty arrays, false and zero stay."""
    given = {
        "Environment": {},
        "Tags": [],
        "NetworkConfig": {"EnableNetworkIsolation": False, "VpcConfig": None},
        "ProcessingInputs": [{"InputName": "a", "S3Input": {"LocalPath": None, "S3Uri": "s3://b/k"}}],
        "StoppingCondition": {"MaxRuntimeInSeconds": 0},
    }
    made = request("preprocessing", {"preprocessing": {"run": True, "input": given}}, evaluate)
    assert made == {
        "ProcessingJobName": EXECUTION,
        "Environment": {},
        "Tags": [],
        "NetworkConfig": {"EnableNetworkIsolation": False},
        "ProcessingInputs": [{"InputName": "a", "S3Input": {"S3Uri": "s3://b/k"}}],
        "StoppingCondition": {"MaxRuntimeInSeconds": 0},
    }


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.key)
def test_a_name_that_the_user_gave_wins(stage: Stage, seed_input: dict[str, Any]) -> None:
    """The user's own job name is used; a null in its place is none."""
    seed_input[stage.key]["input"][stage.name_field] = "my-own"
    assert request(stage.key, seed_input)[stage.name_field] == "my-own"
    seed_input[stage.key]["input"][stage.name_field] = None
    assert request(stage.key, seed_input)[stage.name_field] == stage.name_prefix + EXECUTION


def test_batch_transform_uses_the_model_of_this_run(seed_input: dict[str, Any]) -> None:
    """The transform job uses the model that CreateModel made, under whatever name, unless it names another."""
    seed_input["CreateModel"]["input"]["ModelName"] = "my-model"
    assert request("batchTransform", seed_input)["ModelName"] == "my-model"
    seed_input["batchTransform"]["input"]["ModelName"] = "older-model"
    assert request("batchTransform", seed_input)["ModelName"] == "older-model"


def test_result_is_kept_beside_the_input(seed_input: dict[str, Any]) -> None:
    """A stage's result stands under <stage>.result, and nothing else of the input changes."""
    output = definition()["States"]["training"]["Output"].removeprefix("{%").removesuffix("%}")
    made = evaluate_in_python(output, states(seed_input, {"TrainingJobStatus": "Completed"}))
    assert made.pop("training") == seed_input.pop("training") | {"result": {"TrainingJobStatus": "Completed"}}
    assert made == seed_input


def test_full_run_takes_at_most_twelve_transitions(seed_input: dict[str, Any]) -> None:
    """Every stage runs, in order, within the state transitions that the reference takes."""
    entered = walk(seed_input)
    assert [name for name in entered if not name.startswith("Run ")] == [stage.key for stage in STAGES]
    assert len(entered) <= 12


@pytest.mark.parametrize("skipped", STAGES, ids=lambda stage: stage.key)
@pytest.mark.parametrize("how", ["run is false", "no run flag", "absent", "null"])
def test_a_stage_that_is_not_asked_for_is_skipped(skipped: Stage, how: str, seed_input: dict[str, Any]) -> None:
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
    tasks = [name for name in walk(seed_input) if not name.startswith("Run ") and name != "Finished"]
    assert tasks == [stage.key for stage in STAGES if stage is not skipped]


def test_every_stage_has_its_states() -> None:
    """The definition has a Choice and a Task for each stage, and one end."""
    expected = {choice_name(stage.key) for stage in STAGES} | {stage.key for stage in STAGES} | {"Finished"}
    assert set(definition()["States"]) == expected


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_resources_are_in_the_partition(partition: str) -> None:
    """The service integrations' ARNs are those of the partition that is deployed to."""
    resources = [
        state["Resource"] for state in definition(partition=partition)["States"].values() if "Resource" in state
    ]
    assert all(resource.startswith(f"arn:{partition}:states:::sagemaker:create") for resource in resources)


def test_linters_accept_it(tmp_path: Path) -> None:
    """Statelint and asl-validator find nothing."""
    path = tmp_path / "definition.json"
    path.write_text(json.dumps(definition()))
    statelint = subprocess.run(["statelint", str(path)], capture_output=True, text=True, check=False)
    assert (statelint.returncode, statelint.stdout, statelint.stderr) == (0, "", "")
    validator = PROJECT / "node_modules" / ".bin" / "asl-validator"
    asl = subprocess.run([str(validator), "--json-path", str(path)], capture_output=True, text=True, check=False)
    assert asl.returncode == 0, asl.stdout + asl.stderr
