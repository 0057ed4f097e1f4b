"""Validates a value against a JSON Schema and reports every issue.

It supports only the keywords that ``pipeline.schema`` writes. A test compares it with the reference implementation.
Like SageMaker, it is stricter in one respect: ``1.0`` is not an integer.
"""

import functools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

from pipeline.input.errors import InputIssue, Path, listed, nearest, shown

Schema = Mapping[str, Any]

EXPECTED = "expected "
"""The prefix of the schema's descriptions of patterns, which editors show verbatim."""

_SCHEMA_FILE = FilePath(__file__).parent / "input.schema.json"
_REFERENCE = "#/$defs/"

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
_NOUNS = {
    "object": "a mapping",
    "array": "a list",
    "string": "a string",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
}

KEYWORDS = frozenset(
    {"$ref", "type", "enum", "const", "if", "then", "else"}
    | {"properties", "required", "additionalProperties", "propertyNames", "minProperties", "maxProperties"}
    | {"items", "minItems", "maxItems", "pattern", "minLength", "maxLength", "minimum", "maximum"}
)
"""The keywords that limit what is valid, without ``$defs`` and those that only describe."""


@functools.cache
def input_schema() -> Schema:
    """Returns the schema of ``input.yaml``, read once."""
    content: Schema = json.loads(_SCHEMA_FILE.read_bytes())
    return content


def problems(value: Any, schema: Schema | None = None) -> Iterator[InputIssue]:
    """Yields every issue of the value, in the value's order.

    Args:
        value: parsed JSON: dicts with string keys, lists, strings, numbers, booleans, None.
        schema: the schema; by default that of ``input.yaml``.
    """
    schema = input_schema() if schema is None else schema
    return _Validator(schema.get("$defs", {})).problems(value, schema, ())


class _Validator:
    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions

    def problems(self, value: Any, schema: Schema, path: Path) -> Iterator[InputIssue]:
        wrong_type = _type_problem(value, schema, path)
        if wrong_type:
            yield wrong_type
            return  # the other keywords are about another type
        if "$ref" in schema:
            yield from self.problems(value, self._definitions[schema["$ref"].removeprefix(_REFERENCE)], path)
        if "if" in schema:
            matches = next(self.problems(value, schema["if"], path), None) is None
            yield from self.problems(value, schema.get("then" if matches else "else", {}), path)
        yield from _value_problems(value, schema, path)
        if isinstance(value, dict):
            yield from self._members(value, schema, path)
        elif isinstance(value, list) and "items" in schema:
            for index, item in enumerate(value):
                yield from self.problems(item, schema["items"], (*path, index))

    def _members(self, value: dict[str, Any], schema: Schema, path: Path) -> Iterator[InputIssue]:
        properties = schema.get("properties", {})
        others = schema.get("additionalProperties", True)
        for key in schema.get("required", ()):
            if key not in value:
                yield InputIssue(path=(*path, key), message="is missing; it is required", allowed="required")
        for key, item in value.items():
            if "propertyNames" in schema:
                for problem in self.problems(key, schema["propertyNames"], (*path, key)):
                    yield InputIssue(path=problem.path, message=f"the key {problem.message}", value=key, at_key=True)
            if key in properties:
                yield from self.problems(item, properties[key], (*path, key))
            elif others is False:
                yield _unknown_key(key, list(properties), path)
            elif others is not True:
                yield from self.problems(item, others, (*path, key))


def _type_problem(value: Any, schema: Schema, path: Path) -> InputIssue | None:
    if "type" not in schema:
        return None
    allowed = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    # In Python, unlike in JSON, true is an integer.
    if any(isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool)) for name in allowed):
        return None
    expected = listed(_NOUNS[name] for name in allowed if name != "null")
    if "errorMessage" in schema:
        return InputIssue(path=path, message=schema["errorMessage"], value=value, allowed="null")
    if value is None:
        message = f"is null, but it is required; expected {expected}"
    else:
        message = f"is {shown(value)} ({_noun(value)}); expected {expected}"
        if expected == "a string" and isinstance(value, (bool, int, float)):
            message += f", in quotes: {shown(json.dumps(value))}"
    return InputIssue(path=path, message=message, value=value, allowed=expected)


def _noun(value: Any) -> str:
    if isinstance(value, bool):
        return "a truth value"
    return next(
        _NOUNS[name] for name in ("object", "array", "string", "integer", "number") if isinstance(value, _TYPES[name])
    )


def _value_problems(value: Any, schema: Schema, path: Path) -> Iterator[InputIssue]:
    if "const" in schema and (value != schema["const"] or type(value) is not type(schema["const"])):
        yield InputIssue(path=path, message=f"is {shown(value)}; expected {shown(schema['const'])}", value=value)
    if "enum" in schema and value not in schema["enum"]:
        allowed = [word for word in schema["enum"] if word is not None]
        near = nearest(value, allowed)
        meant = f"; did you mean {near}?" if near else ""
        message = f"is {shown(value)}; allowed are {listed(allowed, most=40)}{meant}"
        yield InputIssue(path=path, message=message, value=value, allowed=allowed, nearest=near)
    for limit in _limits(value, schema):
        yield InputIssue(path=path, message=f"is {shown(value)}; expected {limit}", value=value, allowed=limit)


def _limits(value: Any, schema: Schema) -> Iterator[str]:
    """Yields what is expected instead, for each limit that the value violates."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if "minimum" in schema and not value >= schema["minimum"]:
            yield f"at least {schema['minimum']:,}"
        if "maximum" in schema and not value <= schema["maximum"]:
            yield f"at most {schema['maximum']:,}"
    for kind, suffix, things in ((str, "Length", "character"), (list, "Items", "item"), (dict, "Properties", "key")):
        if isinstance(value, kind):
            least, most = schema.get(f"min{suffix}", 0), schema.get(f"max{suffix}", len(value))
            if not least <= len(value) <= most:
                bound, count = ("at least", least) if len(value) < least else ("at most", most)
                yield f"{bound} {count:,} {things}{'' if count == 1 else 's'}, not {len(value):,}"
                return  # a text of the wrong length is not matched against its pattern
    if isinstance(value, str) and "pattern" in schema and not _pattern(schema["pattern"]).search(value):
        words = schema.get("patternErrorMessage", f"text that matches {schema['pattern']}")
        yield words.removeprefix(EXPECTED)


@functools.cache
def _pattern(pattern: str) -> re.Pattern[str]:
    """Compiles with ``$`` as the end, as in JSON Schema; Python's also matches before a final line break."""
    return re.compile(re.sub(r"\$$", r"\\Z", pattern), re.ASCII)


def _unknown_key(key: str, known: list[str], path: Path) -> InputIssue:
    near = nearest(key, known)
    meant = f"did you mean {near}?" if near else f"known here: {listed(known, most=40)}"
    return InputIssue(
        path=(*path, key), message=f"is not a known key; {meant}", value=key, allowed=known, nearest=near, at_key=True
    )
