from local.activities import integrations, with_activities
from pipeline.asl.resources import PLACEHOLDERS
from pipeline.definition import definition

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
