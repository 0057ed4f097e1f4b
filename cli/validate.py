"""``mlops validate``: checks an ``input.yaml`` as the start Lambda does."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from cli.overrides import parse
from pipeline.input.errors import InputIssue, InvalidFileError, path_text
from pipeline.input.execution import execution_input
from pipeline.input.samples import SAMPLE_TOKENS
from pipeline.input.tokens import EXECUTION_TOKEN, TOKENS
from pipeline.integration_fields import unconfirmed_fields
from pipeline.stages import STAGES


def validate(
    *, file: Path, tokens: tuple[str, ...], overrides: tuple[str, ...], vpc: bool, parameters: bool, as_json: bool
) -> None:
    """Checks a file, prints its errors, and ends the command: exit code 0 if the file is valid, else 1.

    Args:
        file: an ``input.yaml``.
        tokens: ``NAME=VALUE``, in place of the tokens' sample values.
        overrides: ``KEY=VALUE``, merged over the file.
        vpc: whether the deployment has the parameter ``vpc-subnet-ids``.
        parameters: whether to print the execution's input.
        as_json: whether to print JSON only.

    Raises:
        click.UsageError: a token or an override is malformed.
    """
    values = SAMPLE_TOKENS | dict(_token(token) for token in tokens)
    try:
        made = execution_input(
            file.read_bytes(), tokens=values, event_id=str(file), overrides=parse(overrides), in_vpc=vpc
        )
    except InvalidFileError as error:
        if as_json:
            found = [_as_json(problem) for problem in error.problems]
            _print_json({"file": str(file), "valid": False, "problems": found})
        else:
            for problem in error.problems:
                click.echo(problem.located(file))
        sys.exit(1)
    running = [stage.key for stage in STAGES if (made.content.get(stage.key) or {}).get("run")]
    warnings = [*unconfirmed_fields(made.content)]
    warnings += [warning for stage in STAGES for warning in stage.warnings(made.content)]
    if as_json:
        found = [_as_json(warning) for warning in warnings]
        report = {"file": str(file), "valid": True, "problems": [], "warnings": found, "runs": running}
        _print_json(report | ({"parameters": made.content} if parameters else {}))
        return
    for warning in warnings:
        click.echo(f"{file}: warning: {path_text(warning.path)}: {warning.message}", err=True)
    if parameters:
        _print_json(made.content)
    else:
        click.echo(f"{file} is valid; it runs {', '.join(running) or 'no stage'}")


def _token(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    allowed = [name for name in TOKENS if name != EXECUTION_TOKEN]
    if not equals or name not in allowed:
        raise click.UsageError(f"invalid --token {text!r}; expected NAME=VALUE, where NAME is {', '.join(allowed)}")
    return name, value


def _as_json(problem: InputIssue) -> dict[str, Any]:
    return {
        "line": problem.line,
        "column": problem.column,
        "path": path_text(problem.path),
        "value": problem.value,
        "allowed": problem.allowed,
        "nearest": problem.nearest,
        "message": problem.message,
    }


def _print_json(content: dict[str, Any]) -> None:
    click.echo(json.dumps(content, indent=2))
