"""What of one deployment the state machine's definition refers to."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Resources:
    """ARNs and names of what the states use."""

    partition: str = "aws"
    """The AWS partition, which is in the ARNs of the service integrations."""
    gate: str
    """ARN of the function that judges the evaluation's report."""
    topic: str
    """ARN of the SNS topic on which requests for approval are announced."""
    approvals: str
    """Name of the DynamoDB table with the open requests for approval."""
    serving_role: str
    """ARN of the role under which models run where the input names none."""
    key: str | None = None
    """ARN of the KMS key with which the jobs encrypt their results; None for what S3 does by itself."""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    """Ids of the subnets and security groups that the jobs and models run in; none for SageMaker's own network."""

    def substitutions(self) -> dict[str, Any]:
        """What a states file may refer to: ``${partition}``, ``${gate}``, ``${vpc}`` and so on.

        ``key`` and ``vpc``, a VpcConfig as JSON, are there only if the deployment has them.
        """
        found = {
            "partition": self.partition,
            "gate": self.gate,
            "topic": self.topic,
            "approvals": self.approvals,
            "serving_role": self.serving_role,
        }
        if self.key:
            found["key"] = self.key
        if self.subnets:
            found["vpc"] = json.dumps({"SecurityGroupIds": self.security_groups, "Subnets": self.subnets})
        return found


PLACEHOLDERS = Resources(gate="GATE", topic="TOPIC", approvals="APPROVALS", serving_role="SERVING-ROLE")
"""For what looks at the definition without a deployment: the picture in the README, tests."""
