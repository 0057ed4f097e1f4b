"""The permissions that modulestack.yaml grants SeedFarmer's deploying role."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.emulator import Emulator
from tests.policies.evaluator import Need, Policies
from tests.policies.security_document import DEPLOYING, ROWS

TEMPLATE = (Path(__file__).parent.parent.parent / "modulestack.yaml").read_text()
NAMES = {"ProjectName": "aiops", "DeploymentName": "examples"}
# As CloudFormation on AWS cuts the name of a long stack, as the emulator does, and as neither has to.
OWN = (
    "aiops-examples-mlops-pipeli-storagebucket5cb7c8ea-1a2b3c4d5e6f7",
    "aiops-examples-mlops-pipeline-storagebucket5cb7c8e1a2b3c4d5e6f7",
    "aiops-examples-ml-a-storagebucket5cb7c8ea-1a2b3c4d5e6f7",
)
OTHERS = (
    "aiops-examples-data-rawbucket0a1b2c3d-1a2b3c4d5e6f7",
    "aiops-prod-ml-a-storagebucket5cb7c8ea-1a2b3c4d5e6f7",
    "data",
)
ON_BUCKET = ("s3:ListBucketVersions", "s3:DeleteBucket")
ON_OBJECTS = ("s3:DeleteObject", "s3:DeleteObjectVersion")

Deployed = Callable[..., Policies | None]

pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module")
def deployed(free_port: Callable[[], int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Deploys the template with SeedFarmer's parameters and these; returns the role's policies, if any."""
    with Emulator(port=free_port(), log=tmp_path_factory.mktemp("modulestack") / "emulator.log") as emulator:
        iam, cloudformation = emulator.client("iam"), emulator.client("cloudformation")

        def deploy(**parameters: str) -> Policies | None:
            role = f"seedfarmer-{len(iam.list_roles()['Roles'])}"
            iam.create_role(RoleName=role, AssumeRolePolicyDocument="{}")
            given = NAMES | {"RoleName": role} | parameters
            cloudformation.create_stack(
                StackName=role,
                TemplateBody=TEMPLATE,
                Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
            )
            cloudformation.get_waiter("stack_create_complete").wait(StackName=role, WaiterConfig={"Delay": 1})
            return Policies.of_role(iam, role) if iam.list_role_policies(RoleName=role)["PolicyNames"] else None

        yield deploy


@pytest.mark.parametrize("parameters", [{}, {"EmptyBucketOnDestroy": "false"}], ids=["not given", "false"])
def test_nothing_without_the_parameter(deployed: Deployed, parameters: dict[str, str]) -> None:
    """Without the parameter, and with false, the role gets nothing."""
    assert deployed(**parameters) is None


def test_permissions_to_delete_the_bucket(deployed: Deployed) -> None:
    """With true, the role may list and delete the bucket's versions and delete the bucket, and nothing else."""
    policies = deployed(EmptyBucketOnDestroy="true")
    assert policies is not None
    assert {action for action, _, _ in policies.parts()} == {*ON_BUCKET, *ON_OBJECTS}
    (documented,) = (actions for who, actions in ROWS if who == DEPLOYING)
    assert re.findall(r"`(s3:\w+)`", documented) == [*ON_BUCKET, *ON_OBJECTS]
    for names, allowed in ((OWN, True), (OTHERS, False)):
        for name in names:
            for action in ON_BUCKET:
                assert policies.allow(Need(action, f"arn:aws:s3:::{name}")) is allowed, (action, name)
            for action in ON_OBJECTS:
                assert policies.allow(Need(action, f"arn:aws:s3:::{name}/a/b.txt")) is allowed, (action, name)
