"""``cdk`` from the command line, with the README's commands, on one pipeline from its deployment to its end."""

import pytest

from tests.e2e.clients.conftest import Place
from tests.e2e.clients.life import Life
from tests.e2e.clients.readme import EVERY_DAY

pytestmark = [pytest.mark.emulator, pytest.mark.clients]

METADATA = {"MlOpsBucket", "SageMakerExecutionRole", "ImageUri", "StateMachine", "LambdaFunction"}
SCRIPT = "churn/scripts/quality.py"


def test_deployment_asks_first(life_story: Life) -> None:
    """On a terminal, cdk deploy lists the permissions that it would give, and asks."""
    listed, question, _ = life_story.deployment.partition("Do you wish to deploy these changes")
    assert question
    assert "IAM Statement Changes" in listed


def test_deployment_publishes_and_tells(life_story: Life) -> None:
    """After cdk deploy, the output has the five keys and the scripts lie in the bucket."""
    assert set(life_story.metadata) == METADATA
    assert {SCRIPT, "churn/scripts/input.yaml", "churn/scripts/source.tar.gz"} <= set(life_story.first_objects)


def test_second_deployment_would_change_nothing(life_story: Life) -> None:
    """After cdk deploy, cdk diff finds no difference."""
    assert "There were no differences" in life_story.no_difference


def test_changed_script_is_published(life_story: Life) -> None:
    """The next cdk deploy uploads a changed script, and leaves the other scripts and a user's own file as they are."""
    before, after = life_story.first_objects, life_story.objects_after_script
    assert after[SCRIPT] != before[SCRIPT]
    assert after["churn/scripts/train.py"] == before["churn/scripts/train.py"]
    assert "churn/scripts/mine.txt" in after


def test_changed_schedule_is_deployed(life_story: Life) -> None:
    """First cdk diff shows the old and the new expression, then cdk deploy puts the new one into the rule."""
    assert "cron(0 6 * * ? *)" in life_story.difference
    assert "cron(0 7 * * ? *)" in life_story.difference
    assert life_story.rule == ("cron(0 7 * * ? *)", "ENABLED")


def test_redeployment_replaces_nothing(life_story: Life) -> None:
    """Bucket, state machine, function and all else are the same ones after two redeployments."""
    assert life_story.ids_at_the_end == life_story.ids


def test_second_pipeline_shares_nothing(life_story: Life, demo: Place) -> None:
    """Two pipelines in an account have no name in common, and the one goes without harm to the other."""
    first = demo.account.physical_ids("mlops-demo")
    own = {identifier for logical, identifier in life_story.ids.items() if logical != "CDKMetadata"}
    assert own.isdisjoint(first.values())
    assert demo.account.metadata("mlops-demo")["MlOpsBucket"] in demo.account.named_after("mlops-demo")


def test_destroy_leaves_the_bucket_only(life_story: Life) -> None:
    """What cdk destroy leaves is the bucket, full as it was; nothing else has the stack's name."""
    assert life_story.kept == {"AWS::S3::Bucket"}
    assert life_story.left == {life_story.metadata["MlOpsBucket"]}
    assert life_story.objects_left == life_story.objects_after_script


def test_bucket_is_deleted_by_hand(life_story: Life) -> None:
    """After the README's last command for the CDK, nothing has the stack's name any more."""
    assert life_story.left_at_last == set()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
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


def test_malformed_parameter_ends_a_destroy(demo: Place) -> None:
    """Asked to destroy, cdk says what is wrong with a parameter, and the stack stays; a build would end there."""
    wrong = "-c empty-bucket-on-destroy=maybe"
    ended = demo.machine.type(f"npx cdk destroy --force -c schedule={EVERY_DAY} {wrong}", demo.checkout)
    assert ended.code != 0
    assert "parameter empty-bucket-on-destroy: 'maybe' was given" in ended.printed
    assert "MlOpsBucket" in demo.account.metadata("mlops-demo")
