"""Resolves references in a template like a deployment; a resource's name is its logical ID."""

from collections.abc import Callable
from typing import Any

ACCOUNT = "123456789012"
REGION = "us-east-1"

_ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{}}",
    "AWS::Lambda::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{}}",
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{{}}",
    "AWS::KMS::Key": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{{}}",
    "AWS::SNS::Topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:{{}}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{}}",
    "AWS::StepFunctions::StateMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{{}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{}}:*",
    "AWS::Events::Rule": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{{}}",
}
_REF_IS_ARN = ("AWS::SNS::Topic", "AWS::StepFunctions::StateMachine")
_PSEUDO = {
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/mlops-demo/id",
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::URLSuffix": "amazonaws.com",
}


def resolved(value: Any, template: dict[str, Any]) -> Any:
    """A part of the template with its references resolved."""
    if isinstance(value, list):
        return [resolved(item, template) for item in value]
    if not isinstance(value, dict):
        return value
    ((key, argument), *others) = value.items() if value else [(None, None)]
    if key in _FUNCTIONS and not others:
        return _FUNCTIONS[key](argument, template)
    return {name: resolved(item, template) for name, item in value.items()}


def _ref(name: str, template: dict[str, Any]) -> str:
    if name in _PSEUDO:
        return _PSEUDO[name]
    kind = template["Resources"][name]["Type"]
    return _ARNS[kind].format(name) if kind in _REF_IS_ARN else name


def _arn(argument: list[str], template: dict[str, Any]) -> str:
    name, attribute = argument
    assert attribute == "Arn", argument
    return _ARNS[template["Resources"][name]["Type"]].format(name)


def _join(argument: list[Any], template: dict[str, Any]) -> str:
    separator, parts = argument
    return str(separator).join(resolved(parts, template))


def _sub(text: str, _template: dict[str, Any]) -> str:
    for name, value in _PSEUDO.items():
        text = text.replace(f"${{{name}}}", value)
    return text


def _select(argument: list[Any], template: dict[str, Any]) -> Any:
    index, parts = argument
    return resolved(parts, template)[int(index)]


def _split(argument: list[Any], template: dict[str, Any]) -> list[str]:
    separator, text = argument
    return str(resolved(text, template)).split(separator)


_FUNCTIONS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "Ref": _ref,
    "Fn::GetAtt": _arn,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": _sub,
}
