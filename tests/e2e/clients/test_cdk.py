"""``cdk`` from the command line, with the README's commands, on one pipeline from its deployment to its end."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.clients.conftest import EVERY_DAY, Place
from tests.e2e.clients.readme import commands

pytestmark = [pytest.mark.emulator, pytest.mark.clients]

STACK = "mlops-churn"
METADATA = {"MlOpsBucket", "SageMakerExecutionRole", "ImageUri", "StateMachine", "LambdaFunction"}
SCRIPT = "churn/scripts/quality.py"


@dataclass(frozen=True)
class Life:
    """What was seen of the second pipeline, step by step."""

    metadata: dict[str, str]
    first_objects: dict[str, str]
    ids: dict[str, str]
    no_difference: str
    objects_after_script: dict[str, str]
    difference: str
    rule: tuple[str, str]
    ids_at_the_end: dict[str, str]
    kept: set[str]
    left: set[str]
    objects_left: dict[str, str]


@pytest.fixture(scope="module")
def life(demo: Place) -> Life:
    """The README's commands in their order, each with the second pipeline's model-name.

    It is deployed, compared, deployed after the change of a script and after that of the schedule, and destroyed.
    """
    account = demo.account

    def cdk(lines: str) -> str:
        named = "".join(
            line if "model-name" in line else f"{line.partition('  #')[0]} -c model-name=churn\n"
            for line in lines.splitlines(keepends=False)
        )
        return demo.machine.run(named, demo.checkout)

    _, _, update, deploy, destroy, *_ = commands("Deploy")
    cdk(deploy)
    metadata, ids = account.metadata(STACK), account.physical_ids(STACK)
    bucket = metadata["MlOpsBucket"]
    first_objects = account.objects(bucket)
    account.client("s3").put_object(Bucket=bucket, Key="churn/scripts/mine.txt", Body=b"mine")
    difference, redeploy = update.splitlines()
    no_difference = cdk(difference.replace('"0 7 * * ? *"', EVERY_DAY))
    with (demo.checkout / "scripts" / "quality.py").open("a") as script:
        script.write("\n# changed\n")
    cdk(deploy)
    objects_after_script = account.objects(bucket)
    schedule_difference = cdk(difference)
    cdk(redeploy)
    rule, ids_at_the_end = account.rule(STACK), account.physical_ids(STACK)
    kept = resources_kept(account.client("cloudformation").get_template(StackName=STACK)["TemplateBody"])
    cdk(destroy)
    return Life(
        metadata=metadata,
        first_objects=first_objects,
        ids=ids,
        no_difference=no_difference,
        objects_after_script=objects_after_script,
        difference=schedule_difference,
        rule=rule,
        ids_at_the_end=ids_at_the_end,
        kept=kept,
        left=account.named_after(STACK),
        objects_left=account.objects(bucket),
    )


def resources_kept(template: Any) -> set[str]:
    """The types of the resources that a template keeps when the stack goes."""
    content = json.loads(template) if isinstance(template, str) else template
    resources = content["Resources"].values()
    return {found["Type"] for found in resources if found.get("DeletionPolicy", "Delete") != "Delete"}


def test_deployment_publishes_and_tells(life: Life) -> None:
    """After cdk deploy, the output has the five keys and the scripts lie in the bucket."""
    assert set(life.metadata) == METADATA
    assert {SCRIPT, "churn/scripts/input.yaml", "churn/scripts/source.tar.gz"} <= set(life.first_objects)


def test_second_deployment_would_change_nothing(life: Life) -> None:
    """After cdk deploy, cdk diff finds no difference."""
    assert "There were no differences" in life.no_difference


def test_changed_script_is_published(life: Life) -> None:
    """The next cdk deploy uploads a changed script, and leaves the other scripts and a user's own file as they are."""
    before, after = life.first_objects, life.objects_after_script
    assert after[SCRIPT] != before[SCRIPT]
    assert after["churn/scripts/train.py"] == before["churn/scripts/train.py"]
    assert "churn/scripts/mine.txt" in after


def test_changed_schedule_is_deployed(life: Life) -> None:
    """First cdk diff shows the old and the new expression, then cdk deploy puts the new one into the rule."""
    assert "cron(0 6 * * ? *)" in life.difference
    assert "cron(0 7 * * ? *)" in life.difference
    assert life.rule == ("cron(0 7 * * ? *)", "ENABLED")


def test_redeployment_replaces_nothing(life: Life) -> None:
    """Bucket, state machine, function and all else are the same ones after two redeployments."""
    assert life.ids_at_the_end == life.ids


def test_second_pipeline_shares_nothing(life: Life, demo: Place) -> None:
    """Two pipelines in an account have no name in common, and the one goes without harm to the other."""
    first = demo.account.physical_ids("mlops-demo")
    own = {identifier for logical, identifier in life.ids.items() if logical != "CDKMetadata"}
    assert own.isdisjoint(first.values())
    assert demo.account.metadata("mlops-demo")["MlOpsBucket"] in demo.account.named_after("mlops-demo")


def test_destroy_leaves_the_bucket_only(life: Life) -> None:
    """What cdk destroy leaves is the bucket, full as it was; nothing else has the stack's name."""
    assert life.kept == {"AWS::S3::Bucket"}
    assert life.left == {life.metadata["MlOpsBucket"]}
    assert life.objects_left == life.objects_after_script


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ('-c schedule="every day"', "parameter schedule: 'every day' was given"),
        ('-c schedule="0 25 * * ? *"', "'25' is no hours"),
        ("", "parameter schedule: nothing was given"),
        ('-c schedule="0 6 * * ? *" -c schedule-enabled=maybe', "parameter schedule-enabled: 'maybe' was given"),
    ],
)
def test_malformed_parameters_are_refused(place: Place, options: str, complaint: str) -> None:
    """Asked to deploy, cdk says what is wrong with a parameter, without a traceback, and deploys nothing."""
    ended = place.machine.type(f"npx cdk deploy -c model-name=refused {options}", place.checkout)
    assert ended.code != 0
    assert complaint in ended.printed
    assert "Traceback" not in ended.printed
    assert place.account.named_after("mlops-refused") == set()
