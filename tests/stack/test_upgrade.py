"""A stack deployed from the release before is updated in place.

``tests/data/template-0.1.0.json.gz`` is the template of 0.1.0 with the module's defaults, for us-east-1. The
resource schemas are CloudFormation's own, which cfn-lint ships; a change of a property that they list as create-only
replaces the resource (https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html).
"""

import gzip
import json
from typing import Any

import pytest

from tests.conftest import PROJECT
from tests.policies.references import REGION

KEPT = (
    "StorageBucket5CB7C8EA",
    "ApprovalRequests512F7F89",
    "WorkflowStateMachine85C6F4E4",
    "NotificationsTopicAE679CBD",
    "DeadLettersQueue631681B1",
)
"""What holds data, or is known outside the stack."""
REPLACED = {"WorkflowLogs8B0907C7": {"LogGroupName"}}
"""What an upgrade replaces: the state machine's log group was renamed; the old one stays until its retention."""


@pytest.fixture(scope="module")
def before() -> dict[str, Any]:
    """The resources of the release before."""
    content = gzip.decompress((PROJECT / "tests" / "data" / "template-0.1.0.json.gz").read_bytes())
    resources: dict[str, Any] = json.loads(content)["Resources"]
    return resources


def create_only(kind: str) -> set[str]:
    """The properties of a resource type whose change replaces a resource."""
    if kind.startswith("Custom::"):
        return {"ServiceToken"}
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # noqa: PLC0415 - slow to import

    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
    paths = [*schema.get("createOnlyProperties", ()), *schema.get("conditionalCreateOnlyProperties", ())]
    return {path.split("/")[2] for path in paths}


def test_no_resource_is_lost(before: dict[str, Any], template: dict[str, Any]) -> None:
    """Each resource keeps its logical ID and its type."""
    after = template["Resources"]
    assert {name: after.get(name, {}).get("Type") for name in before} == {
        name: found["Type"] for name, found in before.items()
    }


def test_an_upgrade_replaces_only_the_log_group(before: dict[str, Any], template: dict[str, Any]) -> None:
    """No other resource has a changed property that CloudFormation changes only by replacement."""
    found = {}
    for name, old in before.items():
        new = template["Resources"][name]
        changed = {
            key
            for key in create_only(old["Type"])
            if old.get("Properties", {}).get(key) != new.get("Properties", {}).get(key)
        }
        if changed:
            found[name] = changed
    assert found == REPLACED
    assert not set(REPLACED) & set(KEPT)


def test_the_schemas_know_what_replaces(before: dict[str, Any]) -> None:
    """For what holds data, the schemas have the properties that the documentation says are replaced."""
    assert create_only("AWS::S3::Bucket") >= {"BucketName"}
    assert create_only("AWS::DynamoDB::Table") >= {"TableName", "KeySchema"}
    assert create_only("AWS::StepFunctions::StateMachine") >= {"StateMachineName", "StateMachineType"}
    assert set(KEPT) <= set(before)


def test_the_publisher_is_called_by_the_upgrade(before: dict[str, Any], template: dict[str, Any]) -> None:
    """Its properties differ, or the output KeptScripts, which the release before did not have, could not be read."""
    name = "ScriptsPublication94A0B17F"
    old, new = (found["Properties"].keys() for found in (before[name], template["Resources"][name]))
    assert new - old - {"Metadata"} == {"Record", "Overwrite"}  # Metadata only in a git checkout
