"""The state machine and its role."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infrastructure.approval import Approval
from infrastructure.monitor import Monitor
from infrastructure.notifications import Notifications
from infrastructure.permissions import Targets, key_statements, statements
from infrastructure.reuse import Reuse
from pipeline.asl.resources import Resources
from pipeline.definition import definition
from settings import Vpc


class Workflow(Construct):
    """Runs the stages in order; logs every state and traces every execution."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket: s3.IBucket,
        jobs_role: iam.IRole,
        serving_role: iam.IRole,
        approval: Approval,
        reuse: Reuse,
        monitor: Monitor,
        notifications: Notifications,
        model_name: str,
        image_repositories: tuple[str, ...],
        key: kms.IKey | None = None,
        vpc: Vpc | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        machine = definition(
            Resources(
                partition=stack.partition,
                gate=approval.function.function_arn,
                monitor=monitor.function.function_arn,
                topic=notifications.topic.topic_arn,
                approvals=approval.table.table_name,
                records=reuse.table.table_name,
                serving_role=serving_role.role_arn,
                key=key.key_arn if key else None,
                subnets=vpc.subnet_ids if vpc else (),
                security_groups=vpc.security_group_ids if vpc else (),
            )
        )
        self._role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("states.amazonaws.com"),
            description="Runs the state machine of the pipeline",
        )
        targets = Targets(
            gate=approval.function.function_arn,
            monitor=monitor.function.function_arn,
            topic=notifications.topic.topic_arn,
            approvals=approval.table.table_arn,
            records=reuse.table.table_arn,
            objects=bucket.arn_for_objects("*"),
            images=image_repositories,
            model_name=model_name,
        )
        for statement in [
            *statements(machine, targets=targets, stack=stack),
            self._pass_roles(jobs_role, serving_role),
            *notifications.use_of_key(),
            *self._encryption(key),
            *self._telemetry(),
        ]:
            self._role.add_to_policy(statement)
        log_group = logs.LogGroup(
            self,
            "Logs",
            # Log delivery adds any other name to the account's resource policy, whose size is limited:
            # https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html
            log_group_name=f"/aws/vendedlogs/states/{stack.stack_name}",
            retention=logs.RetentionDays.SIX_MONTHS,
            encryption_key=key,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        # An earlier version's group had a name of its own; an upgrade replaces it, and leaves its logs to expire.
        resource = log_group.node.default_child
        assert isinstance(resource, logs.CfnLogGroup)  # noqa: S101 - for the type checker
        resource.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN
        self.log_group_name = log_group.log_group_name
        self.state_machine_arn = self._state_machine(stack.to_json_string(machine), log_group).attr_arn

    def _state_machine(self, definition_text: str, log_group: logs.LogGroup) -> sfn.CfnStateMachine:
        destination = sfn.CfnStateMachine.CloudWatchLogsLogGroupProperty(log_group_arn=log_group.log_group_arn)
        state_machine = sfn.CfnStateMachine(
            self,
            "StateMachine",
            role_arn=self._role.role_arn,
            definition_string=definition_text,
            logging_configuration=sfn.CfnStateMachine.LoggingConfigurationProperty(
                level="ALL",
                # The input may hold sensitive values, which do not belong in a log; the execution's history has them.
                include_execution_data=False,
                destinations=[sfn.CfnStateMachine.LogDestinationProperty(cloud_watch_logs_log_group=destination)],
            ),
            tracing_configuration=sfn.CfnStateMachine.TracingConfigurationProperty(enabled=True),
        )
        # Step Functions checks on creation that the role may write the logs.
        state_machine.node.add_dependency(self._role)
        return state_machine

    def _pass_roles(self, *roles: iam.IRole) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[role.role_arn for role in roles],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )

    def _encryption(self, key: kms.IKey | None) -> list[iam.PolicyStatement]:
        """Use of the key by each service on the role's behalf; Notifications adds that of the topic.

        Source: https://docs.aws.amazon.com/sagemaker/latest/dg/api-permissions-reference.html for CreateEndpoint, which
        creates a grant if the endpoint config names the key.
        """
        stack = cdk.Stack.of(self)
        grants = key_statements(key, "CreateGrant", via="sagemaker", stack=stack)
        for statement in grants:
            statement.add_condition("Bool", {"kms:GrantIsForAWSResource": "true"})
        return [
            *key_statements(key, "Decrypt", via="s3", stack=stack),
            *key_statements(key, "Decrypt", via="dynamodb", stack=stack),
            *grants,
        ]

    def _telemetry(self) -> list[iam.PolicyStatement]:
        """Log delivery and tracing, whose actions support no resources.

        Source: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html and .../xray-iam.html
        """
        return [
            iam.PolicyStatement(
                actions=[
                    "logs:CreateLogDelivery",
                    "logs:DeleteLogDelivery",
                    "logs:DescribeLogGroups",
                    "logs:DescribeResourcePolicies",
                    "logs:GetLogDelivery",
                    "logs:ListLogDeliveries",
                    "logs:PutResourcePolicy",
                    "logs:UpdateLogDelivery",
                ],
                resources=["*"],
            ),
            iam.PolicyStatement(
                actions=[
                    "xray:GetSamplingRules",
                    "xray:GetSamplingTargets",
                    "xray:PutTelemetryRecords",
                    "xray:PutTraceSegments",
                ],
                resources=["*"],
            ),
        ]
