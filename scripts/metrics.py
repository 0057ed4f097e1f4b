"""Puts a monitoring job's metrics in CloudWatch.

The jobs' role may do so in namespaces that begin with ``/aws/sagemaker/``, as AWS's own monitoring jobs have them:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-interpreting-cloudwatch.html. boto3 is in the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from check import Check
from job import JobError

NAMESPACE = "/aws/sagemaker/ModelMonitoring"

# A metric is billed by the month for each combination of its dimensions, so only so many features have one in a run.
FEATURES = 10


def put(model: str, records: int, violations: Sequence[Check]) -> None:
    """Puts the numbers of records and violations, and for the features that drifted most, how many times the threshold.

    Args:
        model: the model's name, which is a dimension.
        records: the number of records in the window.
        violations: the largest first.

    Raises:
        JobError: CloudWatch cannot be reached or refuses.
    """
    import boto3  # noqa: PLC0415 - takes longer to import than the rest of the job to run
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        boto3.client("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=data(model, records, violations))
    except (BotoCoreError, ClientError) as error:
        raise JobError(f"the metrics could not be put in CloudWatch: {error}") from error


def data(model: str, records: int, violations: Sequence[Check]) -> list[dict[str, Any]]:
    """Returns PutMetricData's entries."""
    of_model = {"Name": "Model", "Value": model}
    entries: list[dict[str, Any]] = [
        {"MetricName": "Records", "Dimensions": [of_model], "Value": float(records), "Unit": "Count"},
        {"MetricName": "Violations", "Dimensions": [of_model], "Value": float(len(violations)), "Unit": "Count"},
    ]
    for feature in list(dict.fromkeys(check.feature for check in violations))[:FEATURES]:
        count = sum(check.feature == feature for check in violations)
        # A dimension's value has 1 to 1024 ASCII characters: API_Dimension.html.
        name = feature.encode("ascii", "replace").decode().strip()[:1024] or "?"
        dimensions = [of_model, {"Name": "Feature", "Value": name}]
        entries.append({"MetricName": "Violations", "Dimensions": dimensions, "Value": float(count), "Unit": "Count"})
    return entries
