"""The state machine's definition in Amazon States Language with JSONata, generated from the list of stages.

Each stage has its own states (``pipeline.stages``); ``pipeline.asl`` has what they share. A skipped stage costs no
state transition, and a request field that SageMaker adds tomorrow needs no change here. A stage's result is stored
under ``<stage>.result`` in the data; the only variable holds the last error.
"""

from typing import Any

from pipeline.asl.choices import FINISHED, choice_after, first_choice
from pipeline.asl.recording import record_state
from pipeline.asl.resources import Resources
from pipeline.asl.retry_classification import with_retry_classification
from pipeline.asl.timeouts import with_timeouts
from pipeline.stages import STAGES


def definition(resources: Resources) -> dict[str, Any]:
    """Returns the definition of the whole pipeline.

    Args:
        resources: the deployment's resources that it refers to.
    """
    name, states = first_choice()
    start = name
    for stage in STAGES:
        name, choice = choice_after(stage)
        recorded = record_state(stage, resources, following=name)
        states |= stage.states(resources, following=name) | recorded | choice
    states[FINISHED] = {"Type": "Succeed"}
    return {
        "Comment": "MLOps pipeline: each stage of input.yaml whose run flag is true, in order.",
        "QueryLanguage": "JSONata",
        "StartAt": start,
        "States": with_retry_classification(with_timeouts(states), start=start),
    }
