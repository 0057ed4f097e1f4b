"""Helpers for inspecting a template."""

from typing import Any


def resources(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {name: found for name, found in template["Resources"].items() if found["Type"] == kind}


def the(template: dict[str, Any], kind: str) -> dict[str, Any]:
    ((_, found),) = resources(template, kind).items()
    properties: dict[str, Any] = found["Properties"]
    return properties


def statements(template: dict[str, Any], role: str) -> list[dict[str, Any]]:
    """The statements of the policies attached to roles with this logical ID prefix."""
    return [
        statement
        for policy in resources(template, "AWS::IAM::Policy").values()
        if any(attached["Ref"].startswith(role) for attached in policy["Properties"]["Roles"])
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
