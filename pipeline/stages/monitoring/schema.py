"""The JSON Schema of monitoring's section."""

from pipeline.stages.monitoring import SERVING
from pipeline.stages.requests import RequestStage
from pipeline.stages.section_schema import BOOLEAN, NUMBER, Requests, Schema, request_section


def monitoring_section(stage: RequestStage, requests: Requests) -> Schema:
    """The job's request, what to monitor, and when to train again."""
    made = request_section(stage, requests)
    own = {
        "scope": {
            "description": f"What to monitor: the job's inputs as they stand (execution, the default), or what the "
            f"version in service has scored since the last window ({SERVING}).",
            "enum": ["execution", SERVING, None],
        },
        "minimum_records": {
            "description": "Fewer records, or labels, are not judged: the outcome is too_little_data; by default 200.",
            "type": ["integer", "null"],
            "minimum": 1,
        },
        "retrain": {"description": "Whether drift starts an execution of the whole pipeline; by default not."}
        | BOOLEAN,
        "consecutive": {
            "description": "Windows in a row with drift before it counts; by default 1.",
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": 1000,
        },
        "cooldown_hours": {
            "description": "Least hours between two retrainings; by default 24.",
            "minimum": 0,
            "maximum": 8760,
        }
        | NUMBER,
    }
    return made | {"properties": made["properties"] | own}
