"""Application Auto Scaling and S3's GetObject for state machines."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.sagemaker_local.demo_endpoint import wait_until_settled
from tests.sagemaker_local.sandbox import Sandbox, needs_namespaces

TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/demo/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
CAPACITY = {"MinCapacity": 1, "MaxCapacity": 4}
POLICY = {
    "PolicyName": "invocations",
    "PolicyType": "TargetTrackingScaling",
    "TargetTrackingScalingPolicyConfiguration": {
        "TargetValue": 70.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
    },
}


@needs_namespaces
def test_scaling(sandbox: Sandbox, endpoint: Callable[..., None]) -> None:
    """Targets and policies are stored, described, updated by a second call, and deleted with their endpoint."""
    endpoint()
    first = sandbox.run("registerScalableTarget", TARGET | CAPACITY)
    assert sandbox.run("registerScalableTarget", TARGET | {"MaxCapacity": 9}) == first
    (target,) = sandbox.run("describeScalableTargets", {"ServiceNamespace": "sagemaker"})["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"], target["ResourceId"]) == (1, 9, TARGET["ResourceId"])
    assert target["ScalableTargetARN"] == first["ScalableTargetARN"]
    put = sandbox.run("putScalingPolicy", TARGET | POLICY)
    assert put["PolicyARN"].endswith(":resource/sagemaker/endpoint/demo/variant/AllTraffic:policyName/invocations")
    assert sandbox.run("putScalingPolicy", TARGET | POLICY)["PolicyARN"] == put["PolicyARN"]
    asked = {"ServiceNamespace": "sagemaker", "PolicyNames": ["invocations"]}
    (policy,) = sandbox.run("describeScalingPolicies", asked)["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 70.0
    elsewhere = asked | {"ResourceId": "endpoint/other/variant/a"}
    assert sandbox.run("describeScalingPolicies", elsewhere)["ScalingPolicies"] == []
    wait_until_settled(sandbox)
    sandbox.run("deleteEndpoint", {"EndpointName": "demo"})
    assert sandbox.run("describeScalableTargets", {"ServiceNamespace": "sagemaker"})["ScalableTargets"] == []
    assert sandbox.run("describeScalingPolicies", asked)["ScalingPolicies"] == []


@needs_namespaces
@pytest.mark.parametrize(
    ("action", "changes", "expected"),
    [
        ("registerScalableTarget", CAPACITY | {"ResourceId": "x"}, "ValidationException: Unsupported service namesp"),
        (
            "registerScalableTarget",
            CAPACITY | {"ResourceId": "endpoint/none/variant/AllTraffic"},
            'ValidationException: Could not find endpoint "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/none".',
        ),
        (
            "registerScalableTarget",
            CAPACITY | {"ResourceId": "endpoint/demo/variant/b"},
            "ValidationException: it has AllTraffic",
        ),
        ("registerScalableTarget", {"MinCapacity": 1}, "ValidationException: MaxCapacity is required"),
        ("registerScalableTarget", CAPACITY | {"MinCapacity": 5}, "ValidationException: cannot be less than minimum"),
        ("registerScalableTarget", CAPACITY | {"MinCapacity": "1"}, "ValidationException: MinCapacity"),
        ("putScalingPolicy", POLICY, "ObjectNotFoundException: No scalable target registered for service namespace"),
        ("putScalingPolicy", POLICY | {"PolicyType": "StepScaling"}, "ValidationException: requires StepScaling"),
        ("describeScalableTargets", {"NextToken": "x"}, "InvalidNextTokenException: pagination token"),
    ],
)
def test_rejected(
    sandbox: Sandbox, endpoint: Callable[..., None], action: str, changes: dict[str, Any], expected: str
) -> None:
    """Requests that Application Auto Scaling rejects are rejected with its exception's name."""
    endpoint()
    request = TARGET if action != "describeScalableTargets" else {"ServiceNamespace": "sagemaker"}
    failure = sandbox.fail(action, request | changes)
    error, message = expected.split(": ", 1)
    assert failure.error == f"ApplicationAutoScaling.{error}"
    assert message in failure.cause


def test_other_namespace(sandbox: Sandbox) -> None:
    """Targets of other services are not supported."""
    failure = sandbox.fail("registerScalableTarget", TARGET | CAPACITY | {"ServiceNamespace": "ecs"})
    assert (failure.error, failure.cause.startswith("ServiceNamespace is 'ecs'")) == ("Local.NotSupported", True)


def test_get_object(sandbox: Sandbox) -> None:
    """An object's text is returned with its content type, length, ETag and time."""
    sandbox.s3.put_object(
        Bucket="bucket", Key="a/report.json", Body='{"ü": 1}'.encode(), ContentType="application/json"
    )
    response = sandbox.run("getObject", {"Bucket": "bucket", "Key": "a/report.json"})
    assert (response["Body"], response["ContentType"], response["ContentLength"]) == (
        '{"ü": 1}',
        "application/json",
        9,
    )
    assert response["ETag"].startswith('"')
    assert response["LastModified"].endswith("Z")


@pytest.mark.parametrize(
    ("bucket", "key", "error", "message"),
    [
        ("bucket", "none", "S3.NoSuchKeyException", "The specified key does not exist. (Service: S3, Status Code: 404"),
        ("none-such", "none", "S3.NoSuchBucketException", "The specified bucket does not exist"),
        ("bucket", "", "S3.S3Exception", "Key"),
    ],
)
def test_s3_errors(sandbox: Sandbox, bucket: str, key: str, error: str, message: str) -> None:
    """S3's errors have the AWS SDK integration's names."""
    failure = sandbox.fail("getObject", {"Bucket": bucket, "Key": key})
    assert failure.error == error
    assert message in failure.cause


def test_object_without_text(sandbox: Sandbox) -> None:
    """An object that is not UTF-8 is rejected, because a state machine cannot receive its bytes."""
    sandbox.put("model.tar.gz", b"\x1f\x8b\xff")
    failure = sandbox.fail("getObject", {"Bucket": "bucket", "Key": "model.tar.gz"})
    assert failure.error == "Local.NotSupported"
    assert "UTF-8" in failure.cause


def test_unreachable(tmp_path: Any, free_port: Callable[[], int]) -> None:
    """An unreachable S3 has the Java SDK's error name."""
    client = boto3.Session("x", "x", region_name="eu-west-1").client(
        "s3", endpoint_url=f"http://127.0.0.1:{free_port()}", config=Config(retries={"total_max_attempts": 1})
    )
    failure = Sandbox(client, tmp_path).fail("getObject", {"Bucket": "bucket", "Key": "a"})
    assert failure.error == "S3.SdkClientException"
