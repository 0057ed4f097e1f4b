"""What all Lambda functions of the module share: runtime, log group, and a role limited to that log group."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infrastructure.function_code import function_archive


def python_function(
    scope: Construct,
    *contents: str,
    packages: tuple[str, ...] = (),
    role_description: str,
    key: kms.IKey | None,
    retention: logs.RetentionDays = logs.RetentionDays.SIX_MONTHS,
    tracing: lambda_.Tracing = lambda_.Tracing.ACTIVE,
    **properties: Any,
) -> lambda_.Function:
    """Creates a function with its log group and a role that may only write to it.

    Args:
        scope: the construct that owns the function and adds further permissions.
        contents: the archive's, as for ``function_archive``; the first one is the package with the handler.
        packages: as for ``function_archive``.
        role_description: the role's description.
        key: the deployment's KMS key, to encrypt the log group.
        retention: how long to keep the logs.
        tracing: the X-Ray tracing mode.
        properties: further properties of ``lambda_.Function``.
    """
    log_group = logs.LogGroup(
        scope, "Logs", retention=retention, encryption_key=key, removal_policy=cdk.RemovalPolicy.DESTROY
    )
    with function_archive(*contents, packages=packages) as archive:
        return lambda_.Function(
            scope,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            handler=f"{contents[0].rpartition('/')[2]}.handler.handler",
            code=lambda_.Code.from_asset(str(archive)),
            tracing=tracing,
            log_group=log_group,
            role=_role(scope, log_group, description=role_description),
            **properties,
        )


def _role(scope: Construct, log_group: logs.ILogGroup, *, description: str) -> iam.Role:
    """Replaces the default role, whose AWSLambdaBasicExecutionRole policy may write to every log of the account."""
    role = iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"), description=description)
    role.add_to_policy(
        iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn])
    )
    return role
