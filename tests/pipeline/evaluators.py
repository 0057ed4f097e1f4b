"""Two implementations of JSONata: the emulator's, and the reference, in one Node process for all tests."""

import atexit
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.machine import evaluate

PROJECT = Path(__file__).parent.parent.parent

Evaluate = Callable[[str, dict[str, Any]], Any]

_PROGRAM = """
const jsonata = require('jsonata');
const parse = JSON.parse;  // of Step Functions' own functions, the one that the definition uses
const lines = require('readline').createInterface({input: process.stdin});
(async () => {
  for await (const line of lines) {
    const [cases, variables] = JSON.parse(line);
    const one = ([expression, states, own]) =>
      jsonata(expression).evaluate({}, {...variables, ...own, states, parse});
    const values = await Promise.all(cases.map(one));
    console.log(JSON.stringify(values.map(value => value === undefined ? null : value)));
  }
})();
"""


@cache
def _node() -> "subprocess.Popen[str]":
    node = shutil.which("node", path=str(Path(sys.executable).parent)) or "node"
    process = subprocess.Popen(
        [node, "-e", _PROGRAM], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(process.communicate)
    return process


def evaluate_all_in_node(cases: Sequence[Sequence[Any]], variables: dict[str, Any] | None = None) -> list[Any]:
    """Evaluates the expressions with JSONata's reference implementation; Node reports errors on stderr.

    Args:
        cases: expressions, each with ``$states`` and optionally its own variables.
        variables: those of all.
    """
    process = _node()
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps([cases, variables or {}]) + "\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        _node.cache_clear()
        raise AssertionError(f"Node ended with {process.wait()}")
    values: list[Any] = json.loads(answer)
    return values


def evaluate_in_node(expression: str, states: dict[str, Any]) -> Any:
    """Evaluates the expression with JSONata's reference implementation."""
    return evaluate_all_in_node([(expression, states)])[0]


IMPLEMENTATIONS = pytest.mark.parametrize("evaluator", [evaluate, evaluate_in_node], ids=["python", "reference"])
