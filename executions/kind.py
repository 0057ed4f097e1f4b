"""Says what an execution is for, from the stages that its input lets run and from what started it."""

from typing import Any

from pipeline.input import OVERRIDES
from pipeline.input.stage_section import StageSection
from pipeline.stages import BATCH_TRANSFORM, CREATE_MODEL, MONITORING, STAGES

ONLY_MONITORING = "monitoring"
RETRAINING = "retraining"
PIPELINE = "pipeline"


def kind(content: dict[str, Any]) -> str:
    """Returns ``monitoring``, ``retraining`` if drift started it, or ``pipeline``.

    Args:
        content: the execution's input or data.
    """
    running = [stage for stage in STAGES if StageSection.of(content, stage).runs]
    # With labels, mlops monitor has the model answer the records first.
    if MONITORING in running and not set(running) - {CREATE_MODEL, BATCH_TRANSFORM, MONITORING}:
        return ONLY_MONITORING
    # Only the rule for retraining gives a reason: infrastructure/starter.py.
    return RETRAINING if (content.get(OVERRIDES) or {}).get("reason") else PIPELINE
