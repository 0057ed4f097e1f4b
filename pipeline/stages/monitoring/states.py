"""Monitoring's states, all but the job's in ``states.asl.yaml``, and their grants."""

from pathlib import Path
from typing import Any

from pipeline.asl.request_state import request_state
from pipeline.asl.resources import Resources
from pipeline.asl.states_file import read_states
from pipeline.grants import Grant, Grants, OwnGrant
from pipeline.retraining import DETAIL_TYPE, SOURCE
from pipeline.stages.monitoring import OUTCOME, REPORT
from pipeline.stages.requests import RequestStage

_FILE = Path(__file__).with_suffix(".asl.yaml")


def monitoring_states(stage: RequestStage, resources: Resources, *, following: str) -> dict[str, Any]:
    """The stage's states.

    Args:
        stage: the stage.
        resources: the deployment's resources.
        following: the name of the state to continue with.
    """
    own = read_states(
        _FILE,
        resources.substitutions(),
        following=following,
        report_name=REPORT,
        event_source=SOURCE,
        event_type=DETAIL_TYPE,
    )
    return request_state(stage, resources, following=OUTCOME) | own


GRANTS: Grants = {
    "aws-sdk:s3:getObject": (OwnGrant("s3:GetObject", "objects"),),
    "lambda:invoke": (OwnGrant("lambda:InvokeFunction", "monitor"),),
    "sns:publish": (OwnGrant("sns:Publish", "topic"),),
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
    "events:putEvents": (Grant("events", ("PutEvents",), ("event-bus/default",), (("events:source", SOURCE),)),),
}
