"""What CloudFormation would do with the state machine if its log group had another name. Changes nothing."""

import json
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import WaiterError

from aws_check.assumptions import CONFIRMED, NOT_SETTLED, REFUTED, Answer
from aws_check.context import Context, ScenarioError
from aws_check.names import PROBE

_TEMPLATE = "renamed.json"
_MACHINE, _LOG_GROUP = "AWS::StepFunctions::StateMachine", "AWS::Logs::LogGroup"


def renamed_log_group(context: Context) -> Iterator[Answer]:
    """Makes a change set of the deployed template with another name, and deletes it."""
    cloudformation, stack = context.client("cloudformation"), context.target.stack
    body = cloudformation.get_template(StackName=stack.name)["TemplateBody"]
    context.put(_TEMPLATE, json.dumps(renamed(json.loads(body) if isinstance(body, str) else body)).encode())
    domain = "amazonaws.com.cn" if context.who.partition == "aws-cn" else "amazonaws.com"
    url = f"https://s3.{context.who.region}.{domain}/{context.uri(_TEMPLATE).removeprefix('s3://')}"
    cloudformation.create_change_set(
        StackName=stack.name, ChangeSetName=PROBE, TemplateURL=url, Capabilities=["CAPABILITY_IAM"]
    )
    try:
        changes = _changes(cloudformation, stack.name)
    finally:
        cloudformation.delete_change_set(StackName=stack.name, ChangeSetName=PROBE)
    yield verdict_on(changes)


def renamed(template: dict[str, Any]) -> dict[str, Any]:
    """Returns the template with another name for the state machine's log group."""
    groups = [
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == _LOG_GROUP and "LogGroupName" in resource["Properties"]
    ]
    if len(groups) != 1:
        raise ScenarioError(f"the template has {len(groups)} log groups with a name, not one")
    groups[0]["LogGroupName"] += "-renamed"
    return template


def verdict_on(changes: list[dict[str, Any]]) -> Answer:
    """Returns the answer in a change set's changes."""
    of_machine = [
        change["ResourceChange"] for change in changes if change["ResourceChange"]["ResourceType"] == _MACHINE
    ]
    seen = [f"{change['Action']}, Replacement {change.get('Replacement', 'not given')}" for change in of_machine]
    evidence = f"a change set with another name would change the state machine as follows: {seen}"
    if not of_machine or any("Replacement" not in change for change in of_machine):
        return Answer(number=14, verdict=NOT_SETTLED, evidence=evidence)
    in_place = all(change["Replacement"] == "False" for change in of_machine)
    return Answer(number=14, verdict=CONFIRMED if in_place else REFUTED, evidence=evidence)


def _changes(cloudformation: Any, stack: str) -> list[dict[str, Any]]:
    names = {"StackName": stack, "ChangeSetName": PROBE}
    try:
        cloudformation.get_waiter("change_set_create_complete").wait(**names, WaiterConfig={"Delay": 2})
    except WaiterError as error:
        reason = error.last_response.get("StatusReason", error)
        raise ScenarioError(f"the change set was not made: {reason}") from error
    pages = cloudformation.get_paginator("describe_change_set").paginate(**names)
    return [change for page in pages for change in page["Changes"]]
