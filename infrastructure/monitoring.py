"""Monitors the pipeline: alarms that notify people, and a dashboard.

Step Functions has no metric for the duration of a state, only for executions and, across all state machines of an
account, for each service integration. The dashboard therefore computes the stages' durations from the state machine's
log, which records when each state was entered and exited, without its data.
(https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html, .../cw-logs.html)
"""

from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infrastructure.dead_letters import RETENTION_DAYS
from pipeline.consoles import CONSOLES

METRICS_NAMESPACE = "MLOps"
"""The namespace of the start function's own metrics; ``service`` is their only dimension."""

_MODEL_METRICS = "/aws/sagemaker/ModelMonitoring"
"""The namespace of the monitoring job's metrics; see ``scripts/metrics.py``."""

_PERIOD = 300
"""Seconds per datapoint of an alarm or a graph."""

_WIDTH = 12
"""Half of the dashboard's 24 columns."""

_HEIGHT = 6

_STAGES = (
    "filter details.name not like /^(Begin|After |Finished)/ and type like /State(Entered|Exited)$/"
    " | parse details.name /^(?<stage>[^:]+)/"
    " | stats (max(event_timestamp) - min(event_timestamp)) / 1000 as seconds by execution_arn, stage"
    " | stats avg(seconds) as average, max(seconds) as longest, count(*) as executions by stage"
    " | sort average desc"
)
"""A stage lasts from entering its first state to exiting its last one."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """The resources to monitor, as CloudWatch identifies them."""

    state_machine_arn: str
    starter: str
    """Name of the start function."""
    starter_service: str
    """The ``service`` dimension of the start function's own metrics."""
    gate: str
    """Name of the gate's function."""
    monitor: str
    """Name of the monitor function."""
    announcer: str
    """Name of the function that announces failures."""
    reporter: str
    """Name of the function that publishes reports."""
    dead_letters: str
    """Name of the dead-letter queue."""
    log_group: str
    """Name of the state machine's log group."""
    model: str
    """The ``Model`` dimension of the monitoring job's metrics."""


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """An alarm that fires on the first occurrence within five minutes."""

    name: str
    description: str
    namespace: str
    metric: str
    dimension: tuple[str, str]
    statistic: str = "Sum"


def alarms(watched: Watched) -> tuple[Alarm, ...]:
    """Returns the module's alarms; docs/operations.md has a row for each.

    The alarms on executions back up the announcements, which say more but depend on EventBridge, to which Step
    Functions delivers its events on a best-effort basis
    (https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html).
    """
    machine = ("StateMachineArn", watched.state_machine_arn)
    own = {
        "RefusedInputError": "input.yaml is invalid; the function's log has the errors",
        "EventError": "the event does not name the location of input.yaml",
        "UnreadableFileError": "input.yaml does not exist, or the function may not read it",
        "ServiceError": "a call to S3 or Step Functions failed; Lambda retries the event",
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
                ("Monitor", "that finds what the endpoint has scored", watched.monitor),
                ("Announcer", "that announces failures", watched.announcer),
                ("Reporter", "that publishes reports", watched.reporter),
            )
        ),
        *(
            Alarm(
                name=metric,
                description=f"an execution was not started: {why}",
                namespace=METRICS_NAMESPACE,
                metric=metric,
                dimension=("service", watched.starter_service),
            )
            for metric, why in own.items()
        ),
        Alarm(
            name="Drift",
            description="what the model has scored differs from what it was trained on",
            namespace=_MODEL_METRICS,
            metric="Violations",
            dimension=("Model", watched.model),
            statistic="Maximum",
        ),
        Alarm(
            name="DeadLetters",
            description=(
                f"an event could not be delivered or handled; the dead-letter queue keeps it for {RETENTION_DAYS} days"
            ),
            namespace="AWS/SQS",
            metric="ApproximateNumberOfMessagesVisible",
            dimension=("QueueName", watched.dead_letters),
            statistic="Maximum",
        ),
    )


def _dashboard_body(watched: Watched, *, region: str, alarm_arns: list[str]) -> dict[str, Any]:
    """The dashboard's body (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html).

    Args:
        watched: the resources to show.
        region: their region.
        alarm_arns: the alarms to show.
    """
    machine = ("StateMachineArn", watched.state_machine_arn)
    functions = {
        "starter": watched.starter,
        "gate": watched.gate,
        "monitor": watched.monitor,
        "announcer": watched.announcer,
        "reporter": watched.reporter,
    }
    ends = ("Started", "Succeeded", "Failed", "TimedOut", "Aborted")
    own = ("ExecutionsStarted", "RefusedInputError", "EventError", "UnreadableFileError", "ServiceError")
    contents = [
        {"type": "alarm", "properties": {"title": "Alarms", "alarms": alarm_arns}},
        _metrics("Executions", region, [["AWS/States", f"Executions{end}", *machine, {"stat": "Sum"}] for end in ends]),
        _metrics(
            "Duration of executions, in milliseconds",
            region,
            [["AWS/States", "ExecutionTime", *machine, {"stat": stat}] for stat in ("p50", "Maximum")],
        ),
        {
            "type": "log",
            "properties": {
                "title": "Duration of stages, in seconds",
                "region": region,
                "view": "table",
                "query": f"SOURCE '{watched.log_group}' | {_STAGES}",
            },
        },
        _metrics(
            "Starts",
            region,
            [[METRICS_NAMESPACE, name, "service", watched.starter_service, {"stat": "Sum"}] for name in own],
        ),
        _metrics(
            "Records and violations of monitoring",
            region,
            [[_MODEL_METRICS, name, "Model", watched.model, {"stat": "Maximum"}] for name in ("Records", "Violations")],
        ),
        _metrics("Errors of functions", region, _of_functions("Errors", "Sum", functions)),
        _metrics("Duration of functions, in milliseconds", region, _of_functions("Duration", "p95", functions)),
        _metrics(
            "Dead letters",
            region,
            [
                [
                    *("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", watched.dead_letters),
                    {"stat": "Maximum"},
                ]
            ],
        ),
    ]
    return {"widgets": [widget | _place(number) for number, widget in enumerate(contents)]}


def _metrics(title: str, region: str, metrics: list[list[Any]]) -> dict[str, Any]:
    return {"type": "metric", "properties": {"title": title, "region": region, "period": _PERIOD, "metrics": metrics}}


def _of_functions(metric: str, statistic: str, functions: dict[str, str]) -> list[list[Any]]:
    return [
        ["AWS/Lambda", metric, "FunctionName", function, {"stat": statistic, "label": label}]
        for label, function in functions.items()
    ]


def _place(number: int) -> dict[str, int]:
    return {"x": number % 2 * _WIDTH, "y": number // 2 * _HEIGHT, "width": _WIDTH, "height": _HEIGHT}


class Monitoring(Construct):
    """The alarms, which publish to the topic, and the dashboard."""

    dashboard_url: str
    """The dashboard's address in the console."""

    def __init__(self, scope: Construct, construct_id: str, *, watched: Watched, topic_arn: str) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        made = [self._alarm(alarm, topic_arn, stack) for alarm in alarms(watched)]
        body = _dashboard_body(watched, region=stack.region, alarm_arns=[alarm.attr_arn for alarm in made])
        dashboard = cloudwatch.CfnDashboard(self, "Dashboard", dashboard_body=stack.to_json_string(body))
        host = cdk.CfnMapping(
            self,
            "Console",
            lazy=True,
            mapping={partition: {"host": host} for partition, host in CONSOLES.items()},
        ).find_in_map(stack.partition, "host")
        self.dashboard_url = (
            f"https://{stack.region}.{host}/cloudwatch/home?region={stack.region}#dashboards:name={dashboard.ref}"
        )

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
            # Without activity there are no datapoints.
            treat_missing_data="notBreaching",
            alarm_actions=[topic_arn],
        )
