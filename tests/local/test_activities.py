from local.activities import integrations, with_activities
from pipeline.definition import definition
from pipeline.stages import STAGES


def test_only_the_resource_of_sagemakers_tasks_changes() -> None:
    """The definition that runs locally is the deployed one, but for the Resource of the SageMaker tasks."""
    deployed = definition()
    arns = {name: f"arn:aws:states:us-east-1:000000000000:activity:{name}" for name in integrations(deployed)}
    local = with_activities(deployed, arns)
    for stage in STAGES:
        assert local["States"][stage.key].pop("Resource") == arns[stage.integration]
        assert deployed["States"][stage.key].pop("Resource") == f"arn:aws:states:::sagemaker:{stage.integration}"
    assert local == deployed


def test_every_stage_has_an_integration() -> None:
    """Every stage's SageMaker call is served by an activity."""
    assert set(integrations(definition())) == {stage.integration for stage in STAGES}
