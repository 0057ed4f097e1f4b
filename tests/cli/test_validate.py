"""``mlops validate``."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from executions.defaults import PROJECT
from pipeline.input.samples import SAMPLE_TOKENS
from pipeline.input.tokens import EXECUTION_TOKEN, TOKENS
from pipeline.stages import MONITORING, STAGES

SHIPPED = PROJECT / "scripts" / "input.yaml"
FIVE_ERRORS = """\
model_id: MODEL_NAME
job_prefix: mlops
CreateModel:
  run: "yes"
  input:
    ExecutionRoleArn: nobody
    PrimaryContainer: {Imgae: IMAGE_URI}
    Tags: [{Key: a, Value: 1}]
batchTransfrom: null
"""


RUNNING = [stage.key for stage in STAGES if stage is not MONITORING]
"""The stages that the shipped input runs."""


def mlops(*arguments: str) -> Result:
    """Runs the command in this process."""
    return CliRunner().invoke(main, list(arguments))


def test_valid_file() -> None:
    """For a valid file, the exit code is 0 and the stages that run are listed."""
    result = mlops("validate", str(SHIPPED))
    assert result.exit_code == 0
    assert result.output == f"{SHIPPED} is valid; it runs {', '.join(RUNNING)}\n"


def test_five_errors_give_five_lines(tmp_path: Path) -> None:
    """Each error is one line with file, line, column, path, value and allowed values; the exit code is 1."""
    file = tmp_path / "input.yaml"
    file.write_text(FIVE_ERRORS)
    result = mlops("validate", str(file))
    assert result.exit_code == 1
    assert result.output.replace(str(file), "input.yaml").splitlines() == [
        'input.yaml:4:8: CreateModel.run: is "yes" (a string); expected true or false',
        'input.yaml:6:23: CreateModel.input.ExecutionRoleArn: is "nobody"; expected at least 20 characters, not 6',
        "input.yaml:7:24: CreateModel.input.PrimaryContainer.Imgae: is not a known key; did you mean Image?",
        'input.yaml:8:28: CreateModel.input.Tags[0].Value: is 1 (a whole number); expected a string, in quotes: "1"',
        "input.yaml:9:1: batchTransfrom: is not a known key; did you mean batchTransform?",
    ]


def test_errors_as_json(tmp_path: Path) -> None:
    """With --json, each error is an object."""
    file = tmp_path / "input.yaml"
    file.write_text(FIVE_ERRORS)
    result = mlops("validate", str(file), "--json")
    assert result.exit_code == 1
    report = json.loads(result.output)
    assert report["valid"] is False
    assert len(report["problems"]) == 5
    assert report["problems"][2] | {"allowed": None} == {
        "line": 7,
        "column": 24,
        "path": "CreateModel.input.PrimaryContainer.Imgae",
        "value": "Imgae",
        "allowed": None,
        "nearest": "Image",
        "message": "is not a known key; did you mean Image?",
    }
    assert "ModelDataUrl" in report["problems"][2]["allowed"]


def test_parameters_are_what_the_lambda_would_send() -> None:
    """With --parameters, the execution's input is printed, with the given tokens."""
    arguments = ["validate", str(SHIPPED), "--parameters", "--token", "MLOPS_BUCKET=mine"]
    sent: dict[str, Any] = json.loads(mlops(*arguments).output)
    assert sent["training"]["input"]["OutputDataConfig"]["S3OutputPath"].startswith(
        "s3://mine/demo/executions/mlops-demo-"
    )
    report = json.loads(mlops(*arguments, "--json").output)
    assert report == {
        "file": str(SHIPPED),
        "valid": True,
        "problems": [],
        "warnings": [],
        "runs": RUNNING,
        "parameters": sent,
    }


def test_fields_that_step_functions_may_not_support() -> None:
    """A field that the integration is not known to pass on is a warning with the source; the file stays valid."""
    override = ("--override", "training.input.RetryStrategy={MaximumRetryAttempts: 2}")
    result = mlops("validate", str(SHIPPED), *override)
    assert result.exit_code == 0
    assert "warning: training.input.RetryStrategy: Step Functions may not support" in result.stderr
    assert "connect-sagemaker.html" in result.stderr
    assert "is valid" in result.stdout
    report = json.loads(mlops("validate", str(SHIPPED), *override, "--json").output)
    assert [warning["path"] for warning in report["warnings"]] == ["training.input.RetryStrategy"]
    assert not mlops("validate", str(SHIPPED), *override, "--override", "training.run=false").stderr.count("warning")


def test_overrides_are_checked_too() -> None:
    """With --override, the file is checked together with the overrides, as for an event."""
    result = mlops("validate", str(SHIPPED), "--override", "training.run=false")
    assert result.exit_code == 1
    assert "training.run is not true" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["no-such-file.yaml"],
        [str(PROJECT)],
        [str(SHIPPED), "--token", "MLOPS_BUCKET"],
        [str(SHIPPED), "--token", "SFN_EXECUTION_ID=x"],
        [str(SHIPPED), "--override", "training.run"],
        [str(SHIPPED), "--override", "=false"],
        [str(SHIPPED), "--unknown"],
    ],
    ids=str,
)
def test_wrong_usage(arguments: list[str]) -> None:
    """The exit code for wrong usage is 2."""
    assert mlops("validate", *arguments).exit_code == 2


def test_every_token_has_a_sample_value() -> None:
    """Each token except the execution's own has a sample value."""
    assert set(SAMPLE_TOKENS) == set(TOKENS) - {EXECUTION_TOKEN}


def test_approval_without_registration_is_a_warning() -> None:
    """A model that is approved but not registered is served from where jobs can write: a warning."""
    result = mlops("validate", str(SHIPPED), "--override", "registration.run=false")
    assert result.exit_code == 0
    assert "warning: approval.run: is true, but registration.run is not" in result.stderr
    assert not mlops("validate", str(SHIPPED)).stderr


def test_deployment_without_registration_is_a_warning() -> None:
    """A model that is served without being registered expires: a warning, unless it is kept elsewhere."""
    unregistered = ("--override", "registration.run=false")
    assert "warning: deployment.run: is true, but registration.run is not" in (
        mlops("validate", str(SHIPPED), *unregistered).stderr
    )
    for override in (
        "deployment.run=false",
        "CreateModel.input.PrimaryContainer.ModelDataUrl=s3://models/model.tar.gz",
    ):
        assert "deployment.run" not in mlops("validate", str(SHIPPED), *unregistered, "--override", override).stderr
