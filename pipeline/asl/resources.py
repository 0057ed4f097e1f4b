"""The deployment's resources that the state machine's definition refers to."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Resources:
    """ARNs and names of the resources that the states use."""

    partition: str = "aws"
    """The AWS partition, which is in the ARNs of the service integrations."""
    gate: str
    """ARN of the gate function."""
    monitor: str
    """ARN of the monitor function."""
    topic: str
    """ARN of the SNS topic on which requests for approval are announced."""
    approvals: str
    """Name of the DynamoDB table with the open requests for approval."""
    records: str
    """Name of the DynamoDB table with the records of stages to reuse."""
    serving_role: str
    """ARN of the default role for models."""
    key: str | None = None
    """ARN of the KMS key that encrypts the jobs' results; None for S3's default encryption."""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    """IDs of the subnets and security groups for jobs and models; empty for SageMaker's own network."""

    def substitutions(self) -> dict[str, Any]:
        """The names that a states file may use: ``${partition}``, ``${gate}``, ``${vpc}`` and so on.

        ``key`` and ``vpc`` (a VpcConfig as JSON) exist only if the deployment has them.
        """
        found = {
            "partition": self.partition,
            "gate": self.gate,
            "monitor": self.monitor,
            "topic": self.topic,
            "approvals": self.approvals,
            "records": self.records,
            "serving_role": self.serving_role,
        }
        if self.key:
            found["key"] = self.key
        if self.subnets:
            found["vpc"] = json.dumps({"SecurityGroupIds": self.security_groups, "Subnets": self.subnets})
        return found


PLACEHOLDERS = Resources(
    gate="GATE",
    monitor="MONITOR",
    topic="TOPIC",
    approvals="APPROVALS",
    records="RECORDS",
    serving_role="SERVING-ROLE",
)
"""For definitions without a deployment: the diagrams, and the tests."""
