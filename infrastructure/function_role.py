"""The role of a Lambda function, which may write its own log; what else it may, its construct adds."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct


def function_role(scope: Construct, log_group: logs.ILogGroup, *, description: str) -> iam.Role:
    """A role in place of the one with AWSLambdaBasicExecutionRole, which may write every log of the account.

    Args:
        scope: the construct of the function.
        log_group: the function's own.
        description: what the function does.
    """
    role = iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"), description=description)
    role.add_to_policy(
        iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn])
    )
    return role
