"""Training jobs in script mode, as run by the SageMaker training toolkit."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.sagemaker_local.sandbox import Sandbox, needs_namespaces

Make = Callable[..., dict[str, Any]]
CREATE = "createTrainingJob"

pytestmark = [needs_namespaces, pytest.mark.usefixtures("training_data")]


def script_mode(request: dict[str, Any], **hyperparameters: Any) -> dict[str, Any]:
    """Changes a request to that of the Python SDK's framework estimators: hyperparameters instead of an entry point."""
    request["AlgorithmSpecification"].pop("ContainerEntrypoint")
    own = {"sagemaker_program": "train.py", "sagemaker_submit_directory": "s3://bucket/source.tar.gz"}
    request["HyperParameters"] = {key: json.dumps(value) for key, value in (own | hyperparameters).items()}
    return request


def test_script_mode(sandbox: Sandbox, training_request: Make) -> None:
    """The toolkit's hyperparameters name the program; the others are its arguments."""
    sandbox.archive(
        "source.tar.gz",
        train_py="import os, sys, helper; print(os.getcwd(), sys.argv, helper.NAME, os.environ['SM_MODULE_NAME'])",
        helper_py="NAME = 'helper'",
    )
    request = script_mode(training_request(), epochs=3, layers=[1, 2], n="x", sagemaker_region="eu-west-1")
    sandbox.run(CREATE, request)
    assert sandbox.lines == ["/opt/ml/code ['train.py', '--epochs', '3', '--layers', '[1, 2]', '-n', 'x'] helper train"]


def test_variables(sandbox: Sandbox, training_request: Make) -> None:
    """In script mode, a script gets the variables of the training toolkit, of SageMaker and of the request."""
    sandbox.archive("source.tar.gz", train_py="import json, os; print(json.dumps(dict(os.environ)))")
    request = script_mode(training_request(Environment={"KEY": "VALUE"}), depth=3, name="x", flag=True, rate=0.5)
    sandbox.run(CREATE, request)
    variables = json.loads(sandbox.lines[0])
    expected = {
        "SM_MODEL_DIR": "/opt/ml/model",
        "SM_INPUT_DIR": "/opt/ml/input",
        "SM_INPUT_CONFIG_DIR": "/opt/ml/input/config",
        "SM_OUTPUT_DIR": "/opt/ml/output",
        "SM_OUTPUT_DATA_DIR": "/opt/ml/output/data",
        "SM_CHANNEL_TRAINING": "/opt/ml/input/data/training",
        "SM_CHANNEL_CODE": "/opt/ml/input/data/code",
        "SM_CURRENT_HOST": "algo-1",
        "CURRENT_HOST": "algo-1",
        "SM_NUM_GPUS": "0",
        "SM_HP_DEPTH": "3",
        "SM_HP_NAME": "x",
        "SM_HP_FLAG": "true",
        "SM_HP_RATE": "0.5",
        "SM_IS_HETERO": "false",
        "SAGEMAKER_REGION": "eu-west-1",
        "TRAINING_JOB_NAME": "mlops-demo-1",
        "TRAINING_JOB_ARN": "arn:aws:sagemaker:eu-west-1:123456789012:training-job/mlops-demo-1",
        "KEY": "VALUE",
    }
    assert {name: variables.get(name) for name in expected} == expected
    assert json.loads(variables["SM_CHANNELS"]) == ["code", "training"]
    assert json.loads(variables["SM_HOSTS"]) == ["algo-1"]
    assert json.loads(variables["SM_HPS"]) == {"depth": 3, "flag": True, "name": "x", "rate": 0.5}
    assert int(variables["SM_NUM_CPUS"]) >= 1
    environment = json.loads(variables["SM_TRAINING_ENV"])
    assert environment["hyperparameters"] == {"depth": 3, "flag": True, "name": "x", "rate": 0.5}
    assert environment["channel_input_dirs"]["training"] == "/opt/ml/input/data/training"
    assert environment["job_name"] == "mlops-demo-1"


def test_script_mode_fails(sandbox: Sandbox, training_request: Make) -> None:
    """In script mode the reason is the toolkit's: the exit code, the error and the command."""
    sandbox.archive("source.tar.gz", train_py="raise ValueError('no column named age')")
    reason = sandbox.reason(CREATE, script_mode(training_request(), epochs=3))
    assert reason.startswith('AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "Traceback ')
    assert 'ValueError: no column named age"\nCommand "python train.py --epochs 3", exit code: 1' in reason


def test_script_mode_from_a_channel(sandbox: Sandbox, training_request: Make) -> None:
    """The program may be in a channel, in a folder or an archive."""
    sandbox.put("scripts/train.py", "print('from the channel')")
    sandbox.archive("scripts/sourcedir.tar.gz", train_py="print('from the archive')")
    for number, place_of_code in enumerate(["/opt/ml/input/data/code", "/opt/ml/input/data/code/sourcedir.tar.gz"]):
        request = script_mode(training_request(TrainingJobName=f"t{number}"), sagemaker_submit_directory=place_of_code)
        sandbox.run(CREATE, request)
    assert sandbox.lines == ["from the channel", "from the archive"]


@pytest.mark.parametrize("directory", ["s3://bucket/data/train.csv", "/opt/ml/input/data/none", "/etc"])
def test_script_mode_without_source(sandbox: Sandbox, training_request: Make, directory: str) -> None:
    """A source that is missing or not an archive fails the job and is named."""
    reason = sandbox.reason(CREATE, script_mode(training_request(), sagemaker_submit_directory=directory))
    assert reason.startswith("ClientError: ")
    assert directory in reason


def test_shell_script(sandbox: Sandbox, training_request: Make) -> None:
    """A program may be a shell script."""
    sandbox.archive("source.tar.gz", run_sh="echo started with $@")
    sandbox.run(CREATE, script_mode(training_request(), sagemaker_program="run.sh", epochs=3))
    assert sandbox.lines == ["started with --epochs 3"]
