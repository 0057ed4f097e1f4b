"""What is retried, and how patiently."""

# Capacity comes back within minutes to hours, so its retries are patient.
_CAPACITY = {
    "ErrorEquals": ["SageMaker.ResourceLimitExceededException"],
    "IntervalSeconds": 60,
    "BackoffRate": 2.0,
    "MaxDelaySeconds": 900,
    "MaxAttempts": 8,
    "JitterStrategy": "FULL",
}


def retry(*errors: str) -> list[dict[str, object]]:
    """Retries after throttling, service errors and missing capacity.

    Args:
        errors: the names under which the service's throttling and faults reach Step Functions.
    """
    passing = {
        "ErrorEquals": list(errors),
        "IntervalSeconds": 2,
        "BackoffRate": 2.0,
        "MaxAttempts": 5,
        "JitterStrategy": "FULL",
    }
    return [_CAPACITY, passing] if any(error.startswith("SageMaker.") for error in errors) else [passing]


SDK_RETRY = retry("SageMaker.SageMakerException", "SageMaker.SdkClientException")
"""For the AWS SDK integrations: whatever error SageMaker's model does not list, throttling among it, has this name."""

SCALING_RETRY = retry(
    *(
        f"ApplicationAutoScaling.{name}Exception"
        for name in ("ApplicationAutoScaling", "ConcurrentUpdate", "InternalService", "SdkClient")
    )
)
"""Without what its model lists as the request's own fault: ValidationException, LimitExceededException and others."""

INVOKE_RETRY = retry(
    *(
        f"SageMakerRuntime.{name}Exception"
        for name in ("InternalFailure", "ModelNotReady", "SageMakerRuntime", "SdkClient", "ServiceUnavailable")
    )
)
"""Without ModelErrorException, which is the model's own fault, and ValidationErrorException, which is the record's."""


LAMBDA_RETRY = retry(
    "ServiceError",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
)
"""For the gate, whose own ServiceError says that AWS did not do its part."""

PATIENT = [
    {"ErrorEquals": ["SageMaker.SageMakerException"], "IntervalSeconds": 60, "BackoffRate": 1.0, "MaxAttempts": 90}
]
"""For a change of an endpoint that SageMaker may still be changing: it gives up on one after an hour, and until then
rejects every update and deletion."""
