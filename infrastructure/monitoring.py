"""What watches the pipeline: alarms that tell people, and a dashboard for those who look."""

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infrastructure.dashboard import dashboard_body

METRICS_NAMESPACE = "MLOps"
"""Of the start function's own metrics; ``service`` is their one dimension."""

_PERIOD = 300
"""Seconds that one datapoint of an alarm covers."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What is watched, by the names that CloudWatch knows it by."""

    state_machine_arn: str
    starter: str
    """Name of the start function."""
    starter_service: str
    """The dimension ``service`` of its own metrics."""
    gate: str
    """Name of the gate's function."""
    announcer: str
    """Name of the function that announces failures."""
    dead_letters: str
    """Name of the queue."""
    log_group: str
    """Name of the state machine's log group."""


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """An alarm that goes off at the first count within five minutes."""

    name: str
    description: str
    namespace: str
    metric: str
    dimension: tuple[str, str]
    statistic: str = "Sum"


def alarms(watched: Watched) -> tuple[Alarm, ...]:
    """The module's alarms; docs/operations.md has a row for each.

    Those on executions stand behind the announcements, which say more: EventBridge delivers Step Functions' events on
    a best-effort basis (https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html).
    """
    machine = ("StateMachineArn", watched.state_machine_arn)
    own = {
        "RefusedInputError": "input.yaml says something that is not allowed; the function's log says what",
        "EventError": "an event does not say where input.yaml lies",
        "UnreadableFileError": "there is no such input.yaml, or the function may not read it",
        "ServiceError": "S3 or Step Functions did not do its part; Lambda tries the event again",
    }
    return (
        Alarm(
            name="FailedExecutions",
            description="an execution failed",
            namespace="AWS/States",
            metric="ExecutionsFailed",
            dimension=machine,
        ),
        Alarm(
            name="TimedOutExecutions",
            description="an execution timed out",
            namespace="AWS/States",
            metric="ExecutionsTimedOut",
            dimension=machine,
        ),
        *(
            Alarm(
                name=f"{name}Errors",
                description=f"the function {what} failed; its log says why",
                namespace="AWS/Lambda",
                metric="Errors",
                dimension=("FunctionName", function),
            )
            for name, what, function in (
                ("Starter", "that starts executions", watched.starter),
                ("Gate", "that judges models", watched.gate),
                ("Announcer", "that announces failures", watched.announcer),
            )
        ),
        *(
            Alarm(
                name=metric,
                description=f"a start was refused or failed: {why}",
                namespace=METRICS_NAMESPACE,
                metric=metric,
                dimension=("service", watched.starter_service),
            )
            for metric, why in own.items()
        ),
        Alarm(
            name="DeadLetters",
            description="an event was given up; it is kept in the dead-letter queue for 14 days",
            namespace="AWS/SQS",
            metric="ApproximateNumberOfMessagesVisible",
            dimension=("QueueName", watched.dead_letters),
            statistic="Maximum",
        ),
    )


class Monitoring(Construct):
    """The alarms, which publish to the topic, and the dashboard."""

    def __init__(self, scope: Construct, construct_id: str, *, watched: Watched, topic_arn: str) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        made = [self._alarm(alarm, topic_arn, stack) for alarm in alarms(watched)]
        body = dashboard_body(watched, region=stack.region, alarm_arns=[alarm.attr_arn for alarm in made])
        dashboard = cloudwatch.CfnDashboard(self, "Dashboard", dashboard_body=stack.to_json_string(body))
        console = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}
        host = cdk.CfnMapping(
            self,
            "Console",
            lazy=True,
            mapping={
                partition: {"host": console.get(partition, "console.aws.amazon.com")}
                for partition in ("aws", "aws-cn", "aws-us-gov")
            },
        ).find_in_map(stack.partition, "host")
        self.dashboard_url = (
            f"https://{stack.region}.{host}/cloudwatch/home?region={stack.region}#dashboards:name={dashboard.ref}"
        )
        """Of the dashboard in the console."""

    def _alarm(self, alarm: Alarm, topic_arn: str, stack: cdk.Stack) -> cloudwatch.CfnAlarm:
        name, value = alarm.dimension
        return cloudwatch.CfnAlarm(
            self,
            alarm.name,
            alarm_name=f"{stack.stack_name}-{alarm.name}",
            alarm_description=f"{stack.stack_name}: {alarm.description}. docs/operations.md says what to do.",
            namespace=alarm.namespace,
            metric_name=alarm.metric,
            dimensions=[cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)],
            statistic=alarm.statistic,
            period=_PERIOD,
            evaluation_periods=1,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            # There are no datapoints while nothing happens.
            treat_missing_data="notBreaching",
            alarm_actions=[topic_arn],
        )
