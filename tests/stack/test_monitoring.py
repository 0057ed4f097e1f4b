"""The template's topic, alarms, announcements, dead-letter queue and dashboard."""

import json
from pathlib import Path
from typing import Any

import pytest

import metrics
from tests.policies.references import resolved
from tests.stack.resources import as_list, resources, statements, the
from tests.stack.watched import alarm_names

PROJECT = Path(__file__).parents[2]


def reference(template: dict[str, Any], kind: str) -> dict[str, str]:
    """The Ref of the only resource of a kind."""
    ((name, _),) = resources(template, kind).items()
    return {"Ref": name}


def allowed_to(template: dict[str, Any], kind: str, service: str) -> list[dict[str, Any]]:
    """The statements for a service in the only resource policy of a kind."""
    policy = the(template, kind)
    document = policy.get("PolicyDocument") or policy["KeyPolicy"]
    return [statement for statement in document["Statement"] if statement.get("Principal") == {"Service": service}]


def test_topic_is_secure(template: dict[str, Any]) -> None:
    """The topic is encrypted with the module's own rotated key, and rejects plain HTTP."""
    assert "KmsMasterKeyId" in the(template, "AWS::SNS::Topic")
    assert the(template, "AWS::KMS::Key")["EnableKeyRotation"] is True
    policy = the(template, "AWS::SNS::TopicPolicy")
    assert policy["Topics"] == [reference(template, "AWS::SNS::Topic")]
    assert any(
        statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in policy["PolicyDocument"]["Statement"]
    )


@pytest.mark.parametrize(
    ("kind", "actions"),
    [
        ("AWS::SNS::TopicPolicy", ["sns:Publish"]),
        ("AWS::KMS::Key", ["kms:Decrypt", "kms:GenerateDataKey"]),
    ],
)
def test_alarms_may_publish(kind: str, actions: list[str], template: dict[str, Any]) -> None:
    """CloudWatch may publish to the topic and use its key, for this account only."""
    (statement,) = allowed_to(template, kind, "cloudwatch.amazonaws.com")
    assert as_list(statement["Action"]) == actions
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


@pytest.mark.parametrize("role", ["WorkflowRole", "AnnouncerRole"])
def test_publishers_may_use_the_key(role: str, template: dict[str, Any]) -> None:
    """Publishers may use the topic's key, through SNS only, and no other key."""
    ((key, _),) = resources(template, "AWS::KMS::Key").items()
    found = {action: found for found in statements(template, role) for action in as_list(found["Action"])}
    assert found["sns:Publish"]["Resource"] == reference(template, "AWS::SNS::Topic")
    assert found["kms:GenerateDataKey"] == found["kms:Decrypt"]
    assert found["kms:Decrypt"]["Resource"] == {"Fn::GetAtt": [key, "Arn"]}
    condition = resolved(found["kms:Decrypt"]["Condition"], template)
    assert condition == {"StringEquals": {"kms:ViaService": "sns.us-east-1.amazonaws.com"}}


def test_every_alarm_notifies(template: dict[str, Any]) -> None:
    """Each alarm fires on the first occurrence, publishes to the topic, and stays quiet without data."""
    made = {found["Properties"]["AlarmName"]: found["Properties"] for found in _alarms(template)}
    assert set(made) == {f"mlops-demo-{name}" for name in alarm_names()}
    for alarm in made.values():
        assert alarm["AlarmActions"] == [reference(template, "AWS::SNS::Topic")]
        assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")
        assert alarm["TreatMissingData"] == "notBreaching"


def test_alarms_watch_what_the_start_function_counts(template: dict[str, Any]) -> None:
    """The start function's own metrics use the alarms' namespace and service."""
    (variables,) = (
        found["Properties"]["Environment"]["Variables"]
        for found in resources(template, "AWS::Lambda::Function").values()
        if found["Properties"]["Handler"].startswith("starter.")
    )
    own = [found["Properties"] for found in _alarms(template) if found["Properties"]["Namespace"] == "MLOps"]
    assert {alarm["MetricName"] for alarm in own} == {
        "EventError",
        "RefusedInputError",
        "ServiceError",
        "UnreadableFileError",
    }
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "MLOps"
    for alarm in own:
        assert alarm["Dimensions"] == [{"Name": "service", "Value": variables["POWERTOOLS_SERVICE_NAME"]}]


def test_drift_alarm_watches_what_the_job_counts(template: dict[str, Any]) -> None:
    """The metric of the alarm Drift is the one that the monitoring job puts: namespace, name and dimensions."""
    (alarm,) = (
        found["Properties"] for found in _alarms(template) if found["Properties"]["AlarmName"].endswith("-Drift")
    )
    put = [entry for entry in metrics.data("demo", 500, []) if entry["MetricName"] == alarm["MetricName"]]
    assert [entry["Dimensions"] for entry in put] == [alarm["Dimensions"]]
    assert alarm["Namespace"] == metrics.NAMESPACE


def test_every_end_but_success_is_announced(template: dict[str, Any]) -> None:
    """The rule passes this state machine's failed, timed-out and aborted executions to the announcer."""
    assert _on_ends(template, "announcer") == {
        "status": ["FAILED", "TIMED_OUT", "ABORTED"],
        "stateMachineArn": [{"Fn::GetAtt": ["WorkflowStateMachine85C6F4E4", "Arn"]}],
    }


def test_every_end_that_asks_for_it_is_reported(template: dict[str, Any]) -> None:
    """The rule passes ended executions whose input has the key, or is too large for the event, to the reporter."""
    assert _on_ends(template, "reporter") == {
        "status": ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"],
        "stateMachineArn": [{"Fn::GetAtt": ["WorkflowStateMachine85C6F4E4", "Arn"]}],
        "$or": [{"input": [{"wildcard": '*"publish_report"*'}]}, {"inputDetails": {"included": [False]}}],
    }


def _on_ends(template: dict[str, Any], function: str) -> dict[str, Any]:
    """The detail of the event pattern of the rule that invokes a function when an execution ends."""
    ((name, _),) = (
        (name, found)
        for name, found in resources(template, "AWS::Lambda::Function").items()
        if found["Properties"]["Handler"] == f"{function}.handler.handler"
    )
    (detail,) = (
        found["Properties"]["EventPattern"]["detail"]
        for found in resources(template, "AWS::Events::Rule").values()
        if found["Properties"].get("EventPattern", {}).get("source") == ["aws.states"]
        and found["Properties"]["Targets"][0]["Arn"] == {"Fn::GetAtt": [name, "Arn"]}
    )
    return dict(detail)


def test_no_event_is_lost(template: dict[str, Any]) -> None:
    """Undeliverable events and failed invocations go to a queue that is encrypted and TLS only."""
    queue = {"Fn::GetAtt": [reference(template, "AWS::SQS::Queue")["Ref"], "Arn"]}
    rules = resources(template, "AWS::Events::Rule")
    for rule in rules.values():
        (target,) = rule["Properties"]["Targets"]
        assert target["DeadLetterConfig"] == {"Arn": queue}
    allowed = allowed_to(template, "AWS::SQS::QueuePolicy", "events.amazonaws.com")
    assert [statement["Condition"] for statement in allowed] == [
        {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": [name, "Arn"]}}} for name in rules
    ]
    asynchronous = [
        {"Ref": name}
        for name, function in resources(template, "AWS::Lambda::Function").items()
        if function["Properties"]["Handler"].startswith(("starter.", "announcer.", "reporter."))
    ]
    configs = [found["Properties"] for found in resources(template, "AWS::Lambda::EventInvokeConfig").values()]
    assert [config["FunctionName"] for config in configs] == asynchronous
    for config in configs:
        assert config["DestinationConfig"] == {"OnFailure": {"Destination": queue}}
    assert the(template, "AWS::SQS::Queue")["SqsManagedSseEnabled"] is True
    assert the(template, "AWS::SQS::Queue")["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_the_dashboard_is_found_by_its_output(template: dict[str, Any]) -> None:
    """The output links to the dashboard, which shows executions, stages, functions and dead letters."""
    url = "".join(
        part if isinstance(part, str) else "NAME" for part in template["Outputs"]["Dashboard"]["Value"]["Fn::Join"][1]
    )
    assert url == "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#dashboards:name=NAME"
    parts = the(template, "AWS::CloudWatch::Dashboard")["DashboardBody"]["Fn::Join"][1]
    body = json.loads("".join(part if isinstance(part, str) else "x" for part in parts))
    places = {(widget["x"], widget["y"]) for widget in body["widgets"]}
    assert len(places) == len(body["widgets"])
    metrics_shown = [metric for widget in body["widgets"] for metric in widget["properties"].get("metrics", [])]
    shown = {metric[1] for metric in metrics_shown}
    assert {"ExecutionsAborted", "ExecutionTime", "Errors", "ApproximateNumberOfMessagesVisible", "Violations"} <= shown
    watched = [found["Properties"] for found in _alarms(template) if found["Properties"]["Namespace"] == "AWS/Lambda"]
    assert sorted(
        metric[-1]["label"].title() + "Errors" for metric in metrics_shown if metric[1] == "Errors"
    ) == sorted(alarm["AlarmName"].removeprefix("mlops-demo-") for alarm in watched)
    (query,) = (widget["properties"]["query"] for widget in body["widgets"] if widget["type"] == "log")
    assert "by execution_arn, stage" in query


def _alarms(template: dict[str, Any]) -> list[dict[str, Any]]:
    return list(resources(template, "AWS::CloudWatch::Alarm").values())
