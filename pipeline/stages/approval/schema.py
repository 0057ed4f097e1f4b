"""The JSON Schema of approval's section."""

from pipeline.limits import DEFAULT_APPROVAL_WAIT, LONGEST_APPROVAL_WAIT
from pipeline.stages.section_schema import BOOLEAN, NUMBER, TEXT, Schema, seconds, section

_METRIC_PATH = {"minLength": 1, "maxLength": 256}


def approval_section() -> Schema:
    """Thresholds, the champion, and a person's answer."""
    metric = {
        "type": "object",
        "required": ["name"],
        "additionalProperties": False,
        # A name alone limits nothing.
        "minProperties": 2,
        "properties": {
            "name": {"description": "Path in evaluation.json, with dots: group.auc.value.", "type": "string"}
            | _METRIC_PATH,
            "minimum": {"description": "The metric must be at least this."} | NUMBER,
            "maximum": {"description": "The metric must be at most this."} | NUMBER,
        },
    }
    return section(
        "Whether the model may be deployed: by its metrics, and, if asked for, by a person.",
        metrics={"description": "Thresholds, all of which must be met.", "type": ["array", "null"], "items": metric},
        must_beat_champion={"description": "Whether to reject a model that is worse than the newest approved version."}
        | BOOLEAN,
        by={"description": "The metric to compare by; by default the first of metrics."} | TEXT | _METRIC_PATH,
        manual={"description": "Whether a person must approve: mlops approve, mlops reject."} | BOOLEAN,
        timeout_seconds=seconds(
            "to wait for the answer",
            most=LONGEST_APPROVAL_WAIT,
            default=f"{DEFAULT_APPROVAL_WAIT // (24 * 3600)} days",
        ),
    )
