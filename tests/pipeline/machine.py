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
    timeouts: list[tuple[str, Any]] = field(default_factory=list)
    """The integrations that were called, and the seconds that each had."""
    data: Any = None
    """What the state had that it ended in; a redrive continues there with it."""


def evaluate(expression: str, states: dict[str, Any]) -> Any:
    """The expression's value."""
    compiled = jsonata.Jsonata(expression)
    compiled.assign("states", states)
    return compiled.evaluate(None)


def evaluated(template: Any, data: Any, *, redrives: int = 0, **more: Any) -> Any:
    """A field of a state with its expressions evaluated.

    Args:
        template: the field's content.
        data: the state's input.
        redrives: how often the execution was redriven.
        more: ``result`` or ``errorOutput``.
    """
    if isinstance(template, dict):
        return {key: evaluated(value, data, redrives=redrives, **more) for key, value in template.items()}
    if not isinstance(template, str) or not template.startswith("{%"):
        return template
    context = {"Execution": {"Name": EXECUTION, "RedriveCount": redrives}, "Task": {"Token": "token"}}
    states = {"input": data, "context": context} | more
    return evaluate(template.removeprefix("{%").removesuffix("%}"), states)


def redrive(ended: Ended, handlers: dict[str, Handler], *, redrives: int = 1) -> Ended:
    """Goes on where an execution has failed, as RedriveExecution does; see ``run``."""
    return run(ended.data, handlers, start=ended.entered[-1], redrives=redrives)


def run(
    data: dict[str, Any],
    handlers: dict[str, Handler],
    *,
    retries: bool = False,
    start: str | None = None,
    redrives: int = 0,
) -> Ended:
    """Runs the definition.

    Args:
        data: the execution's input.
        handlers: what answers each integration, by the last part of its name: ``createTrainingJob.sync``.
        retries: whether a task is tried again as its Retry says; the waiting is left out.
        start: the state to begin with; None for the first one.
        redrives: how often the execution was redriven.
    """
    machine = definition(PLACEHOLDERS)
    ended = Ended("RUNNING")
    name: str = start or machine["StartAt"]
    while True:
        ended.entered.append(name)
        ended.data = data
        state = machine["States"][name]
        match state["Type"]:
            case "Choice":
                data, name = _choose(state, data)
            case "Task":
                data, name, failure = _do(state, data, handlers, ended, retries=retries, redrives=redrives)
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
    state: dict[str, Any], data: Any, handlers: dict[str, Handler], ended: Ended, *, retries: bool, redrives: int
) -> tuple[Any, str, TaskError | None]:
    action = state["Resource"].rpartition(":")[2]
    rules = state.get("Retry", []) if retries else []
    left = [rule["MaxAttempts"] for rule in rules]
    while True:
        request = evaluated(state["Arguments"], data, redrives=redrives)
        ended.requests.append((action, request))
        ended.timeouts.append((action, evaluated(state["TimeoutSeconds"], data)))
        try:
            result = handlers[action](request)
        except TaskError as error:
            matching = next((number for number, rule in enumerate(rules) if error.error in rule["ErrorEquals"]), None)
            if matching is not None and left[matching] > 0:
                left[matching] -= 1
                continue
            for catch in state.get("Catch", []):
                if error.error in catch["ErrorEquals"] or "States.ALL" in catch["ErrorEquals"]:
                    caught = {"Error": error.error, "Cause": error.cause}
                    return evaluated(catch["Output"], data, errorOutput=caught), catch["Next"], None
            return data, "", error
        return evaluated(state["Output"], data, redrives=redrives, result=result), state["Next"], None
