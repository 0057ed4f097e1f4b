"""Generates the JSON Schema of ``input.yaml`` from the stage list and botocore's service model of SageMaker.

``python -m pipeline.schema`` writes it to ``pipeline/input/input.schema.json``, which is committed: editors and the
start Lambda read the file, and only this module needs botocore.

A shape becomes a definition that allows null, since nulls are dropped before SageMaker sees them; if a value is
required, the property's own ``type`` excludes null. A string that contains a token is exempt from the field's limits:
the Lambda validates after it has filled in the tokens.
"""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.loaders import Loader
from botocore.model import ServiceModel

from pipeline.botocore_docs import in_words, plain_text, portable_pattern
from pipeline.input import PUBLISH_REPORT
from pipeline.input.tokens import TOKENS
from pipeline.input.validator import EXPECTED
from pipeline.reuse import REUSE
from pipeline.stages import SAGEMAKER_NAME_LENGTH, STAGES
from pipeline.stages.section_schema import reuse_properties

if TYPE_CHECKING:
    from botocore.model import Shape, StructureShape

SCHEMA_FILE = Path(__file__).parent / "input" / "input.schema.json"

_TYPES = {
    "structure": "object",
    "map": "object",
    "list": "array",
    "string": "string",
    "boolean": "boolean",
    "integer": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
}
_LARGEST = {"integer": 2**31 - 1, "long": 2**63 - 1}

_OPEN_ENUM = "InstanceType"
"""The suffix of enums that AWS extends weekly, so that their values are only suggestions."""

_REFERENCE = "#/$defs/"
_WITH_TOKEN = {"$ref": f"{_REFERENCE}WithToken"}
_NAME = "[a-zA-Z0-9](-*[a-zA-Z0-9])*"


def input_schema() -> dict[str, Any]:
    """Returns the JSON Schema (draft 2020-12) of ``input.yaml``."""
    shapes = _Shapes()
    properties = _own_properties()
    for stage in STAGES:
        properties[stage.key] = stage.section(shapes)
        properties[stage.key]["properties"] |= reuse_properties(stage)
    (rules,) = [stage.rules() for stage in STAGES if stage.rules()] or [{}]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "input.yaml of the ML pipeline",
        "type": "object",
        "required": ["job_prefix", "model_id"],
        "additionalProperties": False,
        "properties": properties,
        **rules,
        "$defs": shapes.definitions,
    }


def _own_properties() -> dict[str, Any]:
    name = {"maxLength": SAGEMAKER_NAME_LENGTH} | _pattern(_NAME)
    name_part = {"if": _WITH_TOKEN, "else": name}
    return {
        "app_id": {"description": "Your application, for your own use.", "type": ["string", "null"]},
        "model_id": {"description": "The model; names begin with <job_prefix>-<model_id>-.", "type": "string"}
        | name_part,
        "job_prefix": {"description": "The prefix of the names of executions and jobs.", "type": "string"} | name_part,
        "source_execution_id": {
            "description": "The earlier execution whose results replace those of the stages that do not run.",
            "type": ["string", "null"],
        }
        | name,
        REUSE: {
            "description": "Whether stages whose inputs have not changed are reused from an earlier execution.",
            "type": ["boolean", "null"],
        },
        PUBLISH_REPORT: {
            "description": "Whether the report and the index of all runs are published to the bucket when it ends.",
            "type": ["boolean", "null"],
        },
        "reason": {"description": "Why the execution was started, for people.", "type": ["string", "null"]},
    }


class _Shapes:
    """Converts the shapes of SageMaker's requests into definitions of the schema."""

    def __init__(self) -> None:
        self._model = ServiceModel(Loader().load_service_model("sagemaker", "service-2"), "sagemaker")
        self.definitions: dict[str, Any] = {
            "WithToken": {
                "description": "Text with a token that the start Lambda fills in.",
                "type": "string",
                "pattern": rf"\b({'|'.join(TOKENS)})\b",
            }
        }

    def request(self, action: str, *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
        """See ``stages.section_schema.Requests``."""
        name = self._defined(action)
        for path in optional:
            definition = self.definitions[name]
            *outer, field = path.split(".")
            for part in outer:
                definition = self.definitions[definition["properties"][part]["$ref"].removeprefix(_REFERENCE)]
            if field in definition.get("required", ()):
                del definition["properties"][field]["type"]
                definition["required"] = [name for name in definition["required"] if name != field]
        return {"$ref": f"{_REFERENCE}{name}"}

    def fields(self, action: str) -> dict[str, Any]:
        """See ``stages.section_schema.Requests``."""
        fields: dict[str, Any] = self.definitions[self._defined(action)]["properties"]
        return fields

    def _defined(self, action: str) -> str:
        shape: Any = self._model.operation_model(action).input_shape
        _define(shape, self.definitions)
        return str(shape.name)


def _define(shape: "Shape", definitions: dict[str, Any]) -> None:
    """Adds the definitions of the shape and of all shapes in it. A shape may contain itself."""
    if shape.name in definitions:
        return
    definition: dict[str, Any] = {"type": [_TYPES[shape.type_name], "null"]}
    definitions[shape.name] = definition
    details: Any = shape  # its attributes depend on its type_name
    match shape.type_name:
        case "structure":
            definition |= _structure(details, definitions)
        case "list":
            definition["items"] = _reference(details.member, definitions, required=True)
        case "map":
            definition["propertyNames"] = _reference(details.key, definitions, required=True)
            definition["additionalProperties"] = _reference(details.value, definitions, required=False)
    definition |= _limits(shape)


def _structure(shape: "StructureShape", definitions: dict[str, Any]) -> dict[str, Any]:
    properties = {}
    for name, member in shape.members.items():
        reference = _reference(member, definitions, required=name in shape.required_members)
        text = plain_text(member.documentation)
        properties[name] = reference | ({"description": text} if text else {})
    required = _present(required=list(shape.required_members))
    return required | {"additionalProperties": False, "properties": properties}


def _reference(shape: "Shape", definitions: dict[str, Any], *, required: bool) -> dict[str, Any]:
    _define(shape, definitions)
    return {"$ref": f"{_REFERENCE}{shape.name}"} | ({"type": _TYPES[shape.type_name]} if required else {})


def _limits(shape: "Shape") -> dict[str, Any]:
    metadata: dict[str, Any] = dict(shape.metadata)
    least, most = metadata.get("min"), metadata.get("max")
    match shape.type_name:
        case "string":
            return _string_limits(shape.name, metadata)
        case "list":
            return _present(minItems=least, maxItems=most)
        case "map":
            return _present(minProperties=least, maxProperties=most)
        case "integer" | "long" | "float" | "double" as kind:
            return _present(maximum=most or _LARGEST.get(kind)) | ({} if least is None else {"minimum": least})
    return {}


def _string_limits(name: str, metadata: dict[str, Any]) -> dict[str, Any]:
    if "enum" in metadata and name.endswith(_OPEN_ENUM):
        return {"examples": list(metadata["enum"])} | _pattern(r"ml\.[a-z0-9.-]+")
    if "enum" in metadata:
        return {"enum": [*metadata["enum"], None]}
    limits = _present(minLength=metadata.get("min"), maxLength=metadata.get("max"))
    limits |= _pattern(metadata.get("pattern", ""))
    return {"if": _WITH_TOKEN, "else": limits} if "pattern" in limits else limits


def _pattern(pattern: str) -> dict[str, str]:
    """Returns the pattern with its meaning in words, which YAML language servers show instead."""
    portable = portable_pattern(pattern)
    if not portable:
        return {}
    words = in_words(pattern)
    return _present(pattern=f"^({portable})$", patternErrorMessage=words and f"{EXPECTED}{words}")


def _present(**limits: Any) -> dict[str, Any]:
    """Drops limits that limit nothing, such as a minimum length of 0 or an absent pattern."""
    return {name: limit for name, limit in limits.items() if limit}


def schema_text() -> str:
    """Returns the schema as JSON: indented, with lists of plain values on one line."""
    text = json.dumps(input_schema(), indent=1, ensure_ascii=False)
    return re.sub(r"\[\n([^\[\]{}]*?)\n *\]", lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
