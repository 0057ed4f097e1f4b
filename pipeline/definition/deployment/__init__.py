"""Deployment: the endpoint is created, or updated in place; a failure puts back what was there.

    deployment: endpoint            is it there, and in service?
    deployment: endpoint config     a new one
    deployment: create or update?   or neither, where somebody else is changing the endpoint
    deployment: wait, look          until it is in service, or the time is up
    deployment: in service?         what comes next: the smoke test, the autoscaling, the end, or the way back
    deployment: undo?               deletes the new endpoint, or puts the previous endpoint config back

SageMaker refuses to touch an endpoint that is being created or updated, and an update fails where the endpoint config
in use has been deleted; so the way back is patient, and deletes the new endpoint config last.

The states are in ``making``, ``watching``, ``trying`` and ``undoing``, their requests in ``requests``.
"""

from typing import Any

from pipeline.definition.deployment.making import made_states
from pipeline.definition.deployment.states import ENDPOINT
from pipeline.definition.deployment.trying import tried_states
from pipeline.definition.deployment.undoing import undone_states
from pipeline.definition.deployment.watching import watched_states
from pipeline.definition.resources import Resources

__all__ = ["ENDPOINT", "deployment_states"]


def deployment_states(resources: Resources, *, following: str) -> dict[str, Any]:
    """The stage's states.

    Args:
        resources: what of the deployment they refer to.
        following: the name of the state after them.
    """
    made, watched = made_states(resources), watched_states(resources, following)
    return made | watched | tried_states(resources) | undone_states(resources)
