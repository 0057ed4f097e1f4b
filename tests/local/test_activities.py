import json
import queue
from pathlib import Path
from typing import Any

from local.activities import Worker, integrations, with_activities
from local.tasks import Tasks
from pipeline.definition import definition
from pipeline.definition.resources import PLACEHOLDERS

SERVED_BY_THE_EMULATOR = {"lambda:invoke", "sns:publish"}


def test_only_resources_differ() -> None:
    """The local definition is the deployed one but for the Resource of the tasks that the emulator lacks."""
    deployed = definition(PLACEHOLDERS)
    arns = {name: f"arn:aws:states:us-east-1:000000000000:activity:{name}" for name in integrations(deployed)}
    local = with_activities(deployed, arns)
    for name, state in deployed["States"].items():
        resource = state.pop("Resource", None)
        changed = local["States"][name].pop("Resource", None)
        served = resource is None or resource.removeprefix("arn:aws:states:::") in SERVED_BY_THE_EMULATOR
        assert changed == (resource if served else arns[resource.partition(":states:::")[2]])
    assert local == deployed


def test_every_integration_is_served() -> None:
    """Whatever a state calls is served here or by the emulator."""
    used = {
        state["Resource"].partition(":states:::")[2]
        for state in definition(PLACEHOLDERS)["States"].values()
        if "Resource" in state
    }
    assert used == set(integrations(definition(PLACEHOLDERS))) | SERVED_BY_THE_EMULATOR


class Machine:
    """Step Functions with one activity, whose tasks the test gives; keeps the answers."""

    def __init__(self) -> None:
        self.tasks: queue.Queue[str] = queue.Queue()
        self.answers: queue.Queue[dict[str, Any]] = queue.Queue()

    def describe_state_machine(self, **_: str) -> dict[str, str]:
        """Has one state."""
        state = {"Type": "Task", "Resource": "arn:aws:states:::sagemaker:createModel", "End": True}
        return {"definition": json.dumps({"StartAt": "one", "States": {"one": state}})}

    def update_state_machine(self, **_: str) -> None:
        """Takes it."""

    def create_activity(self, name: str) -> dict[str, str]:
        """Makes it."""
        return {"activityArn": f"arn:{name}"}

    def get_activity_task(self, **_: str) -> dict[str, str]:
        """Waits for a task."""
        try:
            return {"taskToken": self.tasks.get(timeout=0.1), "input": "{}"}
        except queue.Empty:
            return {}

    def send_task_success(self, **answer: str) -> None:
        """Keeps the answer."""
        self.answers.put(answer)

    send_task_failure = send_task_success


class Jobs:
    """SageMaker, with nothing to do."""

    def run(self, _action: str, _request: dict[str, Any]) -> dict[str, Any]:
        """Does it."""
        return {}

    def stop(self) -> None:
        """Has nothing to stop."""


def test_a_task_that_cannot_be_kept_fails_and_the_next_is_served(tmp_path: Path) -> None:
    """Where there is no room for a task's record, its execution hears of it, and the worker goes on."""
    machine, folder = Machine(), tmp_path / "tasks"
    worker = Worker(step_functions=machine, dynamodb=None, sagemaker=Jobs(), tasks=Tasks(folder))
    worker.serve("machine")
    (own,) = folder.iterdir()
    hidden = own.rename(tmp_path / "hidden")
    machine.tasks.put("first")
    failed = machine.answers.get(timeout=20)
    assert (failed["taskToken"], failed["error"]) == ("first", "Local.InternalError")
    assert "No such file" in failed["cause"]
    hidden.rename(own)
    machine.tasks.put("second")
    assert machine.answers.get(timeout=20) == {"taskToken": "second", "output": "{}"}
    worker.stop()
