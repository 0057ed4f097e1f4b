"""``input.yaml`` as data, with the place of each value. What is not data is a problem."""

import re
from collections.abc import Iterator
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from pipeline.contract.nodes import MAX_DEPTH, MAX_VALUES, TAG, TOO_DEEP, TOO_MANY, at, read_nodes
from pipeline.contract.problems import InvalidFileError, Path, Problem, shown

MAX_FILE_BYTES = 1_000_000
"""Bytes of a file that are read: more than enough for what Step Functions takes, comments included."""

_LARGEST_BITS = 64
"""Bits of a whole number; SageMaker's longest fields have them."""

_BOOLEANS = {"true": True, "false": False}


class Document:
    """A file's content.

    Args:
        content: the file's bytes.

    Raises:
        InvalidFileError: it is not UTF-8, not YAML, not one document with a mapping at its top, or too much.
    """

    def __init__(self, content: bytes) -> None:
        self._root, tagged = read_nodes(_decoded(content))
        self._count = 0
        self._open: set[Node] = set()
        self.problems = [
            at(node, Problem(message=f"the tag {shown(node.tag)} is not allowed; the file is data only"))
            for node in tagged
        ]
        """What makes the file bad although it can be read: tags, keys that stand twice, numbers that JSON has not."""
        data = self._value(self._root, ()) if self._root else None
        if not isinstance(data, dict):
            found = "nothing" if data is None else f"{shown(data)}"
            raise InvalidFileError(
                [Problem(message=f"the top of the file must be a mapping of stages; found {found}", line=1, column=1)]
            )
        self.data: dict[str, Any] = data

    def located(self, problem: Problem) -> Problem:
        """The problem with its line and column; for what is missing, those of what it is missing in."""
        node, key = self._root, None
        for part in problem.path:
            found = _child(node, part)
            if found is None:
                return at(key or node, problem)
            key, node = found
        return at(key if problem.at_key and key else node, problem)

    def _value(self, node: Node, path: Path) -> Any:
        self._count += 1
        for too_much, message in (
            (node in self._open, "is an alias of what it stands in"),
            (self._count > MAX_VALUES, TOO_MANY),
            (len(self._open) > MAX_DEPTH, TOO_DEEP),
        ):
            if too_much:
                raise InvalidFileError([at(node, Problem(path=path, message=message))])
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
            elif not isinstance(key, ScalarNode) or key.tag != f"{TAG}str":
                given = key.value if isinstance(key, ScalarNode) else "a list or a mapping"
                self._report(
                    key,
                    path,
                    f"the key {shown(given)} is not a string; a key that looks like a number, "
                    "a truth value or null stands in quotes",
                )
            elif key.value in own:
                self._report(key, (*path, key.value), "stands twice in the same mapping")
            else:
                own[key.value] = self._value(child, (*path, key.value))
        return merged | own

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        text: str = node.value
        match node.tag.removeprefix(TAG):
            case "null":
                return None
            case "bool":
                return _BOOLEANS.get(text.lower())  # None for what a tag claims to be one
            case "int" | "float" as kind:
                number = _number(text, kind)
                if number is None:
                    self._report(node, path, f"{shown(text)} is not a number that JSON can hold")
                return number
        if re.search("[\ud800-\udfff]", text):
            self._report(node, path, f"{shown(text)} has half a character (a surrogate) in it")
        return text

    def _report(self, node: Node, path: Path, message: str) -> None:
        self.problems.append(at(node, Problem(path=path, message=message, value=path[-1] if path else None)))


def _number(text: str, kind: str) -> int | float | None:
    """The number; None where it is infinite, not a number, or longer than Python reads."""
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
    """The name, the key's node and the value's node of each child; of what is merged, after the mapping's own."""
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
    return isinstance(key, ScalarNode) and key.tag == f"{TAG}merge"


def _child(node: Node | None, part: str | int) -> tuple[Node, Node] | None:
    return next(((key, child) for name, key, child in _children(node) if name == part), None)


def _decoded(content: bytes) -> str:
    if len(content) > MAX_FILE_BYTES:
        message = f"the file has more than {MAX_FILE_BYTES:,} bytes, which is the most that is read"
        raise InvalidFileError([Problem(message=message)])
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"the file is not UTF-8 text: {error.reason} at byte {error.start}"
        raise InvalidFileError([Problem(message=message, line=line, column=1)]) from error
