"""Reads what the checks need to know about the deployed stack."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from doctor.account import Caller
from doctor.result import UnavailableError
from executions.aws import Aws
from executions.stack import Stack
from pipeline.images import ACCOUNTS, image_uri, xgboost_image_uri
from pipeline.input.tokens import EXECUTION_TOKEN, TOKENS

_SUBNET = re.compile(r"\bsubnet-[0-9a-f]{8,17}\b")
_ROLE = "AWS::IAM::Role"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The deployed state machine."""

    role: str
    """The ARN of its role."""
    definition: dict[str, Any]

    @property
    def subnets(self) -> tuple[str, ...]:
        """The subnets in which jobs and models run by default; empty without a VPC."""
        return subnets_in(self.definition)


@dataclass(frozen=True, kw_only=True)
class Resources:
    """The physical IDs of the stack's resources, by type and logical ID."""

    ids: Mapping[tuple[str, str], str]

    def find(self, kind: str, construct: str) -> str:
        """Returns the physical ID of a construct's resource.

        Raises:
            UnavailableError: the stack has none.
        """
        for (found, logical), physical in self.ids.items():
            if found == kind and logical.startswith(construct):
                return physical
        raise UnavailableError(f"the stack has no {kind} of the construct {construct}")

    def role(self, construct: str, who: Caller) -> str:
        """Returns the ARN of a construct's role."""
        return who.service_arn("iam", f"role/{self.find(_ROLE, construct)}")


def subnets_in(content: dict[str, Any]) -> tuple[str, ...]:
    """Returns the IDs of the subnets that a document names, sorted."""
    return tuple(sorted(set(_SUBNET.findall(json.dumps(content)))))


def read_stack(aws: Aws, name: str | None) -> dict[str, Any]:
    """Describes the stack.

    Args:
        aws: the account and region.
        name: the stack's name; None for the default.

    Raises:
        UnavailableError: there is no such stack.
        ClientError: AWS rejects the call.
    """
    cloudformation = aws.client("cloudformation")
    stack = name or aws.default_stack
    try:
        (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except cloudformation.exceptions.ClientError as error:
        if "does not exist" not in str(error):
            raise
        raise UnavailableError(f"the stack {stack} is not deployed {aws.where}") from error
    described: dict[str, Any] = found
    return described


def outputs_of(described: dict[str, Any]) -> Stack:
    """Reads a stack's outputs.

    Args:
        described: the stack, as DescribeStacks returns it.

    Raises:
        UnavailableError: it is not a deployment of this module, or not a complete one.
    """
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", ())}
    try:
        return Stack.parse(described["StackName"], outputs)
    except (KeyError, ValueError, TypeError) as error:
        raise UnavailableError(f"the stack {described['StackName']} has no outputs of this module") from error


def read_machine(step_functions: Any, stack: Stack) -> Machine:
    """Reads the state machine's definition. Raises ClientError if AWS rejects the call."""
    found = step_functions.describe_state_machine(stateMachineArn=stack.state_machine)
    return Machine(role=found["roleArn"], definition=json.loads(found["definition"]))


def read_resources(cloudformation: Any, stack: Stack) -> Resources:
    """Lists the stack's resources. Raises ClientError if AWS rejects the call."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack.name)
    items = (item for page in pages for item in page["StackResourceSummaries"])
    return Resources(
        ids={(item["ResourceType"], item["LogicalResourceId"]): item.get("PhysicalResourceId", "") for item in items}
    )


def read_tokens(lambda_client: Any, stack: Stack, *, who: Caller) -> dict[str, str]:
    """Reads the values of the tokens of ``input.yaml`` from the start function. Raises ClientError."""
    found = lambda_client.get_function_configuration(FunctionName=stack.function)
    variables = found["Environment"]["Variables"] | {"AWS_REGION_NAME": who.region}
    return {name: variables[name] for name in TOKENS if name != EXECUTION_TOKEN}


def expected_tokens(who: Caller, *, model_name: str) -> dict[str, str]:
    """Returns the tokens' values as a deployment would have them, with a stand-in for the bucket and the role.

    Raises:
        UnavailableError: no stack can be deployed to the region.
    """
    if who.region not in ACCOUNTS:
        raise UnavailableError(f"the region {who.region} has no scikit-learn image")
    suffix = "amazonaws.com.cn" if who.partition == "aws-cn" else "amazonaws.com"
    return {
        "MLOPS_BUCKET": STAND_IN_BUCKET,
        "MODEL_NAME": model_name,
        "AWS_REGION_NAME": who.region,
        "SAGEMAKER_EXECUTION_ROLE": who.service_arn("iam", "role/SageMakerExecutionRole"),
        "IMAGE_URI": image_uri(account=ACCOUNTS[who.region], region=who.region, url_suffix=suffix),
        "XGBOOST_IMAGE_URI": xgboost_image_uri(account=ACCOUNTS[who.region], region=who.region, url_suffix=suffix),
    }


STAND_IN_BUCKET = "mlops-bucket-of-the-stack"
"""The bucket's name while there is no stack."""
