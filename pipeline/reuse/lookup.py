"""Reads S3, the table of records and SageMaker for a decision, with clients that it is given."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pipeline.reuse.decision import Record, UnavailableError
from pipeline.reuse.key import NotReusableError, StoredObject
from pipeline.s3_uri import bucket_and_key
from pipeline.stages import CREATE_MODEL, DEPLOYMENT, REGISTRATION

_NOT_FOUND = "could not find"
"""What SageMaker says, in any case, about a resource that does not exist."""

_UNREADABLE = {"AccessDenied", "AllAccessDisabled", "NoSuchBucket", "PermanentRedirect", "InvalidBucketName"}
"""S3's errors that concern one bucket, not S3 (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html)."""


@dataclass(frozen=True, kw_only=True)
class AwsLookup:
    """Implements :class:`pipeline.reuse.decision.Lookup`."""

    client: Callable[[str], Any]
    """Makes the client of a service, such as ``"s3"``; called when the service is needed."""
    errors: tuple[type[Exception], ...]
    """What the clients raise if a call fails: botocore's ClientError and BotoCoreError."""
    table: str
    """The name of the table of records."""

    def objects(self, uri: str) -> list[StoredObject]:
        """See :class:`pipeline.reuse.decision.Lookup`."""
        bucket, prefix = bucket_and_key(uri)
        client = self.client("s3")
        try:
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            return [
                StoredObject(item["Key"], item["ETag"].strip('"'), item["Size"])
                for page in pages
                for item in page.get("Contents", ())
            ]
        except self.errors as error:
            if _code(error) in _UNREADABLE:
                raise NotReusableError(
                    f"{uri} cannot be listed ({_code(error)}), so changes there are unknown"
                ) from error
            raise UnavailableError(f"{uri} could not be listed: {error}") from error

    def exists(self, uri: str) -> bool:
        """See :class:`pipeline.reuse.decision.Lookup`."""
        bucket, prefix = bucket_and_key(uri)
        with self._unavailable():
            return bool(self.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("KeyCount"))

    def record(self, key: str) -> Record | None:
        """See :class:`pipeline.reuse.decision.Lookup`."""
        with self._unavailable():
            found = self.client("dynamodb").get_item(TableName=self.table, Key={"id": {"S": key}}, ConsistentRead=True)
        item = found.get("Item")
        # DynamoDB deletes an expired item within days (API_TimeToLiveSpecification).
        if item is None or int(item["expires"]["N"]) <= time.time():
            return None
        return Record(execution=item["execution"]["S"], result=json.loads(item["result"]["S"]))

    def missing(self, stage: str, result: Mapping[str, Any]) -> str | None:
        """See :class:`pipeline.reuse.decision.Lookup`."""
        if stage == REGISTRATION.key:
            name = result["ModelPackageArn"]
            found = self._described("describe_model_package", ModelPackageName=name)
            status = (found or {}).get("ModelApprovalStatus")
            return f"{name} is {status}" if status == "Rejected" else _unless(found, name)
        if stage == CREATE_MODEL.key:
            name = result["ModelArn"].rpartition("/")[2]
            return _unless(self._described("describe_model", ModelName=name), f"the model {name}")
        if stage == DEPLOYMENT.key:
            name, config = result["EndpointName"], result["EndpointConfigName"]
            found = self._described("describe_endpoint", EndpointName=name)
            serves = found is not None and (found["EndpointConfigName"], found["EndpointStatus"]) == (
                config,
                "InService",
            )
            return None if serves else f"the endpoint {name} no longer serves {config}"
        return None

    def _described(self, operation: str, **names: str) -> dict[str, Any] | None:
        """What SageMaker says about a resource; None if it does not exist."""
        with self._unavailable():
            try:
                found: dict[str, Any] = getattr(self.client("sagemaker"), operation)(**names)
            except self.errors as error:
                if _NOT_FOUND in str(error).lower() or "does not exist" in str(error):
                    return None
                raise
            return found

    @contextmanager
    def _unavailable(self) -> Iterator[None]:
        try:
            yield
        except self.errors as error:
            raise UnavailableError(str(error)) from error


def _code(error: Exception) -> str:
    return str((getattr(error, "response", None) or {}).get("Error", {}).get("Code", ""))


def _unless(found: Mapping[str, Any] | None, name: str) -> str | None:
    return None if found is not None else f"{name} no longer exists"
