"""The state machine and the role under which it runs."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infrastructure.approval import Approval
from infrastructure.notifications import Notifications
from infrastructure.permissions import Targets, statements
from pipeline.definition import Resources, definition


class Workflow(Construct):
    """Runs the stages in order; logs every state and traces every execution."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket: s3.IBucket,
        sagemaker_role: iam.IRole,
        approval: Approval,
        notifications: Notifications,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        machine = definition(
            Resources(
                partition=stack.partition,
                gate=approval.function.function_arn,
                topic=notifications.topic.topic_arn,
                approvals=approval.table.table_name,
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
            topic=notifications.topic.topic_arn,
            approvals=approval.table.table_arn,
            objects=bucket.arn_for_objects("*"),
        )
        for statement in [
            *statements(machine, targets=targets, stack=stack),
            self._pass_role(sagemaker_role),
            notifications.use_of_key(),
            *self._telemetry(),
        ]:
            self._role.add_to_policy(statement)
        log_group = logs.LogGroup(
            self,
            "Logs",
            retention=logs.RetentionDays.SIX_MONTHS,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        state_machine = sfn.CfnStateMachine(
            self,
            "StateMachine",
            role_arn=self._role.role_arn,
            definition_string=stack.to_json_string(machine),
            logging_configuration=sfn.CfnStateMachine.LoggingConfigurationProperty(
                level="ALL",
                # The input may hold what is nobody's business in a log; the execution's history has it.
                include_execution_data=False,
                destinations=[
                    sfn.CfnStateMachine.LogDestinationProperty(
                        cloud_watch_logs_log_group=sfn.CfnStateMachine.CloudWatchLogsLogGroupProperty(
                            log_group_arn=log_group.log_group_arn
                        )
                    )
                ],
            ),
            tracing_configuration=sfn.CfnStateMachine.TracingConfigurationProperty(enabled=True),
        )
        # The state machine checks at its creation that its role may write the logs.
        state_machine.node.add_dependency(self._role)
        self.state_machine_arn = state_machine.attr_arn
        self.log_group_name = log_group.log_group_name

    def _pass_role(self, sagemaker_role: iam.IRole) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[sagemaker_role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )

    def _telemetry(self) -> list[iam.PolicyStatement]:
        """Log delivery and tracing, whose actions know no resource.

        Source: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html and .../xray-iam.html
        """
        return [
            iam.PolicyStatement(
                actions=[
                    "logs:CreateLogDelivery",
                    "logs:CreateLogStream",
                    "logs:DeleteLogDelivery",
                    "logs:DescribeLogGroups",
                    "logs:DescribeResourcePolicies",
                    "logs:GetLogDelivery",
                    "logs:ListLogDeliveries",
                    "logs:PutLogEvents",
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
