"""Building blocks for the JSON Schema of a stage's section."""

from pipeline.stages.stage import Schema

NUMBER: Schema = {"type": ["number", "null"]}
TEXT: Schema = {"type": ["string", "null"]}
BOOLEAN: Schema = {"type": ["boolean", "null"]}


def section(description: str, **properties: Schema) -> Schema:
    """A section with the flag ``run`` and these properties."""
    return {
        "description": description,
        "type": ["object", "null"],
        "required": ["run"],
        "additionalProperties": False,
        "properties": {"run": {"description": "Whether the stage runs.", "type": "boolean"}, **properties},
    }


def seconds(purpose: str, *, most: int, default: str) -> Schema:
    """A time limit in whole seconds."""
    description = f"Seconds {purpose}; by default {default}."
    return {"description": description, "type": ["integer", "null"], "minimum": 1, "maximum": most}
