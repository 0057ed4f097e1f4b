"""Building blocks for the JSON Schema of a stage's section, and the section of a request stage."""

from typing import Any, Protocol

from pipeline.reuse import IGNORES, REUSE
from pipeline.stages.requests import RequestStage
from pipeline.stages.stage import Stage

Schema = dict[str, Any]

NUMBER: Schema = {"type": ["number", "null"]}
TEXT: Schema = {"type": ["string", "null"]}
BOOLEAN: Schema = {"type": ["boolean", "null"]}


class Requests(Protocol):
    """The schemas of SageMaker's requests."""

    def request(self, action: str, *, optional: tuple[str, ...] = ()) -> Schema:
        """Returns a reference to an action's request; ``optional`` lists required fields that the user may omit."""

    def fields(self, action: str) -> dict[str, Schema]:
        """Returns the fields of an action's request."""


def section(description: str, **properties: Schema) -> Schema:
    """Returns the schema of a section with the flag ``run`` and these properties."""
    return {
        "description": description,
        "type": ["object", "null"],
        "required": ["run"],
        "additionalProperties": False,
        "properties": {"run": {"description": "Whether the stage runs.", "type": "boolean"}, **properties},
    }


def reuse_properties(stage: Stage) -> dict[str, Schema]:
    """Returns the properties of a section that say whether the stage is reused; none if it never is."""
    if not stage.kept_result:
        return {}
    own = {REUSE: {"description": "Whether the stage is reused; by default what the top of the file says."} | BOOLEAN}
    if not (isinstance(stage, RequestStage) and stage.waits):
        return own
    patterns = {
        "description": "Files of its inputs that the job does not read, as patterns: `evaluation.py`, `tests/*`.",
        "type": ["array", "null"],
        "items": {"type": "string", "minLength": 1},
    }
    return own | {IGNORES: patterns}


def seconds(purpose: str, *, most: int, default: str) -> Schema:
    """Returns the schema of a time limit in whole seconds."""
    description = f"Seconds {purpose}; by default {default}."
    return {"description": description, "type": ["integer", "null"], "minimum": 1, "maximum": most}


def request_section(stage: RequestStage, requests: Requests) -> Schema:
    """Returns the schema of a request stage's section; fields that the state machine fills in are optional."""
    filled_in = (stage.name_field,) + ((stage.model_from.name_field,) if stage.model_from else ())
    given = requests.request(f"Create{stage.noun}", optional=filled_in)
    if stage.action == "createProcessingJob":
        requests.fields(f"Create{stage.noun}")["AppManaged"] = {
            "description": "Ignored: the SageMaker SDK writes it, but the API has no such field.",
            "type": ["boolean", "null"],
        }
    description = f"The request of SageMaker's Create{stage.noun}; a null field counts as omitted."
    return section(f"sagemaker:{stage.integration}", input=given | {"description": description}) | {
        "if": {"properties": {"run": {"const": True}}, "required": ["run"]},
        "then": {"required": ["input"], "properties": {"input": {"type": "object"}}},
    }
