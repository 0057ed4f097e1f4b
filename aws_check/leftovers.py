"""Finds and removes everything that a check creates, after this one or after one that was interrupted.

What stays by design: records of finished jobs, which SageMaker cannot delete; the template and the functions' archives
in the bucket of the CDK's bootstrap, which other deployments share; and the stack's KMS key, which KMS deletes after a
waiting period.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from aws_check.names import MODEL_NAME, PREFIX, STACK, is_own, is_own_bucket
from empty_bucket import BucketError, delete_bucket
from executions.aws import Aws
from executions.errors import ExecutionsError, explained
from executions.jobs import STAGES_WITH_JOBS
from executions.stack import find_stack

_BUSY = ("Creating", "Updating", "RollingBack", "SystemUpdating", "Deleting")
_LOOKS, _INTERVAL = 240, 15
"""How often, and each how many seconds, to look whether an endpoint can be deleted: an hour in all."""
_NOUNS = tuple(dict.fromkeys(stage.noun for stage in STAGES_WITH_JOBS))
_ENDPOINT_LOGS = f"/aws/sagemaker/Endpoints/{MODEL_NAME}"

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of resource."""

    noun: str
    find: Callable[[Aws], Iterator[str]]
    """Yields the names of the check's."""
    remove: Callable[[Aws, str], None]
    """Removes one, and returns when it is gone."""


def _executions(aws: Aws) -> Iterator[str]:
    try:
        stack = find_stack(aws, STACK)
    except ExecutionsError:  # there is none, or it was never complete
        return
    pages = aws.client("stepfunctions").get_paginator("list_executions")
    for page in pages.paginate(stateMachineArn=stack.state_machine, statusFilter="RUNNING"):
        yield from (execution["executionArn"] for execution in page["executions"])


def _stop_execution(aws: Aws, arn: str) -> None:
    aws.client("stepfunctions").stop_execution(executionArn=arn, error="Interrupted", cause="the check has ended")


def _jobs(noun: str) -> Kind:
    snake = noun.replace("Job", "_job").lower()

    def find(aws: Aws) -> Iterator[str]:
        pages = aws.client("sagemaker").get_paginator(f"list_{snake}s")
        for page in pages.paginate(NameContains=PREFIX, StatusEquals="InProgress"):
            yield from _named(page[f"{noun}Summaries"], f"{noun}Name")

    def remove(aws: Aws, name: str) -> None:
        sagemaker = aws.client("sagemaker")
        try:
            getattr(sagemaker, f"stop_{snake}")(**{f"{noun}Name": name})
        except ClientError as error:
            # It has ended meanwhile, or its execution is stopping it; the waiter decides.
            if error.response["Error"]["Code"] != "ValidationException":
                raise
        sagemaker.get_waiter(f"{snake}_completed_or_stopped").wait(**{f"{noun}Name": name})

    return Kind(noun=snake.replace("_", " "), find=find, remove=remove)


def _endpoints(aws: Aws) -> Iterator[str]:
    for page in aws.client("sagemaker").get_paginator("list_endpoints").paginate(NameContains=MODEL_NAME):
        yield from (each["EndpointName"] for each in page["Endpoints"] if each["EndpointName"] == MODEL_NAME)


def _delete_endpoint(aws: Aws, name: str) -> None:
    sagemaker = aws.client("sagemaker")
    for _ in range(_LOOKS):
        if sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] not in _BUSY:
            break
        time.sleep(_INTERVAL)
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name)


def _listed(operation: str, key: str, field: str) -> Callable[[Aws], Iterator[str]]:
    def find(aws: Aws) -> Iterator[str]:
        for page in aws.client("sagemaker").get_paginator(operation).paginate(NameContains=PREFIX):
            yield from _named(page[key], field)

    return find


def _named(found: list[dict[str, Any]], field: str) -> Iterator[str]:
    return (each[field] for each in found if is_own(each[field]))


def _groups(aws: Aws) -> Iterator[str]:
    for page in aws.client("sagemaker").get_paginator("list_model_package_groups").paginate(NameContains=MODEL_NAME):
        names = (each["ModelPackageGroupName"] for each in page["ModelPackageGroupSummaryList"])
        yield from (name for name in names if name == MODEL_NAME)


def _packages(aws: Aws) -> Iterator[str]:
    pages = aws.client("sagemaker").get_paginator("list_model_packages")
    for group in _groups(aws):
        for page in pages.paginate(ModelPackageGroupName=group):
            yield from (each["ModelPackageArn"] for each in page["ModelPackageSummaryList"])


def _stacks(aws: Aws) -> Iterator[str]:
    try:
        aws.client("cloudformation").describe_stacks(StackName=STACK)
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        return
    yield STACK


def _delete_stack(aws: Aws, name: str) -> None:
    cloudformation = aws.client("cloudformation")
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name)


def _buckets(aws: Aws) -> Iterator[str]:
    names = (bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"])
    return filter(is_own_bucket, names)


def _log_groups(aws: Aws) -> Iterator[str]:
    """Yields the endpoint's; the stack's go with it."""
    for page in aws.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=_ENDPOINT_LOGS):
        names = (group["logGroupName"] for group in page["logGroups"])
        yield from (name for name in names if name == _ENDPOINT_LOGS)


def _log_streams(aws: Aws) -> Iterator[str]:
    """Yields those of the jobs, in groups that all jobs of the account share, as ``group:stream``."""
    pages = aws.client("logs").get_paginator("describe_log_streams")
    for noun in _NOUNS:
        group = f"/aws/sagemaker/{noun}s"
        for prefix in {stage.name_prefix + PREFIX for stage in STAGES_WITH_JOBS}:
            try:
                for page in pages.paginate(logGroupName=group, logStreamNamePrefix=prefix):
                    names = (stream["logStreamName"] for stream in page["logStreams"])
                    yield from (f"{group}:{name}" for name in names if is_own(name.partition("/")[0]))
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise


def _delete_log_stream(aws: Aws, name: str) -> None:
    group, _, stream = name.partition(":")
    aws.client("logs").delete_log_stream(logGroupName=group, logStreamName=stream)


KINDS = (
    Kind(noun="execution", find=_executions, remove=_stop_execution),
    *map(_jobs, _NOUNS),
    Kind(noun="endpoint", find=_endpoints, remove=_delete_endpoint),
    Kind(
        noun="endpoint config",
        find=_listed("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
        remove=lambda aws, name: aws.client("sagemaker").delete_endpoint_config(EndpointConfigName=name),
    ),
    Kind(
        noun="model",
        find=_listed("list_models", "Models", "ModelName"),
        remove=lambda aws, name: aws.client("sagemaker").delete_model(ModelName=name),
    ),
    Kind(
        noun="model package",
        find=_packages,
        remove=lambda aws, name: aws.client("sagemaker").delete_model_package(ModelPackageName=name),
    ),
    Kind(
        noun="model package group",
        find=_groups,
        remove=lambda aws, name: aws.client("sagemaker").delete_model_package_group(ModelPackageGroupName=name),
    ),
    Kind(noun="stack", find=_stacks, remove=_delete_stack),
    Kind(noun="bucket", find=_buckets, remove=lambda aws, name: delete_bucket(aws.client("s3"), name)),
    Kind(
        noun="log group",
        find=_log_groups,
        remove=lambda aws, name: aws.client("logs").delete_log_group(logGroupName=name),
    ),
    Kind(noun="log stream", find=_log_streams, remove=_delete_log_stream),
)
"""In the order of their removal: what runs ends first, and a bucket outlives its stack."""


def find_leftovers(aws: Aws) -> list[str]:
    """Returns what there is of the check, each with its kind.

    Raises:
        ClientError, BotoCoreError: AWS rejects a call, or cannot be reached.
    """
    return [f"{kind.noun} {name}" for kind in KINDS for name in kind.find(aws)]


def remove_leftovers(aws: Aws, say: Say) -> list[str]:
    """Removes all of it; what cannot be removed does not keep the rest.

    Args:
        aws: the account and region.
        say: takes a line about each.

    Returns:
        What is still there, each with the reason.
    """
    left = []
    for kind in KINDS:
        try:
            for name in list(kind.find(aws)):
                left += _removed(kind, aws, name, say)
        except (ClientError, BotoCoreError) as error:
            left.append(f"{kind.noun}s could not be listed: {explained(error)}")
    return left


def _removed(kind: Kind, aws: Aws, name: str, say: Say) -> list[str]:
    try:
        kind.remove(aws, name)
    except (ClientError, BotoCoreError, BucketError) as error:
        problem = str(error) if isinstance(error, BucketError) else explained(error)
        say(f"not removed: {kind.noun} {name}: {problem}")
        return [f"{kind.noun} {name}: {problem}"]
    say(f"removed: {kind.noun} {name}")
    return []
