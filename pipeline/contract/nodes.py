"""``input.yaml`` as YAML nodes, by YAML's core schema.

Booleans are ``true`` and ``false``, numbers are decimal or begin with 0x or 0o, and all else is a string, dates and
``yes`` included: https://yaml.org/spec/1.2.2/#103-core-schema. Editors read YAML so; PyYAML's own loaders do not.
"""

import re
from dataclasses import replace
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.nodes import Node
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from pipeline.contract.problems import InvalidFileError, Problem

MAX_VALUES = 131_072
"""Keys and values in a file, and values with aliases followed: no more fit into Step Functions' 262,144 bytes."""

TOO_MANY = f"more than {MAX_VALUES:,} values, aliases followed"

MAX_DEPTH = 100
"""Levels of a file; SageMaker's requests have ten."""

TOO_DEEP = f"more than {MAX_DEPTH} levels, aliases followed"

TAG = "tag:yaml.org,2002:"


class _TooMuchError(yaml.MarkedYAMLError):
    """The file goes beyond a bound."""


class _Resolver(BaseResolver):
    """Which plain scalars are not strings."""


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
    _Resolver.add_implicit_resolver(TAG + _name, re.compile(_regexp), _first)


class _Loader(Reader, Scanner, Parser, Composer, _Resolver):
    """Text to nodes, no deeper than is sensible; tags are gathered, not followed."""

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
        if self._depth > MAX_DEPTH:
            raise _TooMuchError(problem=TOO_DEEP, problem_mark=event.start_mark)
        if self._nodes > MAX_VALUES:
            raise _TooMuchError(problem=TOO_MANY, problem_mark=event.start_mark)
        node: Node | None = super().compose_node(parent, index)
        self._depth -= 1
        if explicit and node is not None:
            self.tagged.append(node)
        return node


def read_nodes(text: str) -> tuple[Node | None, list[Node]]:
    """The document's root, None where it is empty, and the nodes that have a tag."""
    try:
        loader = _Loader(text)
        return loader.get_single_node(), loader.tagged
    except _TooMuchError as error:
        raise InvalidFileError([_at_mark(error.problem_mark, Problem(message=str(error.problem)))]) from error
    except yaml.MarkedYAMLError as error:
        problem = Problem(message=f"not valid YAML: {_explained(error)}")
        raise InvalidFileError([_at_mark(error.problem_mark or error.context_mark, problem)]) from error
    except ReaderError as error:
        before = text[: error.position]
        message = f"not valid YAML: the character {ord(text[error.position]):#06x} is not allowed"
        place = {"line": before.count("\n") + 1, "column": error.position - before.rfind("\n")}
        raise InvalidFileError([Problem(message=message, **place)]) from error
    except (ValueError, OverflowError) as error:  # \UFFFFFFFF in a quoted string
        raise InvalidFileError([Problem(message=f"not valid YAML: {error}", line=loader.line + 1, column=1)]) from error


def _explained(error: yaml.MarkedYAMLError) -> str:
    words = ", ".join(part for part in (error.context, error.problem) if part)
    return f"{words}; indent with spaces, not with tabs" if r"'\t'" in words else words


def at(node: Node | None, problem: Problem) -> Problem:
    """The problem with the place where the node begins."""
    return _at_mark(node.start_mark if node else None, problem)


def _at_mark(mark: yaml.Mark | None, problem: Problem) -> Problem:
    return replace(problem, line=mark.line + 1, column=mark.column + 1) if mark else problem
