"""The overrides of ``input.yaml`` for an execution in which only monitoring runs, of what is in service."""

from typing import Any

from pipeline.stages import MONITORING, STAGES
from pipeline.stages.monitoring import SERVING

MONITORING_ONLY: dict[str, Any] = {
    **{stage.key: {"run": False} for stage in STAGES},
    MONITORING.key: {"run": True, "scope": SERVING},
}
