"""A service of an account in which a check and a pipeline with a similar name have left something."""

from typing import Any

from botocore.exceptions import ClientError

OWN = "mlops-aws-check-0123456789abcdef"
FOREIGN = "mlops-aws-check-2-0123456789abcdef"
BUCKET = "mlops-aws-check-storagebucket5cb7c8ea-1a2b"


class Pages:
    """A paginator."""

    def __init__(self, page: dict[str, Any] | None) -> None:
        self._page = page

    def paginate(self, **_request: Any) -> list[dict[str, Any]]:
        """Its pages, whatever is asked for."""
        return [] if self._page is None else [self._page]


class Service:
    """Lists some resources, and records what is done to them. Every waiter finds what it waits for."""

    def __init__(
        self, calls: list[str], pages: dict[str, dict[str, Any]], refused: set[str], *, message: str = "no"
    ) -> None:
        self._calls = calls
        self._pages = pages
        self._refused = refused
        self._message = message

    def get_paginator(self, operation: str) -> "Pages":
        """Pages of this operation: one, or none."""
        return Pages(self._pages.get(operation))

    def get_waiter(self, _name: str) -> "Service":
        """Waits for nothing."""
        return self

    def wait(self, **_request: Any) -> None:
        """Finds it at once."""

    def __getattr__(self, operation: str) -> Any:
        """Any other operation."""

        def call(**request: Any) -> dict[str, Any]:
            if operation.startswith(("delete", "stop")):
                self._calls.append(f"{operation} {'/'.join(map(str, request.values()))}")
            if operation in self._refused:
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": self._message}}, operation)
            return self._pages.get(operation, {})

        return call


PAGES: dict[str, dict[str, Any]] = {
    "list_training_jobs": {"TrainingJobSummaries": [{"TrainingJobName": name} for name in (OWN, FOREIGN)]},
    "list_endpoints": {"Endpoints": [{"EndpointName": name} for name in ("aws-check", "aws-check-2")]},
    "describe_endpoint": {"EndpointStatus": "InService"},
    "list_endpoint_configs": {"EndpointConfigs": [{"EndpointConfigName": name} for name in (OWN, FOREIGN)]},
    "list_models": {"Models": [{"ModelName": f"model-{name}"} for name in (OWN, FOREIGN)]},
    "list_model_package_groups": {
        "ModelPackageGroupSummaryList": [{"ModelPackageGroupName": name} for name in ("aws-check", "aws-check-2")]
    },
    "list_model_packages": {"ModelPackageSummaryList": [{"ModelPackageArn": "arn:package/aws-check/1"}]},
    "describe_stacks": {"Stacks": [{"StackName": "mlops-aws-check"}]},
    "list_buckets": {"Buckets": [{"Name": name} for name in (BUCKET, "mlops-aws-check-2-storagebucket1")]},
    "describe_log_groups": {
        "logGroups": [{"logGroupName": f"/aws/sagemaker/Endpoints/{name}"} for name in ("aws-check", "aws-check-2")]
    },
    "describe_log_streams": {"logStreams": [{"logStreamName": f"{name}/algo-1"} for name in (OWN, FOREIGN)]},
}
