"""The state machine's definition, made from the stage list: Amazon States Language with JSONata.

    choices       which stage comes next: after each one, the first of the following whose ``run`` flag is true
    requests      a stage that is one SageMaker request, passed whole
    defaults      the deployment's network and key, where the user names none
    registration  the model package group, if missing, and a version in it
    approval      the champion, the gate, and a person's answer
    deployment    the endpoint: created or updated, waited for, tried, put back if need be
    timeouts      how long each task may take
    faults        what is tried again, and what is not
    redrive       what a redriven execution does otherwise

A stage that does not run costs no state transition, and a request field that SageMaker adds tomorrow needs no change
here. All that a stage learns is kept under ``<stage>.result`` in the data; the one variable is the last fault.
"""

from typing import Any

from pipeline.definition.approval import approval_states
from pipeline.definition.choices import FINISHED, choice_after, first_choice
from pipeline.definition.deployment import deployment_states
from pipeline.definition.faults import judged
from pipeline.definition.registration import registration_states
from pipeline.definition.requests import request_states
from pipeline.definition.resources import Resources
from pipeline.definition.timeouts import bounded
from pipeline.stages import APPROVAL, DEPLOYMENT, REGISTRATION, STAGES, RequestStage, Stage

__all__ = ["Resources", "definition"]


def definition(resources: Resources) -> dict[str, Any]:
    """The definition of the whole pipeline.

    Args:
        resources: what of one deployment it refers to.
    """
    name, states = first_choice()
    start = name
    for stage in STAGES:
        name, choice = choice_after(stage)
        states |= _states(stage, resources, following=name) | choice
    states[FINISHED] = {"Type": "Succeed"}
    return {
        "Comment": "MLOps pipeline: each stage of input.yaml whose run flag is true, in order.",
        "QueryLanguage": "JSONata",
        "StartAt": start,
        "States": judged(bounded(states), start=start),
    }


def _states(stage: Stage, resources: Resources, *, following: str) -> dict[str, Any]:
    if isinstance(stage, RequestStage):
        return request_states(stage, resources, following=following)
    others = {REGISTRATION: registration_states, APPROVAL: approval_states, DEPLOYMENT: deployment_states}
    return others[stage](resources, following=following)
