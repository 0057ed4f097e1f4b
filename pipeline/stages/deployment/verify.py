"""The endpoint is tried with a record, and made to scale."""

from typing import Any

from pipeline.asl.jsonata import jsonata
from pipeline.asl.resources import Resources
from pipeline.asl.retries import INVOKE_RETRY, SCALING_RETRY, retry
from pipeline.stages.deployment.requests import policy_request, smoke_test_request, target_request
from pipeline.stages.deployment.states import (
    IN_SERVICE,
    POLICY,
    RECORD,
    SECTION,
    SMOKE_TEST,
    TARGET,
    UNDO,
    caught,
    more,
    task,
)


def verify_states(resources: Resources) -> dict[str, Any]:
    """The smoke test, and what makes the endpoint scale; each leads back to the Choice that it came from."""
    uri = f"{SECTION}.smoke_test.S3Uri"
    return {
        RECORD: task(
            resources,
            "s3:getObject",
            {
                "Bucket": jsonata(f"$split({uri}, '/')[2]"),
                "Key": jsonata(f"$replace({uri}, /^s3:\\/\\/[^\\/]+\\//, '')"),
            },
            more("{'record': $states.result.Body}"),
            SMOKE_TEST,
            Retry=retry("S3.S3Exception", "S3.SdkClientException"),
            Catch=caught("the smoke test has no record", UNDO),
        ),
        SMOKE_TEST: task(
            resources,
            "sagemakerruntime:invokeEndpoint",
            jsonata(smoke_test_request()),
            more("{'smoke_test': {'ContentType': $states.result.ContentType, 'Body': $states.result.Body}}"),
            IN_SERVICE,
            Retry=INVOKE_RETRY,
            Catch=caught("the smoke test failed", UNDO),
        ),
        TARGET: task(
            resources,
            "applicationautoscaling:registerScalableTarget",
            jsonata(target_request()),
            "$states.input",
            POLICY,
            Retry=SCALING_RETRY,
            Catch=caught("the autoscaling was not set up", UNDO),
        ),
        POLICY: task(
            resources,
            "applicationautoscaling:putScalingPolicy",
            jsonata(policy_request()),
            more("{'autoscaling': {'PolicyARN': $states.result.PolicyARN}}"),
            IN_SERVICE,
            Retry=SCALING_RETRY,
            Catch=caught("the autoscaling was not set up", UNDO),
        ),
    }
