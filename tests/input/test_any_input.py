"""Any input is either rejected with a reason, or gives requests that are valid by SageMaker's own model."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.asl.resources import PLACEHOLDERS
from pipeline.definition import definition
from pipeline.input.errors import InvalidFileError
from pipeline.input.execution import ExecutionInput, checked_input, execution_input
from pipeline.input.validator import input_schema, problems
from pipeline.input.yaml_document import Document
from pipeline.stages import REQUEST_STAGES
from sagemaker_local.requests import check_request
from tests.input.conftest import SHIPPED, TOKENS
from tests.input.mutations import JUNK, mutated
from tests.pipeline.machine import evaluated, keep

BASE = Document(SHIPPED).data


ROLE = TOKENS["SAGEMAKER_EXECUTION_ROLE"]
SMALL = b"""\
job_prefix: mlops
model_id: &m MODEL_NAME
batchTransform: {run: false, input: {ModelName: *m, Tags: [{Key: "a", Value: 'b'}]}}
"""


@pytest.fixture(scope="module")
def judge() -> Any:
    """The reference implementation of JSON Schema, with the schema."""
    import jsonschema  # noqa: PLC0415 - slow to import

    def pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[jsonschema.ValidationError]:
        """Checks a pattern as ECMA-262 reads it, in which ``$`` does not match before a final line break."""
        if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance):
            yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")

    ecma = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": pattern})  # type: ignore[no-untyped-call]
    return ecma(dict(input_schema()))


def without_nulls(value: Any) -> Any:
    """Returns the requests that the state machine sends."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def assert_tells_why(error: InvalidFileError) -> None:
    """A rejection has at least one message."""
    assert error.problems
    assert all(problem.message in str(error) for problem in error.problems)


def assert_sagemaker_takes(execution: ExecutionInput) -> None:
    """The requests of all stages that run are valid by botocore's validator and the limits in its model."""
    assert json.loads(execution.text) == execution.content
    for stage in REQUEST_STAGES:
        section = execution.content.get(stage.key) or {}
        if section.get("run"):
            names = {stage.name_field: stage.name_prefix + execution.name}
            names |= {"ModelName": f"model-{execution.name}"} if stage.model_from else {}
            request = names | without_nulls(section["input"])
            request.pop("AppManaged", None)
            check_request(stage.action, request)


def assert_refused_or_right(make: Callable[[], ExecutionInput]) -> None:
    """The input is rejected with reasons, or its requests are valid."""
    try:
        execution = make()
    except InvalidFileError as error:
        assert_tells_why(error)
    else:
        assert_sagemaker_takes(execution)


@settings(max_examples=500)
@given(mutated(BASE))
def test_a_changed_input_is_rejected_or_valid(data: dict[str, Any]) -> None:
    """No mutation causes a traceback, and none leads to an invalid request."""
    assert_refused_or_right(lambda: checked_input(data, tokens=TOKENS, event_id="event"))


LAST_STEPS = {key: BASE[key] for key in ("job_prefix", "model_id", "registration", "deployment")}
VARIANT = {"VariantName": "a", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
LAST_STEPS["deployment"] = BASE["deployment"] | {
    "input": BASE["deployment"]["input"] | {"EndpointConfig": {"ProductionVariants": [VARIANT]}},
    "autoscaling": {"min_capacity": 1, "max_capacity": 4, "invocations_per_instance": 1000},
}
CONTAINER = {"Image": "image", "ModelDataUrl": "s3://bucket/model.tar.gz"}
STATES = definition(PLACEHOLDERS)["States"]
SERVICES = {"sagemakerruntime": "sagemaker-runtime", "applicationautoscaling": "application-autoscaling"}


def assert_last_steps_take(execution: ExecutionInput) -> None:
    """The requests of registration and deployment are valid by botocore's validator."""
    data = execution.content
    where = {"EndpointName": "demo", "EndpointConfigName": "config"}
    requests = {
        "registration": ["registration: group", "registration"],
        "deployment": ["deployment: endpoint config", "deployment: create", "deployment: update"],
    }
    if (data.get("deployment") or {}).get("autoscaling"):
        requests["deployment"] += ["deployment: scalable target", "deployment: scaling policy"]
    if ((data.get("deployment") or {}).get("smoke_test") or {}).get("Body"):
        requests["deployment"].append("deployment: smoke test")
    for key, names in requests.items():
        if not (data.get(key) or {}).get("run"):
            continue
        data[key]["result"] = where
        if key == "registration":
            state = STATES["registration: keep"]
            answer = keep(evaluated(state["Arguments"], data))
            data = evaluated(state["Output"], data, result=answer)
        for name in names:
            sent = evaluated(STATES[name]["Arguments"], data)
            service, action = STATES[name]["Resource"].split(":")[-2:]
            check_request(action, json.loads(json.dumps(sent)), service=SERVICES.get(service, service))


@settings(max_examples=400)
@given(mutated(LAST_STEPS))
def test_changed_last_steps_are_rejected_or_valid(data: dict[str, Any]) -> None:
    """For any valid input, the requests of registration and deployment are valid."""
    data = {"CreateModel": {"run": True, "input": {"PrimaryContainer": CONTAINER, "ExecutionRoleArn": ROLE}}} | data
    try:
        execution = checked_input(data, tokens=TOKENS, event_id="event")
    except InvalidFileError as error:
        assert_tells_why(error)
    else:
        assert_last_steps_take(execution)


@settings(max_examples=300)
@given(mutated(BASE))
def test_validator_agrees_with_the_reference(judge: Any, data: dict[str, Any]) -> None:
    """Our validator rejects exactly the inputs that the reference implementation of JSON Schema rejects."""
    assert (not list(problems(data))) == judge.is_valid(data)


@settings(max_examples=500)
@given(st.data())
def test_changed_bytes_are_rejected_or_valid(data: st.DataObject) -> None:
    """Bytes inserted anywhere in a file never cause a traceback."""
    content = SMALL
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content)))
        extra = data.draw(st.one_of(st.binary(max_size=4), st.sampled_from(YAML_BITS)))
        content = content[:place] + extra + content[place + data.draw(st.integers(0, 4)) :]
    assert_refused_or_right(lambda: execution_input(content, tokens=TOKENS, event_id="event"))


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from([*BASE, "source_execution_id", "other"]), JUNK))
def test_any_overrides_are_rejected_or_valid(overrides: dict[str, Any]) -> None:
    """Overrides of any shape never cause a traceback."""
    assert_refused_or_right(lambda: execution_input(SMALL, tokens=TOKENS, event_id="event", overrides=overrides))


YAML_BITS = [
    b"&a ",
    b"*a",
    b"*m",
    b"!!int ",
    b"!x ",
    b"<<: *m",
    b"- ",
    b"? ",
    b"---\n",
    b"\t",
    b"%YAML 1.1\n",
    b"|\n",
    b'"',
]
