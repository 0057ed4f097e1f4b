"""States files: Amazon States Language in YAML, with substitutions."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.asl.states_file import StatesFileError, read_states

PIPELINE = Path(__file__).parent.parent.parent / "pipeline"
FILES = sorted(PIPELINE.rglob("*.asl.yaml"))
CODE = "\n".join(file.read_text() for file in PIPELINE.rglob("*.py"))
STATES = """
States:
  "${task}":
    Type: Task
    Resource: arn:${partition}:states:::sns:publish
    Arguments:
      Message: |-
        {% $states.input.a
           & '${text}' %}
    TimeoutSeconds: ${seconds}
    Retry: ${gate_retry}
    Next: ${following}
DefinitionSubstitutions:
  text: ${number} lines
"""


def read(folder: Path, text: str = STATES, **given: Any) -> dict[str, Any]:
    """The states of a file with this text."""
    file = folder / "states.asl.yaml"
    file.write_text(text)
    required = {"task": "a: task", "seconds": 60, "number": 3, "following": "next"} | given
    return read_states(file, {"partition": "aws", "topic": "TOPIC"}, **required)


def test_substitutions_are_replaced(tmp_path: Path) -> None:
    """They work in keys, values and other substitutions; a whole value keeps its type; lines are joined."""
    state = read(tmp_path)["a: task"]
    assert state["Arguments"] == {"Message": "{% $states.input.a & '3 lines' %}"}
    assert (state["Resource"], state["TimeoutSeconds"]) == ("arn:aws:states:::sns:publish", 60)
    assert state["Retry"][0]["ErrorEquals"][0] == "ServiceError"


def test_a_cdk_token_is_inserted_as_it_is(tmp_path: Path) -> None:
    """A token for a resource's ARN, which the CDK resolves later, looks like a substitution but is none."""
    file = tmp_path / "states.asl.yaml"
    file.write_text("States: {a: {Resource: '${gate}'}}")
    assert read_states(file, {"gate": "${Token[TOKEN.7]}"}) == {"a": {"Resource": "${Token[TOKEN.7]}"}}


@pytest.mark.parametrize(
    ("text", "given", "problem"),
    [
        (STATES.replace("${number}", "${nmber}"), {}, "unknown substitution: nmber"),
        (STATES, {"more": 1, "other": 2}, "unused substitution: more, other"),
        (STATES + "  spare: 1\n", {}, "unused substitution: spare"),
        (STATES, {"number": []}, "substitution number is part of a string, but neither a string nor a number"),
        (STATES.replace("TimeoutSeconds", "Next"), {}, "duplicate key 'Next'"),
    ],
)
def test_mistakes_are_named_with_the_file(tmp_path: Path, text: str, given: dict[str, Any], problem: str) -> None:
    """An unknown or unused name and a duplicate key are errors that name it and the file."""
    with pytest.raises(StatesFileError, match=re.escape(problem)) as raised:
        read(tmp_path, text, **given)
    assert "states.asl.yaml" in str(raised.value)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PIPELINE).as_posix())
def test_every_optional_substitution_is_used(file: Path) -> None:
    """By its own file, by Python code, or, if it is shared, by any file."""
    texts = "\n".join(each.read_text() for each in FILES) if file.stem.startswith("shared") else file.read_text()
    for name in yaml.safe_load(file.read_text()).get("OptionalSubstitutions", {}):
        assert f"${{{name}}}" in texts or f'"{name}"' in CODE or f"${{{name}}}" in CODE, name
