"""The deployment stage's states, against a small fake of SageMaker's endpoints."""

from dataclasses import replace
from typing import Any

import pytest

from pipeline.asl.resources import PLACEHOLDERS
from pipeline.definition import definition
from pipeline.input.execution import merged
from sagemaker_local.requests import check_request
from tests.pipeline.endpoints import UNKNOWN, Deploy, Endpoints
from tests.pipeline.evaluators import IMPLEMENTATIONS, Evaluate
from tests.pipeline.machine import EXECUTION, Ended, Handler, TaskError, redrive, run
from tests.pipeline.sagemaker import SageMaker


def broken(_request: dict[str, Any]) -> Any:
    """A model that fails."""
    raise TaskError("SageMakerRuntime.ModelErrorException", "Received server error (500) from primary")


def answers(_request: dict[str, Any]) -> Any:
    """A model that answers."""
    return {"Body": "0.1,0\n", "ContentType": "text/csv"}


def calls(ended: Ended) -> list[str]:
    """Returns the actions called, in order."""
    return [name for name, _ in ended.requests]


def request(ended: Ended, action: str) -> Any:
    """Returns the first request of an action."""
    return next(request for name, request in ended.requests if name == action)


def test_a_new_endpoint(deploy: Deploy) -> None:
    """A missing endpoint is created, awaited and tested; the output names what is in service."""
    endpoints = Endpoints()
    ended = deploy(endpoints)
    assert ended.status == "SUCCEEDED", ended
    assert calls(ended) == [
        "describeEndpoint",
        "createEndpointConfig",
        "createEndpoint",
        "describeEndpoint",
        "describeEndpoint",
        "invokeEndpoint",
    ]
    assert request(ended, "createEndpointConfig")["ProductionVariants"] == [
        {
            "VariantName": "AllTraffic",
            "ModelName": f"model-{EXECUTION}",
            "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5},
        }
    ]
    assert request(ended, "createEndpoint") == {"EndpointName": "demo", "EndpointConfigName": EXECUTION}
    assert ended.output["deployment"]["result"] == {
        "EndpointName": "demo",
        "EndpointArn": "arn",
        "EndpointConfigName": EXECUTION,
        "smoke_test": {"ContentType": "text/csv", "Body": "0.1,0\n"},
    }


def test_an_update(deploy: Deploy) -> None:
    """An existing endpoint is updated in place; the output has its previous config."""
    ended = deploy(Endpoints(serving="before", progress=("Updating", "InService")))
    assert ended.status == "SUCCEEDED", ended
    assert "createEndpoint" not in calls(ended)
    assert request(ended, "updateEndpoint") == {"EndpointName": "demo", "EndpointConfigName": EXECUTION}
    assert ended.output["deployment"]["result"]["previous"] == "before"


def test_all_of_the_users_requests_are_passed_on(deploy: Deploy) -> None:
    """Variants, data capture, deployment config, tags: all fields are passed on, without nulls."""
    section = {
        "input": {
            "EndpointName": "mine",
            "EndpointConfig": {
                "EndpointConfigName": "my-config",
                "KmsKeyId": None,
                "ProductionVariants": [
                    {"VariantName": "a", "InitialInstanceCount": 2, "InstanceType": "ml.m5.xlarge"},
                    {"VariantName": "b", "ModelName": "other", "AcceleratorType": None},
                ],
            },
            "DeploymentConfig": {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}},
            "Tags": [{"Key": "a", "Value": "b"}],
        }
    }
    ended = deploy(Endpoints(), section)
    config = request(ended, "createEndpointConfig")
    assert config["EndpointConfigName"] == "my-config"
    assert [variant["ModelName"] for variant in config["ProductionVariants"]] == [f"model-{EXECUTION}", "other"]
    assert [variant["InstanceType"] for variant in config["ProductionVariants"]] == ["ml.m5.xlarge", "ml.m5.large"]
    assert set(config) == {"EndpointConfigName", "ProductionVariants"}
    assert request(ended, "createEndpoint") == {
        "EndpointName": "mine",
        "EndpointConfigName": "my-config",
        "DeploymentConfig": section["input"]["DeploymentConfig"],
        "Tags": section["input"]["Tags"],
    }
    for action in ("createEndpointConfig", "createEndpoint"):
        check_request(action, request(ended, action))


def test_without_an_input_it_is_serverless(deploy: Deploy) -> None:
    """The default endpoint is named after the model and has one serverless variant."""
    ended = deploy(Endpoints(), {"input": None, "smoke_test": None})
    config = request(ended, "createEndpointConfig")
    assert config["ProductionVariants"][0]["ServerlessConfig"]
    assert request(ended, "createEndpoint")["EndpointName"] == "demo"
    check_request("createEndpointConfig", config)


@IMPLEMENTATIONS
@pytest.mark.parametrize("variants", [None, [{"VariantName": "a", "ServerlessConfig": None}]])
@pytest.mark.parametrize(
    ("changes", "in_vpc"),
    [
        ({}, True),
        ({"CreateModel": {"input": {"VpcConfig": {"Subnets": ["s"], "SecurityGroupIds": ["g"]}}}}, False),
        ({"CreateModel": {"input": {"EnableNetworkIsolation": True}}}, False),
        ({"deployment": {"input": {"EndpointConfig": {"DataCaptureConfig": {"EnableCapture": True}}}}}, False),
    ],
)
def test_the_default_variant_has_an_instance_where_a_serverless_one_would_fail(
    changes: dict[str, Any], *, in_vpc: bool, variants: Any, evaluator: Evaluate, last_steps: dict[str, Any]
) -> None:
    """In a VPC, with network isolation or with data capture, a variant that says nothing runs on an instance."""
    last_steps["deployment"]["input"] = {"EndpointConfig": {"ProductionVariants": variants}}
    in_network = replace(PLACEHOLDERS, subnets=("subnet-1",), security_groups=("sg-1",))
    arguments = definition(in_network if in_vpc else PLACEHOLDERS)["States"]["deployment: endpoint config"]["Arguments"]
    made = evaluator(
        arguments.removeprefix("{%").removesuffix("%}"),
        {"input": merged(last_steps, changes), "context": {"Execution": {"Name": EXECUTION}}},
    )
    (variant,) = made["ProductionVariants"]
    assert "ServerlessConfig" not in variant
    assert variant["InstanceType"].startswith("ml.")
    assert variant["InitialInstanceCount"] == 1


def test_an_endpoint_of_four_minutes(shipped: dict[str, Any]) -> None:
    """A run of all stages with an endpoint that takes four minutes costs at most 40 transitions."""
    shipped["approval"]["manual"] = False
    waited: list[int] = []
    handlers = slow_endpoint(240, waited) | {
        "createModelPackageGroup": dict,
        "listModelPackages": lambda _: {"ModelPackageSummaryList": []},
        "createModelPackage": lambda _: {"ModelPackageArn": "package"},
        "invoke": lambda _: {"Payload": {"decision": "Approved", "reason": "all thresholds met"}},
        "updateModelPackage": dict,
    }
    ended = run(shipped, SageMaker().handlers() | handlers, waited=waited)
    assert ended.status == "SUCCEEDED", ended
    assert len(ended.entered) <= 40
    assert ended.waited[0] == 60
    assert ended.waited == sorted(ended.waited)


@pytest.mark.parametrize("timeout", [30, 3600, 14400])
def test_the_waits_end_with_the_time_that_is_left(timeout: int, last_steps: dict[str, Any]) -> None:
    """An endpoint that stays in progress is given up when its time is up, and not much is spent on looking at it."""
    for stage in ("registration", "approval", "CreateModel", "evaluation"):
        last_steps[stage]["run"] = False
    last_steps["deployment"]["timeout_seconds"] = timeout
    waited: list[int] = []
    ended = run(last_steps, slow_endpoint(10**6, waited), waited=waited)
    assert ended.cause == f"endpoint demo is Creating after {timeout} seconds"
    assert sum(waited) == timeout
    assert len(waited) <= timeout / 240 + 6


def slow_endpoint(seconds: int, waited: list[int]) -> dict[str, Handler]:
    """Returns the handlers of an endpoint that is in service after these seconds of waiting."""
    endpoints = Endpoints(progress=())
    handlers = endpoints.handlers()

    def describe(request: dict[str, Any]) -> Any:
        endpoints.status = "InService" if sum(waited) >= seconds else "Creating"
        return handlers["describeEndpoint"](request)

    return handlers | {"describeEndpoint": describe, "invokeEndpoint": answers}


def test_an_endpoint_that_never_comes_into_service(deploy: Deploy) -> None:
    """After the timeout, the new endpoint and its config are deleted, and the execution fails with the reason."""
    endpoints = Endpoints(progress=("Creating",))
    ended = deploy(endpoints, {"timeout_seconds": -1})
    assert (ended.status, ended.error) == ("FAILED", "DeploymentFailed")
    assert ended.cause == "endpoint demo is Creating after -1 seconds"
    assert endpoints.serving is None
    assert endpoints.configs == set()


def test_an_endpoint_that_fails(deploy: Deploy) -> None:
    """An endpoint that failed is deleted, with its config."""
    endpoints = Endpoints(progress=("Creating", "Failed"))
    ended = deploy(endpoints)
    assert ended.cause == "endpoint demo is Failed"
    assert (endpoints.serving, endpoints.configs) == (None, set())


def test_an_update_that_sagemaker_rolls_back(deploy: Deploy) -> None:
    """If the previous config is in service again, only the new one is deleted."""
    endpoints = Endpoints(serving="before", config="before", progress=("Updating", "RollingBack", "InService"))
    ended = deploy(endpoints)
    assert (ended.status, ended.error) == ("FAILED", "DeploymentFailed")
    assert ended.cause == "endpoint demo is InService with its previous endpoint config"
    assert (endpoints.serving, endpoints.configs) == ("before", {"before"})
    assert calls(ended).count("updateEndpoint") == 1


@pytest.mark.parametrize(("serving", "left"), [(None, None), ("before", "before")])
def test_a_failed_smoke_test(serving: str | None, left: str | None, deploy: Deploy) -> None:
    """The deployment rolls back to the previous endpoint config, or to no endpoint; the cause has the model's error."""
    endpoints = Endpoints(serving=serving, progress=("Updating", "InService"))
    ended = deploy(endpoints, invokeEndpoint=broken)
    assert (ended.status, ended.error) == ("FAILED", "DeploymentFailed")
    assert "the smoke test failed" in ended.cause
    assert "Received server error (500)" in ended.cause
    assert endpoints.serving == left
    assert endpoints.configs == ({left} if left else set())


@pytest.mark.parametrize("error", ["InternalDependencyException", "ModelErrorException"])
def test_a_slow_start_of_the_model(error: str, deploy: Deploy) -> None:
    """A model that answers at the third attempt is deployed; one that never does is rolled back after three."""
    left = [TaskError(f"SageMakerRuntime.{error}")] * 2

    def starting(_request: dict[str, Any]) -> Any:
        if left:
            raise left.pop()
        return answers(_request)

    assert deploy(Endpoints(), retries=True, invokeEndpoint=starting).status == "SUCCEEDED"
    ended = deploy(Endpoints(), retries=True, invokeEndpoint=broken)
    assert ended.error == "DeploymentFailed"
    assert calls(ended).count("invokeEndpoint") == 3


@pytest.mark.parametrize("status", ["Updating", "Creating", "Failed", "OutOfService"])
def test_an_endpoint_that_is_not_in_service_is_left_alone(status: str, deploy: Deploy) -> None:
    """An endpoint that is being changed, or that has failed, is left alone; the new config is deleted."""
    endpoints = Endpoints(serving="before", status=status, progress=())
    ended = deploy(endpoints)
    assert (ended.status, ended.error) == ("FAILED", "DeploymentFailed")
    assert ended.cause == f"endpoint demo is {status}; it can be updated when it is InService"
    assert (endpoints.serving, endpoints.configs) == ("before", {"before"})
    assert not {"updateEndpoint", "createEndpoint", "deleteEndpoint"} & set(calls(ended))


def test_a_rejected_creation(deploy: Deploy) -> None:
    """If SageMaker rejects the endpoint, its config is deleted, but no endpoint."""

    def refuse(_request: dict[str, Any]) -> Any:
        raise TaskError("SageMaker.ResourceLimitExceededException", "the account's limit")

    endpoints = Endpoints()
    ended = deploy(endpoints, createEndpoint=refuse)
    assert ended.cause.endswith("SageMaker.ResourceLimitExceededException: the account's limit")
    assert endpoints.configs == set()
    assert "deleteEndpoint" not in calls(ended)


def test_an_endpoint_that_cannot_be_described(deploy: Deploy) -> None:
    """Any error other than a missing endpoint fails the execution before it creates anything; a redrive asks again."""

    def denied(_request: dict[str, Any]) -> Any:
        raise TaskError(UNKNOWN, "User is not authorized to perform: sagemaker:DescribeEndpoint")

    endpoints = Endpoints()
    ended = deploy(endpoints, describeEndpoint=denied)
    assert "not authorized" in ended.cause
    assert set(calls(ended)) == {"describeEndpoint"}
    again = redrive(ended, {"invokeEndpoint": answers} | endpoints.handlers())
    assert again.status == "SUCCEEDED", again
    assert "createEndpoint" in calls(again)


def test_a_throttled_look_for_the_endpoint(deploy: Deploy) -> None:
    """Throttling and errors of the service are retried: an existing endpoint is updated, not created."""
    endpoints = Endpoints(serving="before", progress=("Updating", "InService"))
    describe = endpoints.handlers()["describeEndpoint"]
    left = [
        "Rate exceeded (Service: SageMaker, Status Code: 400)",
        "Internal error (Service: SageMaker, Status Code: 500)",
    ]

    def throttled(request: dict[str, Any]) -> Any:
        if left:
            raise TaskError(UNKNOWN, left.pop())
        return describe(request)

    ended = deploy(endpoints, describeEndpoint=throttled)
    assert ended.status == "SUCCEEDED", ended
    assert request(ended, "updateEndpoint")["EndpointConfigName"] == EXECUTION


def test_a_failed_rollback_is_reported(deploy: Deploy) -> None:
    """If the rollback fails too, the cause has both reasons."""

    def stuck(_request: dict[str, Any]) -> Any:
        raise TaskError(UNKNOWN, "Cannot update in-progress endpoint")

    ended = deploy(Endpoints(progress=("Creating",)), {"timeout_seconds": -1}, deleteEndpoint=stuck)
    assert ended.cause.startswith("endpoint demo is Creating")
    assert "could not be undone" in ended.cause
    assert ended.cause.endswith("Cannot update in-progress endpoint")


def test_a_record_in_s3(deploy: Deploy) -> None:
    """The smoke test's record is read from S3, including keys with slashes."""

    def get(request: dict[str, Any]) -> Any:
        assert request == {"Bucket": "bucket", "Key": "a/b c.csv"}
        return {"Body": "1,2,3"}

    section = {"smoke_test": {"S3Uri": "s3://bucket/a/b c.csv", "Accept": None}}
    ended = deploy(Endpoints(), section, getObject=get)
    assert request(ended, "invokeEndpoint") == {"EndpointName": "demo", "ContentType": "text/csv", "Body": "1,2,3"}
    assert "record" not in ended.output["deployment"]["result"]


def test_a_missing_record(deploy: Deploy) -> None:
    """The deployment rolls back, and the cause says that there was no record."""

    def get(_request: dict[str, Any]) -> Any:
        raise TaskError("S3.NoSuchKeyException", "The specified key does not exist.")

    endpoints = Endpoints()
    ended = deploy(endpoints, {"smoke_test": {"S3Uri": "s3://bucket/x"}}, getObject=get)
    assert ended.cause.startswith("the smoke test has no record: S3.NoSuchKeyException")
    assert endpoints.serving is None


def test_autoscaling(deploy: Deploy) -> None:
    """After the smoke test, the first variant gets a scalable target and a policy; updates keep its instances."""
    variant = {"VariantName": "a", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    section = {
        "input": {"EndpointConfig": {"ProductionVariants": [variant]}},
        "autoscaling": {"min_capacity": 1, "max_capacity": 4, "invocations_per_instance": 1000},
    }
    scaling: dict[str, Handler] = {
        "registerScalableTarget": lambda _request: {},
        "putScalingPolicy": lambda _request: {"PolicyARN": "policy"},
    }
    ended = deploy(Endpoints(serving="before", progress=("Updating", "InService")), section, **scaling)
    assert ended.status == "SUCCEEDED", ended
    assert request(ended, "updateEndpoint")["RetainAllVariantProperties"] is True
    target = request(ended, "registerScalableTarget")
    assert target["ResourceId"] == "endpoint/demo/variant/a"
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 4)
    policy = request(ended, "putScalingPolicy")["TargetTrackingScalingPolicyConfiguration"]
    assert policy["TargetValue"] == 1000
    assert calls(ended)[-3:] == ["invokeEndpoint", "registerScalableTarget", "putScalingPolicy"]
    assert ended.output["deployment"]["result"]["autoscaling"] == {"PolicyARN": "policy"}
