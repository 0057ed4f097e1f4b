"""Models: CreateModel, and models in a container."""

import gzip
from collections.abc import Callable
from typing import Any

import pytest

from tests.sagemaker_local.sandbox import SHOUT, Sandbox, needs_namespaces

Make = Callable[..., dict[str, Any]]
CREATE = "createTransformJob"

pytestmark = needs_namespaces


def test_code_in_the_artifact(sandbox: Sandbox, transform_request: Make, model_request: Make) -> None:
    """Without a source directory, the code comes from the folder ``code`` in the model's artifact."""
    sandbox.archive("model.tar.gz", mark_txt="?", code__inference_py=SHOUT)
    sandbox.run("createModel", model_request(Environment={}))
    sandbox.put("in/a.csv", "a\n")
    sandbox.run(CREATE, transform_request())
    assert sandbox.get("predictions/a.csv.out") == b"A?\n"


def test_model_does_not_load(sandbox: Sandbox, serve: Callable[..., None], transform_request: Make) -> None:
    """A model_fn that raises fails the job; its error is at the end of the reason."""
    serve("def model_fn(model_dir):\n    raise RuntimeError('made by another scikit-learn')")
    sandbox.put("in/a.csv", "a\n")
    reason = sandbox.reason(CREATE, transform_request())
    assert reason.startswith("AlgorithmError: See job logs for more information, exit code: 1\n")
    assert reason.endswith("RuntimeError: made by another scikit-learn")


def test_no_script(sandbox: Sandbox, transform_request: Make, model_request: Make) -> None:
    """A model without a script fails the job; the reason has the script's name and the folders searched."""
    sandbox.archive("model.tar.gz", mark_txt="!")
    sandbox.run("createModel", model_request(Environment={}))
    sandbox.put("in/a.csv", "a\n")
    reason = sandbox.reason(CREATE, transform_request())
    assert "inference.py (SAGEMAKER_PROGRAM) is in none of /opt/ml/code, /opt/ml/model/code" in reason


@pytest.mark.parametrize("content", [b"no archive at all", gzip.compress(b"no tar", mtime=0), b""])
def test_wrong_artifact(sandbox: Sandbox, serve: Callable[..., None], transform_request: Make, content: bytes) -> None:
    """A model artifact that is not a .tar.gz fails the job and is named."""
    serve()
    sandbox.put("model.tar.gz", content)
    sandbox.put("in/a.csv", "a\n")
    reason = sandbox.reason(CREATE, transform_request())
    assert reason.startswith(
        'ClientError: Failed to extract archive from URL "s3://bucket/model.tar.gz". Please ensure'
    )


def test_multi_model(sandbox: Sandbox, model_request: Make) -> None:
    """A multi-model container is rejected as such, not because its model data is a prefix."""
    sandbox.archive("models/a.tar.gz", mark_txt="!")
    failure = sandbox.fail("createModel", model_request(Mode="MultiModel", ModelDataUrl="s3://bucket/models/"))
    assert (failure.error, "Mode is 'MultiModel'" in failure.cause) == ("Local.NotSupported", True)


def test_create_model(sandbox: Sandbox, model_request: Make) -> None:
    """CreateModel returns the response of a request-response integration; the name is then taken."""
    sandbox.archive("model.tar.gz", mark_txt="!")
    response = sandbox.run("createModel", model_request())
    assert response["ModelArn"] == "arn:aws:sagemaker:eu-west-1:123456789012:model/my-model"
    assert response["SdkHttpMetadata"]["HttpStatusCode"] == 200
    failure = sandbox.fail("createModel", model_request())
    assert failure.error == "SageMaker.AmazonSageMakerException"
    assert failure.cause.startswith('Cannot create already existing model "arn:aws:sagemaker:')


@pytest.mark.parametrize("url", ["s3://bucket/none.tar.gz", "s3://bucket/model", "s3://no-such-bucket/model.tar.gz"])
def test_no_model_data(sandbox: Sandbox, url: str, model_request: Make) -> None:
    """A model whose data is missing, or is only a prefix, is rejected with SageMaker's message."""
    sandbox.archive("model.tar.gz", mark_txt="!")
    failure = sandbox.fail("createModel", model_request(ModelDataUrl=url))
    assert failure.error == "SageMaker.AmazonSageMakerException"
    assert failure.cause.startswith(f"Could not find model data at {url}.")


def test_uncompressed_model(sandbox: Sandbox, transform_request: Make, model_request: Make) -> None:
    """A model whose data source is a prefix is downloaded as individual files."""
    sandbox.put("model/mark.txt", "?")
    sandbox.put("model/code/inference.py", SHOUT)
    source = {"S3Uri": "s3://bucket/model/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    request = model_request(ModelDataSource={"S3DataSource": source})
    for key in ("ModelDataUrl", "Environment"):
        del request["PrimaryContainer"][key]
    sandbox.run("createModel", request)
    sandbox.put("in/a.csv", "a\n")
    sandbox.run(CREATE, transform_request())
    assert sandbox.get("predictions/a.csv.out") == b"A?\n"


def test_unknown_model(sandbox: Sandbox, transform_request: Make) -> None:
    """A transform job of a missing model is rejected, and its name stays free."""
    for _ in range(2):
        failure = sandbox.fail(CREATE, transform_request())
        assert failure.error == "SageMaker.AmazonSageMakerException"
        assert failure.cause.startswith(
            'Could not find model "arn:aws:sagemaker:eu-west-1:123456789012:model/my-model".'
        )


def test_model_package(sandbox: Sandbox, transform_request: Make, model_request: Make) -> None:
    """A model of an approved package uses its container with the model's variables; other packages are rejected."""
    script = SHOUT.replace("return [row.upper()", "import os; return [os.environ['WORD'] + row.upper()")
    sandbox.archive("model.tar.gz", mark_txt="?", code__inference_py=script)
    sandbox.run("createModelPackageGroup", {"ModelPackageGroupName": "demo"})
    container = model_request(Environment={"WORD": "hm "})["PrimaryContainer"]
    specification = {"Containers": [container], "SupportedContentTypes": ["text/csv"]}
    package = {"ModelPackageGroupName": "demo", "InferenceSpecification": specification}
    arn = sandbox.run("createModelPackage", package)["ModelPackageArn"]
    request = model_request() | {"PrimaryContainer": {"ModelPackageName": arn, "Environment": {"WORD": "oh "}}}
    failure = sandbox.fail("createModel", request)
    assert failure.error == "SageMaker.AmazonSageMakerException"
    assert failure.cause.startswith(f"ModelPackage {arn} cannot be deployed: its ModelApprovalStatus is Pending")
    sandbox.run("updateModelPackage", {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved"})
    sandbox.run("createModel", request)
    sandbox.put("in/a.csv", "a\n")
    sandbox.run(CREATE, transform_request())
    assert sandbox.get("predictions/a.csv.out") == b"oh A?\n"
    request["PrimaryContainer"]["ModelPackageName"] = arn.replace("/1", "/2")
    assert "does not exist." in sandbox.fail("createModel", request | {"ModelName": "other"}).cause


def test_models_are_listed_and_deleted(sandbox: Sandbox, model_request: Callable[..., dict[str, Any]]) -> None:
    """Models are listed, newest first, until they are deleted; then their name is free again."""
    sandbox.archive("model.tar.gz", mark_txt="!")
    for name in ("first", "second"):
        sandbox.run("createModel", model_request() | {"ModelName": name})
    listed = sandbox.run("listModels", {})["Models"]
    assert {model["ModelName"] for model in listed} == {"first", "second"}
    assert sandbox.run("listModels", {"NameContains": "sec"})["Models"][0]["ModelArn"].endswith(":model/second")
    described = sandbox.run("describeModel", {"ModelName": "second"})
    assert described["PrimaryContainer"] == model_request()["PrimaryContainer"]
    assert described["ModelArn"].endswith(":model/second")
    assert sandbox.run("deleteModel", {"ModelName": "first"}) == {}
    assert [model["ModelName"] for model in sandbox.run("listModels", {})["Models"]] == ["second"]
    assert "Could not find model" in sandbox.fail("deleteModel", {"ModelName": "first"}).cause
    assert "Could not find model" in sandbox.fail("describeModel", {"ModelName": "first"}).cause
    sandbox.run("createModel", model_request() | {"ModelName": "first"})
