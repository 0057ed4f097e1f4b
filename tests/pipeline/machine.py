"""A small interpreter of the definition, which runs its paths in milliseconds.

The expressions are evaluated by the implementation that the emulator uses; tests/pipeline/test_definition.py holds some
of them against JSONata's reference implementation. What Step Functions does with a state is as in
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html.
"""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jsonata

from pipeline.asl.resources import PLACEHOLDERS
from pipeline.definition import definition

EXECUTION = "mlops-demo-0123456789abcdef"
STATE_MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:demo"
ENTERED = "2026-11-23T10:00:00.000Z"
"""The time at which every state is entered."""
MACHINE = definition(PLACEHOLDERS)

Handler = Callable[[dict[str, Any]], Any]


class TaskError(Exception):
    """A task's error, with its name in Step Functions."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


@dataclass
class Ended:
    """The outcome of an execution."""

    status: str
    output: Any = None
    error: str = ""
    cause: str = ""
    entered: list[str] = field(default_factory=list)
    """The names of the states in the order entered."""
    requests: list[tuple[str, Any]] = field(default_factory=list)
    """Every call: the integration and its request."""
    timeouts: list[tuple[str, Any]] = field(default_factory=list)
    """Every integration called, with its timeout in seconds."""
    data: Any = None
    """The input of the last state, with which a redrive continues."""
    variables: dict[str, Any] = field(default_factory=dict)
    """The assigned variables, which a redrive keeps."""
    waited: list[int] = field(default_factory=list)
    """The seconds of each Wait. Nothing else takes time."""


def keep(request: dict[str, Any]) -> Any:
    """Stands in for the gate: copies what a registration names to ``s3://kept/``."""
    payload = request["Payload"]

    def kept(uri: str) -> str:
        return f"s3://kept/{uri.removeprefix('s3://')}"

    containers = payload["keep"]["containers"]
    uris = [container["ModelDataUrl"] for container in containers if container.get("ModelDataUrl")]
    return {
        "Payload": {
            "containers": [
                container | {"ModelDataUrl": kept(container["ModelDataUrl"]), "ModelDataETag": "0123"}
                if container.get("ModelDataUrl")
                else container
                for container in containers
            ],
            "moved": [{"from": uri, "to": kept(uri)} for uri in uris],
            "report": {"S3Uri": kept(payload["report"]), "VersionId": "1"} if payload["report"] else None,
        }
    }


EVALUATED: dict[str, tuple[str, dict[str, Any], dict[str, Any], Any]] = {}
"""What the tests of this process evaluated, with the values: tests/pipeline/conftest.py asks the reference, too."""

_compiled = functools.cache(jsonata.Jsonata)
_BY_CHANCE = ("$now()", "$millis()", "$random()")


def evaluate(
    expression: str, states: dict[str, Any], variables: dict[str, Any] | None = None, *, now: float | None = None
) -> Any:
    """Evaluates the expression; ``now`` is the time of ``$millis``, in seconds."""
    bound = (variables or {}) | {"states": states, "parse": jsonata.Jsonata.JLambda(json.loads)}
    if now is not None:
        bound["millis"] = jsonata.Jsonata.JLambda(lambda: now * 1000)
    compiled = _compiled(expression)
    jsonata.Jsonata.CURRENT.jsonata = compiled  # which the library sets when it compiles only
    value = compiled.evaluate(None, bound)
    if not any(name in expression for name in _BY_CHANCE):
        case = json.dumps([expression, states, variables or {}], sort_keys=True)
        if case not in EVALUATED:
            # In the data's own order, which is that of an object as text.
            EVALUATED[case] = tuple(json.loads(json.dumps([expression, states, variables or {}, value])))
    return value


def evaluated(
    template: Any,
    data: Any,
    *,
    redrives: int = 0,
    variables: dict[str, Any] | None = None,
    now: float | None = None,
    **more: Any,
) -> Any:
    """Returns a field of a state with its expressions evaluated.

    Args:
        template: the field's content.
        data: the state's input.
        redrives: how often the execution was redriven.
        variables: what was assigned.
        now: as for ``evaluate``.
        more: ``result`` or ``errorOutput``.
    """
    if isinstance(template, dict):
        return {
            key: evaluated(value, data, redrives=redrives, variables=variables, now=now, **more)
            for key, value in template.items()
        }
    if isinstance(template, list):
        return [evaluated(item, data, redrives=redrives, variables=variables, now=now, **more) for item in template]
    if not isinstance(template, str) or not template.startswith("{%"):
        return template
    context = {
        "Execution": {"Name": EXECUTION, "RedriveCount": redrives},
        "State": {"EnteredTime": ENTERED},
        "StateMachine": {"Id": STATE_MACHINE},
        "Task": {"Token": "token"},
    }
    states = {"input": data, "context": context} | more
    return evaluate(template.removeprefix("{%").removesuffix("%}"), states, variables, now=now)


def redrive(ended: Ended, handlers: dict[str, Handler], *, redrives: int = 1, retries: bool = False) -> Ended:
    """Continues a failed execution, as RedriveExecution does; see ``run``."""
    again = _Execution(handlers, retries=retries, redrives=redrives)
    again.ended.variables = dict(ended.variables)
    return again.run(ended.data, ended.entered[-1])


def run(
    data: dict[str, Any],
    handlers: dict[str, Handler],
    *,
    retries: bool = False,
    start: str | None = None,
    machine: dict[str, Any] = MACHINE,
    waited: list[int] | None = None,
) -> Ended:
    """Runs the definition.

    Args:
        data: the execution's input.
        handlers: what answers each integration, by the last part of its name: ``createTrainingJob.sync``; ``keep`` is
            the gate before a registration, and has a default.
        retries: whether a task is tried again as its Retry says. Nothing is waited for.
        start: the state to begin with; None for the first one.
        machine: the definition.
        waited: gets the seconds of each Wait, for handlers that need the time.
    """
    execution = _Execution(handlers, retries=retries, redrives=0, machine=machine)
    execution.ended.waited = [] if waited is None else waited
    return execution.run(data, start or machine["StartAt"])


class _Execution:
    def __init__(
        self, handlers: dict[str, Handler], *, retries: bool, redrives: int, machine: dict[str, Any] = MACHINE
    ) -> None:
        self._states = machine["States"]
        self._handlers = handlers
        self._retries = retries
        self._redrives = redrives
        self.ended = Ended("RUNNING")

    def run(self, data: Any, name: str) -> Ended:
        """Runs from this state to the end."""
        ended = self.ended
        try:
            while True:
                ended.entered.append(name)
                ended.data = data
                state = self._states[name]
                match state["Type"]:
                    case "Choice":
                        data, name = self._choose(name, state, data)
                    case "Task":
                        data, name = self._do(state, data)
                    case "Wait":
                        ended.waited.append(self._value(state["Seconds"], data))
                        name = state["Next"]
                    case "Pass":
                        data, name = self._left(state, data, data)
                    case "Succeed":
                        ended.status, ended.output = "SUCCEEDED", data
                        return ended
                    case "Fail":
                        return self._failed(self._value(state["Error"], data), self._value(state["Cause"], data))
                    case other:
                        raise NotImplementedError(other)
        except TaskError as error:
            return self._failed(error.error, error.cause)

    def _failed(self, error: str, cause: str) -> Ended:
        self.ended.status, self.ended.error, self.ended.cause = "FAILED", error, cause
        return self.ended

    def _value(self, template: Any, data: Any, **more: Any) -> Any:
        variables, now = self.ended.variables, float(sum(self.ended.waited))
        return evaluated(template, data, redrives=self._redrives, variables=variables, now=now, **more)

    def _left(self, part: dict[str, Any], data: Any, default: Any, **more: Any) -> tuple[Any, str]:
        """Returns the next state's input and name; Output and Assign both see the variables as they were before."""
        output = self._value(part["Output"], data, **more) if "Output" in part else default
        self.ended.variables |= self._value(part.get("Assign", {}), data, **more)
        return output, part["Next"]

    def _choose(self, name: str, state: dict[str, Any], data: Any) -> tuple[Any, str]:
        for number, rule in enumerate(state["Choices"]):
            try:
                chosen = self._value(rule["Condition"], data)
            except jsonata.JException as error:
                # In the words of Step Functions: https://github.com/floci-io/floci/issues/2736
                raise TaskError(
                    "States.QueryEvaluationError",
                    f"An error occurred while executing the state '{name}' (entered at the event id #9). The JSONata"
                    f" expression '{rule['Condition'][3:-3]}' specified for the field 'Choices[{number}]/Condition'"
                    f" threw an error during evaluation. {error.error}: {error}",
                ) from error
            assert isinstance(chosen, bool), rule  # Step Functions takes nothing else
            if chosen:
                return self._left(rule, data, data)
        return data, state["Default"]

    def _do(self, state: dict[str, Any], data: Any) -> tuple[Any, str]:
        action = state["Resource"].rpartition(":")[2]
        rules = state.get("Retry", []) if self._retries else []
        left = [rule["MaxAttempts"] for rule in rules]
        while True:
            request = self._value(state["Arguments"], data)
            self.ended.requests.append((action, request))
            self.ended.timeouts.append((action, self._value(state["TimeoutSeconds"], data)))
            try:
                handlers = self._handlers
                if action == "invoke" and "keep" in request["Payload"]:
                    action, handlers = "keep", {"keep": keep} | handlers
                result = handlers[action](request)
            except TaskError as error:
                matching = next((number for number, rule in enumerate(rules) if _matches(rule, error)), None)
                if matching is not None and left[matching] > 0:
                    left[matching] -= 1
                    continue
                catch = next((catch for catch in state.get("Catch", []) if _matches(catch, error)), None)
                if catch is None:
                    raise
                return self._left(catch, data, data, errorOutput={"Error": error.error, "Cause": error.cause})
            return self._left(state, data, result, result=result)


def _matches(rule: dict[str, Any], error: TaskError) -> bool:
    return error.error in rule["ErrorEquals"] or "States.ALL" in rule["ErrorEquals"]
