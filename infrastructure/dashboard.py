"""The dashboard: executions, how long each stage took, the functions, dead letters.

Step Functions has no metric of a state's duration, only of the executions' and, over all state machines of an account,
of each service integration's. So the stages' durations are read from the state machine's log, which has every state's
beginning and end without its data.
(https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html, .../cw-logs.html)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infrastructure.monitoring import Watched

_WIDTH = 12
"""Half of a dashboard's 24 columns."""

_HEIGHT = 6

_STAGES = (
    "filter details.name not like /^(Begin|After |Finished)/ and type like /State(Entered|Exited)$/"
    " | parse details.name /^(?<stage>[^:]+)/"
    " | stats (max(event_timestamp) - min(event_timestamp)) / 1000 as seconds by execution_arn, stage"
    " | stats avg(seconds) as average, max(seconds) as longest, count(*) as executions by stage"
    " | sort average desc"
)
"""A stage lasts from the beginning of its first state to the end of its last one."""


def dashboard_body(watched: "Watched", *, region: str, alarm_arns: list[str]) -> dict[str, Any]:
    """The dashboard's body (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html).

    Args:
        watched: what is shown.
        region: where it is.
        alarm_arns: the alarms whose states are shown.
    """
    machine = ("StateMachineArn", watched.state_machine_arn)
    functions = {"starter": watched.starter, "gate": watched.gate, "announcer": watched.announcer}
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
            [["MLOps", name, "service", watched.starter_service, {"stat": "Sum"}] for name in own],
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
    return {"type": "metric", "properties": {"title": title, "region": region, "period": 300, "metrics": metrics}}


def _of_functions(metric: str, statistic: str, functions: dict[str, str]) -> list[list[Any]]:
    return [
        ["AWS/Lambda", metric, "FunctionName", function, {"stat": statistic, "label": label}]
        for label, function in functions.items()
    ]


def _place(number: int) -> dict[str, int]:
    return {"x": number % 2 * _WIDTH, "y": number // 2 * _HEIGHT, "width": _WIDTH, "height": _HEIGHT}
