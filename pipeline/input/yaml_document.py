"""Parses ``input.yaml`` as plain data and records the line and column of each value.

YAML's core schema applies: booleans are ``true`` and ``false``, numbers are decimal or begin with 0x or 0o, and
everything else is a string, including dates and ``yes``: https://yaml.org/spec/1.2.2/#103-core-schema. Editors read
YAML this way; PyYAML's own loaders do not. Tags, duplicate keys and anything else that is not plain data are issues.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from pipeline.input.errors import InputIssue, InvalidFileError, Path, shown

MAX_FILE_BYTES = 1_000_000
"""The maximum size of a file: more than enough for the input that Step Functions accepts, plus comments."""

_LARGEST_BITS = 64
"""The maximum size of a whole number, as in SageMaker's largest fields."""

_BOOLEANS = {"true": True, "false": False}

_MAX_VALUES = 131_072
"""The maximum number of keys and values, with aliases followed: no more fit into Step Functions' 262,144 bytes."""

_TOO_MANY = f"more than {_MAX_VALUES:,} values, aliases followed"

_MAX_DEPTH = 100
"""The maximum number of levels; SageMaker's requests have ten."""

_TOO_DEEP = f"more than {_MAX_DEPTH} levels, aliases followed"

_TAG = "tag:yaml.org,2002:"


class Document:
    """A parsed file.

    Args:
        content: the file's bytes.

    Raises:
        InvalidFileError: it is not UTF-8, not YAML, not a single document with a mapping at the top, or too large.
    """

    def __init__(self, content: bytes) -> None:
        self._root, tagged = _read_nodes(_decoded(content))
        self._count = 0
        self._open: set[Node] = set()
        self.problems = [
            _at(node, InputIssue(message=f"the tag {shown(node.tag)} is not allowed; the file is data only"))
            for node in tagged
        ]
        """What is invalid in a file that can be parsed: tags, duplicate keys, numbers that JSON lacks."""
        data = self._value(self._root, ()) if self._root else None
        if not isinstance(data, dict):
            found = "nothing" if data is None else f"{shown(data)}"
            raise InvalidFileError(
                [
                    InputIssue(
                        message=f"the top of the file must be a mapping of stages; found {found}", line=1, column=1
                    )
                ]
            )
        self.data: dict[str, Any] = data

    def located(self, problem: InputIssue) -> InputIssue:
        """Returns the issue with its line and column; for a missing key, those of the mapping that lacks it."""
        node, key = self._root, None
        for part in problem.path:
            found = _child(node, part)
            if found is None:
                return _at(key or node, problem)
            key, node = found
        return _at(key if problem.at_key and key else node, problem)

    def _value(self, node: Node, path: Path) -> Any:
        self._count += 1
        for too_much, message in (
            (node in self._open, "is an alias of a value that contains it"),
            (self._count > _MAX_VALUES, _TOO_MANY),
            (len(self._open) > _MAX_DEPTH, _TOO_DEEP),
        ):
            if too_much:
                raise InvalidFileError([_at(node, InputIssue(path=path, message=message))])
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        self._open.add(node)
        value: Any
        if isinstance(node, MappingNode):
            value = self._mapping(node, path)
        else:
            value = [self._value(child, (*path, index)) for index, child in enumerate(node.value)]
        self._open.remove(node)
        return value

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, child in node.value:
            if _is_merge(key):
                for source in _merge_sources(child):
                    if not isinstance(source, MappingNode):
                        self._report(source, path, "<< takes a mapping, or a list of mappings")
                    else:
                        merged = self._value(source, path) | merged
            elif not isinstance(key, ScalarNode) or key.tag != f"{_TAG}str":
                given = key.value if isinstance(key, ScalarNode) else "a list or a mapping"
                self._report(
                    key,
                    path,
                    f"the key {shown(given)} is not a string; a key that looks like a number, "
                    "a boolean or null needs quotes",
                )
            elif key.value in own:
                self._report(key, (*path, key.value), "appears twice in the same mapping")
            else:
                own[key.value] = self._value(child, (*path, key.value))
        return merged | own

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        text: str = node.value
        match node.tag.removeprefix(_TAG):
            case "null":
                return None
            case "bool":
                return _BOOLEANS.get(text.lower())  # None if only a tag claims that it is a boolean
            case "int" | "float" as kind:
                number = _number(text, kind)
                if number is None:
                    self._report(node, path, f"{shown(text)} is not a number that JSON can hold")
                return number
        if re.search("[\ud800-\udfff]", text):
            self._report(node, path, f"{shown(text)} contains half a character (a surrogate)")
        return text

    def _report(self, node: Node, path: Path, message: str) -> None:
        self.problems.append(_at(node, InputIssue(path=path, message=message, value=path[-1] if path else None)))


def _number(text: str, kind: str) -> int | float | None:
    """Returns the number; None if it is infinite, not a number, or too long for Python."""
    try:
        if kind == "int":
            whole = int(text, 0) if text[:2] in {"0x", "0o"} else int(text)
            return whole if whole.bit_length() <= _LARGEST_BITS else None
        number = float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


def _merge_sources(node: Node) -> list[Node]:
    return node.value if isinstance(node, SequenceNode) else [node]


def _children(node: Node | None) -> Iterator[tuple[str | int, Node, Node]]:
    """Yields the name, the key's node and the value's node of each child; merged ones come after the mapping's own."""
    if isinstance(node, MappingNode):
        for key, child in node.value:
            if not _is_merge(key) and isinstance(key, ScalarNode):
                yield key.value, key, child
        for key, child in node.value:
            if _is_merge(key):
                for source in _merge_sources(child):
                    yield from _children(source)
    elif isinstance(node, SequenceNode):
        for index, child in enumerate(node.value):
            yield index, child, child


def _is_merge(key: Node) -> bool:
    return isinstance(key, ScalarNode) and key.tag == f"{_TAG}merge"


def _child(node: Node | None, part: str | int) -> tuple[Node, Node] | None:
    return next(((key, child) for name, key, child in _children(node) if name == part), None)


def _decoded(content: bytes) -> str:
    if len(content) > MAX_FILE_BYTES:
        message = f"the file has more than {MAX_FILE_BYTES:,} bytes, which is the most that is read"
        raise InvalidFileError([InputIssue(message=message)])
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"the file is not UTF-8 text: {error.reason} at byte {error.start}"
        raise InvalidFileError([InputIssue(message=message, line=line, column=1)]) from error


class _TooMuchError(yaml.MarkedYAMLError):
    """The file exceeds a limit."""


class _Resolver(BaseResolver):
    """Decides which plain scalars are not strings."""


for _name, _regexp, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
    (
        "float",
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        list("-+.0123456789"),
    ),
    ("merge", r"^<<$", ["<"]),
):
    _Resolver.add_implicit_resolver(_TAG + _name, re.compile(_regexp), _first)


class _Loader(Reader, Scanner, Parser, Composer, _Resolver):
    """Composes text into nodes, with limits; collects tags instead of resolving them."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        _Resolver.__init__(self)
        self.tagged: list[Node] = []
        self._depth = 0
        self._nodes = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        explicit = getattr(event, "tag", None) is not None
        self._depth += 1
        self._nodes += 1
        if self._depth > _MAX_DEPTH:
            raise _TooMuchError(problem=_TOO_DEEP, problem_mark=event.start_mark)
        if self._nodes > _MAX_VALUES:
            raise _TooMuchError(problem=_TOO_MANY, problem_mark=event.start_mark)
        node: Node | None = super().compose_node(parent, index)
        self._depth -= 1
        if explicit and node is not None:
            self.tagged.append(node)
        return node


def _read_nodes(text: str) -> tuple[Node | None, list[Node]]:
    """Returns the document's root, None if it is empty, and the nodes with a tag."""
    try:
        loader = _Loader(text)
        return loader.get_single_node(), loader.tagged
    except _TooMuchError as error:
        raise InvalidFileError([_at_mark(error.problem_mark, InputIssue(message=str(error.problem)))]) from error
    except yaml.MarkedYAMLError as error:
        problem = InputIssue(message=f"not valid YAML: {_explained(error)}")
        raise InvalidFileError([_at_mark(error.problem_mark or error.context_mark, problem)]) from error
    except ReaderError as error:
        before = text[: error.position]
        message = f"not valid YAML: the character {ord(text[error.position]):#06x} is not allowed"
        place = {"line": before.count("\n") + 1, "column": error.position - before.rfind("\n")}
        raise InvalidFileError([InputIssue(message=message, **place)]) from error
    except (ValueError, OverflowError) as error:  # \UFFFFFFFF in a quoted string
        raise InvalidFileError(
            [InputIssue(message=f"not valid YAML: {error}", line=loader.line + 1, column=1)]
        ) from error


def _explained(error: yaml.MarkedYAMLError) -> str:
    words = ", ".join(part for part in (error.context, error.problem) if part)
    return f"{words}; indent with spaces, not with tabs" if r"'\t'" in words else words


def _at(node: Node | None, problem: InputIssue) -> InputIssue:
    """Returns the issue with the position of the node."""
    return _at_mark(node.start_mark if node else None, problem)


def _at_mark(mark: yaml.Mark | None, problem: InputIssue) -> InputIssue:
    return replace(problem, line=mark.line + 1, column=mark.column + 1) if mark else problem
