"""A small interpreter of the definition, so that its paths are tried in milliseconds.

The expressions are evaluated by the implementation that the emulator uses; tests/pipeline/test_definition.py holds some
of them against JSONata's reference implementation. What Step Functions does with a state is as in
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jsonata

from pipeline.definition import definition
from pipeline.definition.resources import PLACEHOLDERS

EXECUTION = "mlops-demo-0123456789abcdef"

Handler = Callable[[dict[str, Any]], Any]


class TaskError(Exception):
    """An error of a task, by the name under which Step Functions knows it."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


@dataclass
class Ended:
    """How an execution has ended."""

    status: str
    output: Any = None
    error: str = ""
    cause: str = ""
    entered: list[str] = field(default_factory=list)
    """The names of the states, in the order in which they were entered."""
    requests: list[tuple[str, Any]] = field(default_factory=list)
    """The calls that were made: the integration and its request."""


def evaluate(expression: str, states: dict[str, Any]) -> Any:
    """The expression's value."""
    compiled = jsonata.Jsonata(expression)
    compiled.assign("states", states)
    return compiled.evaluate(None)


def evaluated(template: Any, data: Any, **more: Any) -> Any:
    """A field of a state with its expressions evaluated.

    Args:
        template: the field's content.
        data: the state's input.
        more: ``result`` or ``errorOutput``.
    """
    if isinstance(template, dict):
        return {key: evaluated(value, data, **more) for key, value in template.items()}
    if not isinstance(template, str) or not template.startswith("{%"):
        return template
    context = {"Execution": {"Name": EXECUTION}, "Task": {"Token": "token"}}
    states = {"input": data, "context": context} | more
    return evaluate(template.removeprefix("{%").removesuffix("%}"), states)


def run(data: dict[str, Any], handlers: dict[str, Handler], *, retries: bool = False) -> Ended:
    """Runs the definition.

    Args:
        data: the execution's input.
        handlers: what answers each integration, by the last part of its name: ``createTrainingJob.sync``.
        retries: whether a task is tried again as its Retry says; the waiting is left out.
    """
    machine = definition(PLACEHOLDERS)
    ended = Ended("RUNNING")
    name: str = machine["StartAt"]
    while True:
        ended.entered.append(name)
        state = machine["States"][name]
        match state["Type"]:
            case "Choice":
                data, name = _choose(state, data)
            case "Task":
                data, name, failure = _do(state, data, handlers, ended, retries=retries)
                if failure:
                    ended.status, ended.error, ended.cause = "FAILED", failure.error, failure.cause
                    return ended
            case "Wait":
                name = state["Next"]
            case "Succeed":
                ended.status, ended.output = "SUCCEEDED", data
                return ended
            case "Fail":
                ended.status = "FAILED"
                ended.error, ended.cause = evaluated(state["Error"], data), evaluated(state["Cause"], data)
                return ended


def _choose(state: dict[str, Any], data: Any) -> tuple[Any, str]:
    for rule in state["Choices"]:
        chosen = evaluated(rule["Condition"], data)
        assert isinstance(chosen, bool), rule  # Step Functions takes nothing else
        if chosen:
            return evaluated(rule["Output"], data) if "Output" in rule else data, rule["Next"]
    return data, state["Default"]


def _do(
    state: dict[str, Any], data: Any, handlers: dict[str, Handler], ended: Ended, *, retries: bool
) -> tuple[Any, str, TaskError | None]:
    action = state["Resource"].rpartition(":")[2]
    left = sum(rule["MaxAttempts"] for rule in state.get("Retry", [])) if retries else 0
    while True:
        request = evaluated(state["Arguments"], data)
        ended.requests.append((action, request))
        try:
            result = handlers[action](request)
        except TaskError as error:
            left -= 1
            if left >= 0 and any(error.error in rule["ErrorEquals"] for rule in state["Retry"]):
                continue
            for catch in state.get("Catch", []):
                if error.error in catch["ErrorEquals"] or "States.ALL" in catch["ErrorEquals"]:
                    caught = {"Error": error.error, "Cause": error.cause}
                    return evaluated(catch["Output"], data, errorOutput=caught), catch["Next"], None
            return data, "", error
        return evaluated(state["Output"], data, result=result), state["Next"], None
