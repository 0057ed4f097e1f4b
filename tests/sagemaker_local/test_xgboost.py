"""SageMaker's built-in XGBoost: training, batch transform and endpoints."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.sagemaker_local.demo_endpoint import invoke, wait_until_settled
from tests.sagemaker_local.sandbox import ROLE, Sandbox, needs_namespaces

CREATE = "createTrainingJob"
IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:{}"
TAGS = ("3.0-5",)
PARAMETERS = {"num_round": "4", "objective": "binary:logistic", "eval_metric": "auc,logloss", "max_depth": "3"}

pytestmark = needs_namespaces


def rows(seed: int, count: int = 120) -> list[tuple[int, float, float]]:
    """Returns labels with two features, of which the first decides."""
    made = random.Random(seed)  # noqa: S311 - data of a test
    points = [(made.random(), made.random()) for _ in range(count)]
    return [(int(first > 0.5), first, second) for first, second in points]


def as_csv(table: list[tuple[int, float, float]]) -> str:
    """Returns a table in CSV, the label first."""
    return "".join(f"{label},{first:.4f},{second:.4f}\n" for label, first, second in table)


def as_libsvm(table: list[tuple[int, float, float]]) -> str:
    """Returns a table in libsvm."""
    return "".join(f"{label} 0:{first:.4f} 1:{second:.4f}\n" for label, first, second in table)


def training(*, tag: str = "3.0-5", content_type: str | None = "text/csv", **changes: Any) -> dict[str, Any]:
    """Returns a CreateTrainingJob request as the Python SDK makes it for a built-in algorithm."""

    def channel(name: str) -> dict[str, Any]:
        source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://bucket/{name}/"}}
        typed = {"ContentType": content_type} if content_type else {}
        return {"ChannelName": name, "DataSource": source} | typed

    request: dict[str, Any] = {
        "TrainingJobName": "xgboost-1",
        "AlgorithmSpecification": {"TrainingImage": IMAGE.format(tag), "TrainingInputMode": "File"},
        "HyperParameters": PARAMETERS,
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "InputDataConfig": [channel("train"), channel("validation")],
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/model/"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "RoleArn": ROLE,
    }
    return request | changes


@pytest.fixture
def data(sandbox: Sandbox) -> None:
    """The channels ``train`` and ``validation`` in CSV."""
    sandbox.put("train/a.csv", as_csv(rows(1)))
    sandbox.put("train/more/b.csv", as_csv(rows(2)))
    sandbox.put("validation/c.csv", as_csv(rows(3)))


@pytest.fixture
def trained(sandbox: Sandbox, data: None) -> Iterator[Callable[..., dict[str, Any]]]:  # noqa: ARG001 - puts the data
    """Trains a model and creates ``my-model`` from it. Stops endpoints after the test."""

    def make(tag: str = "3.0-5", **container: Any) -> dict[str, Any]:
        described = sandbox.run(CREATE, training(tag=tag))
        model = {"Image": IMAGE.format(tag), "ModelDataUrl": described["ModelArtifacts"]["S3ModelArtifacts"]}
        request = {"ModelName": "my-model", "PrimaryContainer": model | container, "ExecutionRoleArn": ROLE}
        sandbox.run("createModel", request)
        return described

    yield make
    sandbox.sagemaker.stop()


@pytest.mark.parametrize("tag", TAGS)
def test_trains_and_transforms(
    sandbox: Sandbox,
    trained: Callable[..., dict[str, Any]],
    transform_request: Callable[..., dict[str, Any]],
    tag: str,
) -> None:
    """Each version trains on CSV, logs its metrics as SageMaker does, and predicts a line for each record."""
    trained(tag)
    assert "Train matrix has 240 rows and 2 columns" in sandbox.lines
    logged = [line for line in sandbox.lines if line.startswith("[")]
    assert [line.partition("#011")[0] for line in logged] == ["[0]", "[1]", "[2]", "[3]"]
    names = [value.partition(":")[0] for value in logged[-1].split("#011")[1:]]
    assert names == ["train-auc", "train-logloss", "validation-auc", "validation-logloss"]
    assert float(logged[-1].split("#011")[3].partition(":")[2]) > 0.95
    assert list(sandbox.unpacked("model/xgboost-1/output/model.tar.gz")) == ["xgboost-model"]
    sandbox.put("in/a.csv", "0.9,0.5\n0.1,0.5\n")
    sandbox.run("createTransformJob", transform_request())
    high, low = map(float, sandbox.get("predictions/a.csv.out").decode().splitlines())
    assert high > 0.5 > low


def test_endpoint(sandbox: Sandbox, trained: Callable[..., dict[str, Any]]) -> None:
    """An endpoint answers CSV and libsvm, in CSV on one line or in JSON, and rejects the rest by a status."""
    trained()
    variant = {"VariantName": "AllTraffic", "ModelName": "my-model", "InstanceType": "ml.m5.large"}
    config = {"EndpointConfigName": "demo", "ProductionVariants": [variant | {"InitialInstanceCount": 1}]}
    sandbox.run("createEndpointConfig", config)
    sandbox.run("createEndpoint", {"EndpointName": "demo", "EndpointConfigName": "demo"})
    assert wait_until_settled(sandbox)["EndpointStatus"] == "InService"
    both = invoke(sandbox, "0.9,0.5\n0.1,0.5")["Body"]
    high, low = map(float, both.split(","))
    assert high > 0.5 > low
    assert invoke(sandbox, "0:0.9 1:0.5\n0:0.1 1:0.5", ContentType="text/libsvm")["Body"] == both
    answer = json.loads(invoke(sandbox, "0.9,0.5", Accept="application/json")["Body"])
    assert answer == {"predictions": [{"score": high}]}
    for status, body, changes in (
        (400, "1,2,3,4,5", {}),
        (415, "a,b", {}),
        (415, "{}", {"ContentType": "application/json"}),
        (406, "0.9,0.5", {"Accept": "image/png"}),
    ):
        failure = sandbox.fail(
            "invokeEndpoint",
            {"EndpointName": "demo", "Body": body, "ContentType": "text/csv", "Accept": "text/csv"} | changes,
        )
        assert f"({status})" in failure.cause


def test_libsvm(sandbox: Sandbox) -> None:
    """A channel without a content type is libsvm, as in the container."""
    for name, seed in (("train", 1), ("validation", 2)):
        sandbox.put(f"{name}/data", as_libsvm(rows(seed)))
    sandbox.run(CREATE, training(content_type=None))
    assert "Train matrix has 120 rows and 2 columns" in sandbox.lines


def test_early_stopping(sandbox: Sandbox) -> None:
    """Early stopping follows the last metric; csv_weights takes the second column; the container has own metrics."""
    for name, seed in (("train", 1), ("validation", 2)):
        table = rows(seed)
        sandbox.put(f"{name}/a.csv", "".join(f"{label},1,{first:.4f},{second:.4f}\n" for label, first, second in table))
    changed = {"num_round": "500", "early_stopping_rounds": "3", "eval_metric": "accuracy,f1_binary,logloss"}
    sandbox.run(CREATE, training(HyperParameters=PARAMETERS | changed | {"csv_weights": "1"}))
    assert "Train matrix has 120 rows and 2 columns" in sandbox.lines
    logged = [line for line in sandbox.lines if line.startswith("[")]
    assert len(logged) < 500
    assert "validation-accuracy:" in logged[0]
    assert "validation-f1_binary:" in logged[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_round": None}, "Missing required hyperparameter: num_round"),
        ({"num_rounds": "3"}, "Extraneous hyperparameter found: num_rounds"),
        ({"eta": "2"}, "Hyperparameter eta: 2.0 is not in [0, 1]"),
        ({"max_depth": "deep"}, "Hyperparameter max_depth: could not parse value 'deep'"),
        ({"objective": "multi:softmax", "eval_metric": "merror"}, "Require input for parameter 'num_class'"),
        ({"objective": "reg:squarederror"}, "Metric 'auc' can only be applied for classification and ranking"),
        ({"eval_metric": "auk"}, "Hyperparameter eval_metric: value ['auk'] not in range"),
    ],
)
def test_hyperparameters(
    sandbox: Sandbox,
    data: None,  # noqa: ARG001 - puts the data
    changes: dict[str, str | None],
    message: str,
) -> None:
    """A hyperparameter that SageMaker rejects fails the job; the reason names it."""
    given = {name: value for name, value in (PARAMETERS | changes).items() if value is not None}
    reason = sandbox.reason(CREATE, training(HyperParameters=given))
    assert message in reason
    assert reason.startswith("AlgorithmError: ")


@pytest.mark.parametrize(
    ("text", "content_type", "message"),
    [
        ("label,a,b\n1,2,3\n", "text/csv", "Failed to load csv data with exception:\nc.csv"),
        ("1\n0\n", "text/csv", "c.csv has 1 columns; expected the label first"),
        ("1 0:a\n", "text/libsvm", "c.csv:1: '1 0:a'... is not 'LIBSVM' format"),
        ("", "text/csv", "No data in train channel path"),
        ("1,2\n", "application/x-recordio-protobuf", "is not an accepted ContentType"),
        ("1,2\n", "application/x-parquet", "no pyarrow"),
        ("2,1\n0,2\n0,3\n0,4\n", "text/csv", "label must be in [0,1] for logistic regression"),
    ],
)
def test_unreadable_data(sandbox: Sandbox, text: str, content_type: str, message: str) -> None:
    """Data that cannot be trained on fails the job; the reason names the file and what was expected."""
    sandbox.put("train/c.csv", text)
    request = training(content_type=content_type)
    del request["InputDataConfig"][1]
    assert message in sandbox.reason(CREATE, request)


def test_no_model(
    sandbox: Sandbox,
    model_request: Callable[..., dict[str, Any]],
    transform_request: Callable[..., dict[str, Any]],
) -> None:
    """An archive without xgboost-model fails the job; the reason names the file that is missing."""
    sandbox.archive("model.tar.gz", model_joblib="")
    sandbox.run("createModel", model_request(Image=IMAGE.format("3.0-5"), Environment={}))
    sandbox.put("in/a.csv", "1,2\n")
    reason = sandbox.reason("createTransformJob", transform_request())
    assert "The model archive has no file xgboost-model at its top level" in reason
    assert "model.joblib" in reason


def test_own_scripts(sandbox: Sandbox, data: None, transform_request: Callable[..., dict[str, Any]]) -> None:  # noqa: ARG001 - puts the data
    """The image runs a script of the user's in script mode, and serves with a module of the user's."""
    sandbox.archive(
        "source.tar.gz",
        train_py="""
            import xgboost, pandas
            table = pandas.read_csv("/opt/ml/input/data/train/a.csv", header=None)
            data = xgboost.DMatrix(table[[1, 2]].to_numpy(), label=table[0])
            xgboost.train({"objective": "binary:logistic"}, data, 3).save_model("/opt/ml/model/mine.json")
        """,
        inference_py="""
            import xgboost
            def model_fn(folder):
                booster = xgboost.Booster()
                booster.load_model(folder + "/mine.json")
                return booster
        """,
    )
    own = {"sagemaker_program": "train.py", "sagemaker_submit_directory": "s3://bucket/source.tar.gz"}
    described = sandbox.run(CREATE, training(HyperParameters=own))
    container = {
        "Image": IMAGE.format("3.0-5"),
        "ModelDataUrl": described["ModelArtifacts"]["S3ModelArtifacts"],
        "Environment": {
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": "s3://bucket/source.tar.gz",
        },
    }
    sandbox.run("createModel", {"ModelName": "my-model", "PrimaryContainer": container, "ExecutionRoleArn": ROLE})
    sandbox.put("in/a.csv", "0.9,0.5\n0.1,0.5\n")
    sandbox.run("createTransformJob", transform_request())
    high, low = map(float, sandbox.get("predictions/a.csv.out").decode().splitlines())
    assert high > 0.5 > low
