"""The CDK CLI with docs/deploy.md's commands, from deployment to destruction of a pipeline."""

import pytest
import yaml

from local.deployment import BOOTSTRAP_PARAMETERS, BOOTSTRAP_STACK, BOOTSTRAP_TEMPLATE
from tests.e2e.clients.cdk import CdkLifecycle
from tests.e2e.clients.conftest import ClientSetup
from tests.e2e.clients.deploy_guide import EVERY_DAY

pytestmark = [pytest.mark.emulator, pytest.mark.clients]

METADATA = {"MlOpsBucket", "SageMakerExecutionRole", "ImageUri", "StateMachine", "LambdaFunction"}
SCRIPT = "churn/scripts/quality.py"


def test_environments_have_the_stack_of_the_bootstrap(client_setup: ClientSetup) -> None:
    """``mlops local`` creates it itself, from the same template with the same parameters."""
    cloudformation = client_setup.account.client("cloudformation")
    own = yaml.safe_load(BOOTSTRAP_TEMPLATE.read_text())
    assert yaml.safe_load(cloudformation.get_template(StackName=BOOTSTRAP_STACK)["TemplateBody"]) == own
    (stack,) = cloudformation.describe_stacks(StackName=BOOTSTRAP_STACK)["Stacks"]
    given = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in stack["Parameters"]}
    assert given == {name: entry["Default"] for name, entry in own["Parameters"].items()} | BOOTSTRAP_PARAMETERS


def test_deployment_asks_first(cdk_lifecycle: CdkLifecycle) -> None:
    """On a terminal, cdk deploy lists the permissions that it would grant, and asks for confirmation."""
    listed, question, _ = cdk_lifecycle.deployment.partition("Do you wish to deploy these changes")
    assert question
    assert "IAM Statement Changes" in listed


def test_deployment_publishes_scripts_and_outputs(cdk_lifecycle: CdkLifecycle) -> None:
    """After cdk deploy, the output has the five keys and the scripts are in the bucket."""
    assert set(cdk_lifecycle.metadata) == METADATA
    assert {SCRIPT, "churn/scripts/input.yaml", "churn/scripts/source.tar.gz"} <= set(cdk_lifecycle.first_objects)


def test_second_deployment_would_change_nothing(cdk_lifecycle: CdkLifecycle) -> None:
    """After cdk deploy, cdk diff finds no difference."""
    assert "There were no differences" in cdk_lifecycle.no_difference


def test_changed_script_is_published(cdk_lifecycle: CdkLifecycle) -> None:
    """The next cdk deploy uploads a changed script and leaves other scripts and the user's own file alone."""
    before, after = cdk_lifecycle.first_objects, cdk_lifecycle.objects_after_script
    assert after[SCRIPT] != before[SCRIPT]
    assert after["churn/scripts/train.py"] == before["churn/scripts/train.py"]
    assert "churn/scripts/mine.txt" in after


def test_changed_schedule_is_deployed(cdk_lifecycle: CdkLifecycle) -> None:
    """The diff shows the old and the new expression, and cdk deploy updates the rule."""
    assert "cron(0 6 * * ? *)" in cdk_lifecycle.difference
    assert "cron(0 7 * * ? *)" in cdk_lifecycle.difference
    assert cdk_lifecycle.rule == ("cron(0 7 * * ? *)", "ENABLED")


def test_redeployment_replaces_nothing(cdk_lifecycle: CdkLifecycle) -> None:
    """A redeployment replaces no resource."""
    assert cdk_lifecycle.ids_at_the_end == cdk_lifecycle.ids


def test_second_pipeline_shares_nothing(cdk_lifecycle: CdkLifecycle, demo: ClientSetup) -> None:
    """Two pipelines in an account share no names, and deleting one does not affect the other."""
    first = demo.account.physical_ids("mlops-demo")
    own = {identifier for logical, identifier in cdk_lifecycle.ids.items() if logical != "CDKMetadata"}
    assert own.isdisjoint(first.values())
    assert demo.account.metadata("mlops-demo")["MlOpsBucket"] in demo.account.named_after("mlops-demo")


def test_destroy_leaves_the_bucket_only(cdk_lifecycle: CdkLifecycle) -> None:
    """A destroy leaves only the bucket, with its contents."""
    assert cdk_lifecycle.kept == {"AWS::S3::Bucket"}
    assert cdk_lifecycle.left == {cdk_lifecycle.metadata["MlOpsBucket"]}
    assert cdk_lifecycle.objects_left == cdk_lifecycle.objects_after_script


def test_bucket_is_deleted_by_hand(cdk_lifecycle: CdkLifecycle) -> None:
    """After docs/deploy.md's last command for the CDK, nothing of the stack is left."""
    assert cdk_lifecycle.left_at_last == set()


def test_malformed_parameter_is_rejected(client_setup: ClientSetup) -> None:
    """A deploy reports a malformed parameter, without a traceback, and deploys nothing."""
    ended = client_setup.machine.type(
        'npx cdk deploy -c model-name=refused -c schedule="0 25 * * ? *"', client_setup.checkout
    )
    assert ended.code != 0
    assert "invalid hours '25'" in ended.printed
    assert "Traceback" not in ended.printed
    assert client_setup.account.named_after("mlops-refused") == set()


def test_malformed_parameter_ends_a_destroy(demo: ClientSetup) -> None:
    """A destroy with a malformed parameter fails and keeps the stack."""
    wrong = "-c empty-bucket-on-destroy=maybe"
    ended = demo.machine.type(f"npx cdk destroy --force -c schedule={EVERY_DAY} {wrong}", demo.checkout)
    assert ended.code != 0
    assert "parameter empty-bucket-on-destroy: invalid value 'maybe'" in ended.printed
    assert "MlOpsBucket" in demo.account.metadata("mlops-demo")
