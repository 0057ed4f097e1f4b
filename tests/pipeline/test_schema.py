"""The JSON Schema of input.yaml."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.botocore_docs import plain_text, portable_pattern
from pipeline.input.validator import KEYWORDS, input_schema
from pipeline.schema import SCHEMA_FILE, schema_text
from pipeline.stages import REQUEST_STAGES, RequestStage

PROJECT = Path(__file__).parent.parent.parent
DESCRIBING = {"$schema", "$defs", "title", "description", "examples", "patternErrorMessage", "errorMessage"}


def schemas(schema: Any) -> Iterator[dict[str, Any]]:
    """Yields the schema and every schema in it."""
    if not isinstance(schema, dict):
        return
    yield schema
    for key in ("properties", "$defs"):
        for inner in schema.get(key, {}).values():
            yield from schemas(inner)
    for key in ("if", "then", "else", "items", "propertyNames", "additionalProperties"):
        yield from schemas(schema.get(key))


def test_committed_schema_is_up_to_date() -> None:
    """The committed file is what python -m pipeline.schema generates from the stage list and botocore."""
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text()


def test_it_is_a_schema_of_draft_2020_12() -> None:
    """The schema itself is valid."""
    import jsonschema  # noqa: PLC0415 - slow to import

    jsonschema.Draft202012Validator.check_schema(dict(input_schema()))


def test_validator_knows_every_keyword() -> None:
    """Our validator supports every keyword in the schema."""
    assert {key for schema in schemas(input_schema()) for key in schema} <= KEYWORDS | DESCRIBING


def test_shipped_input_names_the_schema() -> None:
    """The first line of input.yaml refers editors to the schema."""
    file = PROJECT / "scripts" / "input.yaml"
    first = file.read_text().splitlines()[0]
    reference = first.removeprefix("# yaml-language-server: $schema=")
    assert (file.parent / reference).resolve() == SCHEMA_FILE


@pytest.mark.parametrize("stage", REQUEST_STAGES, ids=lambda stage: stage.key)
def test_every_stage_has_every_field_of_its_request(stage: RequestStage, sagemaker: Any) -> None:
    """All request fields are documented; those that the state machine fills in are optional."""
    section = input_schema()["properties"][stage.key]
    request = input_schema()["$defs"][section["properties"]["input"]["$ref"].removeprefix("#/$defs/")]
    shape = sagemaker.operation_model(f"Create{stage.noun}").input_shape
    assert set(request["properties"]) - {"AppManaged"} == set(shape.members)
    assert all(field.get("description") for field in request["properties"].values())
    assert set(shape.required_members) - set(request["required"]) <= {stage.name_field, "ModelName"}
    assert stage.name_field not in request["required"]


def test_instance_types_are_suggestions() -> None:
    """Instance types that AWS adds later are valid; the known ones are suggested."""
    definition = input_schema()["$defs"]["TrainingInstanceType"]
    assert "ml.m5.xlarge" in definition["examples"]
    assert "enum" not in definition


def test_every_pattern_is_one_for_editors() -> None:
    """JavaScript, which language servers use, compiles each pattern in Unicode mode."""
    patterns = [schema["pattern"] for schema in schemas(input_schema()) if "pattern" in schema]
    program = "JSON.parse(require('fs').readFileSync(0)).forEach(pattern => new RegExp(pattern, 'u'))"
    node = shutil.which("node", path=str(Path(sys.executable).parent)) or "node"
    completed = subprocess.run(
        [node, "-e", program], input=json.dumps(patterns), capture_output=True, text=True, check=False
    )
    assert completed.returncode == 0, completed.stderr


@pytest.mark.parametrize(
    ("java", "portable"),
    [
        (r"[\s\S]*", ""),
        (r"[a-z]+", r"[a-z]+"),
        (r"arn:[\p{Alnum}\-]+:lambda", r"arn:[a-zA-Z0-9\-]+:lambda"),
    ],
)
def test_patterns_are_made_portable(java: str, portable: str) -> None:
    """Patterns that only Java supports are rewritten."""
    assert portable_pattern(java) == portable


def test_documentation_is_plain_text() -> None:
    """Tags and entities are removed; paragraphs and items are on separate lines."""
    html = "<p>Up to <code>100</code> of\n   these:</p> <ul> <li> <p>a &amp; b</p> </li> <li>c</li> </ul>"
    assert plain_text(html) == "Up to 100 of these:\n- a & b\n- c"
