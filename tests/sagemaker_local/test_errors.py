"""The line of a log that says why a Python program ended."""

import pytest

from sagemaker_local.errors import exception_line

TRACEBACK = ["Traceback (most recent call last):", '  File "train.py", line 1, in <module>', "    fit()"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], ""),
        (["epoch 1", "Warning: slow"], ""),
        (["epoch 1", *TRACEBACK, "ValueError: no column named age"], "ValueError: no column named age"),
        ([*TRACEBACK, "my.package.OddError: first", "second: line", "exiting"], "my.package.OddError: first"),
        ([*TRACEBACK, "KeyboardInterrupt"], "KeyboardInterrupt"),
        (
            [*TRACEBACK, "KeyError: 'a'", "", "During handling of the above exception, ...:", "", *TRACEBACK, "E: b"],
            "E: b",
        ),
        (['  File "train.py", line 1', "    if", "SyntaxError: invalid syntax"], "SyntaxError: invalid syntax"),
        (TRACEBACK, ""),
    ],
)
def test_exception_line(lines: list[str], expected: str) -> None:
    """It is the first line after the frames of the last traceback; a syntax error has no traceback."""
    assert exception_line(lines) == expected
