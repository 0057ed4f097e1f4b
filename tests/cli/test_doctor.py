"""How ``mlops doctor`` shows its results."""

import io

import pytest
from click.testing import CliRunner
from rich.console import Console

from cli.doctor import show
from cli.main import main
from doctor.result import Result, failure, ok, skipped, warning


def shown(results: list[Result], width: int = 100) -> list[str]:
    """The lines that a terminal of this width shows."""
    output = io.StringIO()
    show(Console(file=output, width=width, highlight=False), results)
    return [line.rstrip() for line in output.getvalue().splitlines()]


def test_one_line_per_result() -> None:
    """A line has mark, subject and finding; the remedy is below; a subject is named once."""
    assert shown(
        [
            ok("stack", "mlops-demo is complete"),
            failure("quotas", "training is 0", "request 1"),
            ok("quotas", "processing is 4"),
            warning("failures", "nobody hears of them", "subscribe"),
            skipped("cost", "access denied"),
        ]
    ) == [
        "✓  stack     mlops-demo is complete",
        "✗  quotas    training is 0",
        "             → request 1",
        "✓            processing is 4",
        "!  failures  nobody hears of them",
        "             → subscribe",
        "-  cost      skipped: access denied",
        "",
        "1 problem will make a run fail; 1 warning; 1 skipped",
    ]


def test_narrow_terminal() -> None:
    """A long finding continues below its beginning."""
    assert shown([ok("stack", "is " + "very " * 5 + "complete")], width=30) == [
        "✓  stack  is very very very",
        "          very very complete",
        "",
        "nothing was found that would",
        "make a run fail",
    ]


def test_control_characters() -> None:
    """Text from AWS cannot control the terminal."""
    assert shown([ok("stack", "a\x1b[2Jb")])[0] == r"✓  stack  a\x1b[2Jb"


@pytest.mark.parametrize(
    ("variables", "line"),
    [({}, "✗  region  no AWS region is set"), ({"AWS_PROFILE": "mine"}, "✗  credentials  The config profile (mine)")],
    ids=["no region", "no profile"],
)
def test_aws_that_is_not_configured(variables: dict[str, str], line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a region or a profile, that is the finding, with a remedy; the exit code is 1."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (variables | {"AWS_CONFIG_FILE": "/no/file", "AWS_SHARED_CREDENTIALS_FILE": "/no/file"}).items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 1
    assert result.output.startswith(line)
    assert "→ " in result.output
