"""Inspects the emulated account through AWS's APIs."""

import json
from typing import Any

from local.emulator import Emulator


class Account:
    """Inspects the account."""

    def __init__(self, emulator: Emulator) -> None:
        self.client = emulator.client

    def metadata(self, stack: str) -> dict[str, str]:
        """The stack's metadata output."""
        (found,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        (text,) = (output["OutputValue"] for output in found["Outputs"] if output["OutputKey"] == "metadata")
        content: dict[str, str] = json.loads(text)
        return content

    def physical_ids(self, stack: str) -> dict[str, str]:
        """The physical ID of each resource of the stack, by its logical ID."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        return {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
        }

    def rule(self, stack: str) -> tuple[str, str]:
        """The expression and the state of the stack's schedule."""
        rules = self.client("events").list_rules(NamePrefix=f"{stack}-Starter")["Rules"]
        (rule,) = (found for found in rules if "ScheduleExpression" in found)
        return rule["ScheduleExpression"], rule["State"]

    def objects(self, bucket: str) -> dict[str, str]:
        """The ETag of each object, by its key."""
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", [])}

    def inline_actions(self, role: str) -> set[str]:
        """The actions that a role's inline policies allow."""
        iam = self.client("iam")
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        documents = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
        return {action for document in documents for part in document["Statement"] for action in part["Action"]}

    def executions(self, state_machine: str) -> list[dict[str, Any]]:
        """The executions of a state machine, each as Step Functions describes it, oldest first."""
        step_functions = self.client("stepfunctions")
        listed = step_functions.list_executions(stateMachineArn=state_machine)["executions"]
        described = [step_functions.describe_execution(executionArn=found["executionArn"]) for found in listed]
        return sorted(described, key=lambda execution: execution["startDate"])

    def named_after(self, stack: str) -> set[str]:
        """The names in the account that contain the stack's name, which a deployment may have left.

        CloudFormation names resources without a name of their own after the stack. This lists them service by service,
        since the emulator's tagging API knows functions only.
        """
        lists = [
            ("cloudformation", "describe_stacks", "Stacks", "StackName"),
            ("s3", "list_buckets", "Buckets", "Name"),
            ("lambda", "list_functions", "Functions", "FunctionName"),
            ("stepfunctions", "list_state_machines", "stateMachines", "name"),
            ("iam", "list_roles", "Roles", "RoleName"),
            ("events", "list_rules", "Rules", "Name"),
            ("logs", "describe_log_groups", "logGroups", "logGroupName"),
            ("dynamodb", "list_tables", "TableNames", ""),
            ("sns", "list_topics", "Topics", "TopicArn"),
            ("sqs", "list_queues", "QueueUrls", ""),
            ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
        ]
        names = set()
        for service, operation, key, attribute in lists:
            for found in getattr(self.client(service), operation)().get(key, []):
                names.add(found[attribute] if attribute else found)
        return {name for name in names if stack in name}
