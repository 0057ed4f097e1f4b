"""Names the jobs of an execution."""

import json
from collections.abc import Mapping
from typing import Any

from pipeline.stages import REQUEST_STAGES

Jobs = Mapping[str, tuple[str, str]]
"""By the stage's key: the action that creates its job, such as ``createTrainingJob``, and the job's name."""


STAGES_WITH_JOBS = tuple(stage for stage in REQUEST_STAGES if stage.noun.endswith("Job"))


def job_names(content: dict[str, Any], execution: str) -> dict[str, tuple[str, str]]:
    """Returns the action and the name of each job that an execution may start, by the key of its stage.

    Args:
        content: the execution's input.
        execution: its name, from which jobs get theirs unless the input names them.
    """
    return {
        stage.key: (
            stage.action,
            ((content.get(stage.key) or {}).get("input") or {}).get(stage.name_field) or stage.name_prefix + execution,
        )
        for stage in STAGES_WITH_JOBS
    }


def jobs_of(execution: dict[str, Any]) -> Jobs:
    """Returns the jobs that an execution may start.

    Args:
        execution: as DescribeExecution returns it.
    """
    content = json.loads(execution.get("input") or "{}")
    return job_names(content, execution["name"]) if isinstance(content, dict) else {}
