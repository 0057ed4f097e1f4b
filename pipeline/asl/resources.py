"""What of one deployment the state machine's definition refers to."""

from dataclasses import dataclass


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

    def integration(self, name: str) -> str:
        """The ARN of a service integration, such as ``sagemaker:createTrainingJob.sync``."""
        return f"arn:{self.partition}:states:::{name}"


PLACEHOLDERS = Resources(gate="GATE", topic="TOPIC", approvals="APPROVALS", serving_role="SERVING-ROLE")
"""For what looks at the definition without a deployment: the picture in the README, tests."""
