import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from settings import SettingsError, read_settings

SCHEDULE = "0 6 * * ? *"


def no_context(_: str) -> None:
    return None


def test_seedfarmers_variables_are_read() -> None:
    """SeedFarmer's parameters and its names for the stack are used."""
    settings = read_settings(
        no_context,
        {
            "SEEDFARMER_PARAMETER_SCHEDULE": SCHEDULE,
            "SEEDFARMER_PARAMETER_MODEL_NAME": "churn",
            "SEEDFARMER_PARAMETER_IMAGE_VERSION": "1.4-2",
            "SEEDFARMER_PROJECT_NAME": "aiops",
            "SEEDFARMER_DEPLOYMENT_NAME": "prod",
            "SEEDFARMER_MODULE_NAME": "mlops-pipeline",
        },
    )
    assert settings.schedule == SCHEDULE
    assert settings.model_name == "churn"
    assert settings.image_version == "1.4-2"
    assert settings.stack_name == "aiops-prod-mlops-pipeline"


def test_context_is_read_and_comes_first() -> None:
    """CDK context gives the same parameters, and wins over the environment."""
    context = {"schedule": "0 7 * * ? *", "model-name": "churn"}
    settings = read_settings(context.get, {"SEEDFARMER_PARAMETER_SCHEDULE": SCHEDULE})
    assert settings.schedule == "0 7 * * ? *"
    assert settings.stack_name == "mlops-churn"


def test_defaults() -> None:
    """Only the schedule is required."""
    settings = read_settings({"schedule": SCHEDULE}.get, {})
    assert (settings.model_name, settings.image_version, settings.stack_name) == ("demo", "1.2-1", "mlops-demo")
    assert settings.schedule_enabled is True


@pytest.mark.parametrize(("given", "enabled"), [("true", True), ("false", False), (True, True), (False, False)])
def test_schedule_can_be_disabled(given: object, enabled: bool) -> None:  # noqa: FBT001 - a test's parameter
    """schedule-enabled is text, as the clients give it, or a boolean in cdk.json."""
    context = {"schedule": SCHEDULE, "schedule-enabled": given}
    assert read_settings(context.get, {}).schedule_enabled is enabled


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({}, ["schedule", "nothing was given", "0 6 * * ? *"]),
        ({"schedule": " "}, ["schedule", "nothing was given"]),
        ({"schedule": "0 6 * * *"}, ["schedule", "'0 6 * * *'", "5 fields", "six fields"]),
        ({"schedule": "rate(1 day)"}, ["schedule", "'rate(1 day)'", "cron() or rate()"]),
        ({"schedule": SCHEDULE, "model-name": "my_model"}, ["model-name", "'my_model'", "hyphens"]),
        ({"schedule": SCHEDULE, "model-name": ""}, ["model-name", "''"]),
        ({"schedule": SCHEDULE, "model-name": "m" * 30}, ["model-name", "at most 29"]),
        ({"schedule": SCHEDULE, "image-version": "latest"}, ["image-version", "'latest'", "1.2-1"]),
        ({"schedule": SCHEDULE, "schedule-enabled": "no"}, ["schedule-enabled", "'no'", "true or false"]),
        ({"schedule": SCHEDULE, "schedule-enabled": ""}, ["schedule-enabled", "''", "true or false"]),
        ({"schedule": SCHEDULE, "notification-email": "me"}, ["notification-email", "'me'", "ml-team@example.com"]),
        ({"schedule": SCHEDULE, "notification-email": "a@b.co, c@d.co"}, ["notification-email", "an e-mail address"]),
    ],
)
def test_bad_parameter_is_refused(context: dict[str, str], expected: list[str]) -> None:
    """The message names the parameter, what was given and what is expected."""
    with pytest.raises(SettingsError) as raised:
        read_settings(context.get, {})
    for part in expected:
        assert part in str(raised.value)


@pytest.mark.parametrize("given", ["ml-team@example.com", "", None])
def test_notifications_go_where_they_are_wanted(given: str | None) -> None:
    """An address is used as it is; none, or an empty one, means that nobody is told."""
    settings = read_settings({"schedule": SCHEDULE, "notification-email": given}.get, {})
    assert settings.notification_email == (given or None)


def test_an_address_is_subscribed(
    run_app: Callable[..., tuple[subprocess.CompletedProcess[str], Path]],
) -> None:
    """With notification-email, that address is subscribed to the module's topic; cfn-lint accepts the template."""
    completed, folder = run_app(
        SEEDFARMER_PARAMETER_SCHEDULE=SCHEDULE,
        SEEDFARMER_PARAMETER_NOTIFICATION_EMAIL="ml-team@example.com",
        CDK_DEFAULT_ACCOUNT="123456789012",
        CDK_DEFAULT_REGION="us-east-1",
    )
    assert completed.returncode == 0, completed.stderr
    template = json.loads((folder / "mlops-demo.template.json").read_text())
    (subscription,) = (
        found["Properties"] for found in template["Resources"].values() if found["Type"] == "AWS::SNS::Subscription"
    )
    (topic,) = (name for name, found in template["Resources"].items() if found["Type"] == "AWS::SNS::Topic")
    assert subscription == {"Protocol": "email", "Endpoint": "ml-team@example.com", "TopicArn": {"Ref": topic}}


def test_region_without_the_image_is_refused() -> None:
    """A region that has no scikit-learn image is refused, with those that have."""
    with pytest.raises(SettingsError, match=r"'mx-central-1'.*us-east-1"):
        read_settings({"schedule": SCHEDULE}.get, {"CDK_DEFAULT_REGION": "mx-central-1"})


def test_app_refuses_in_one_line(run_app: Callable[..., tuple[subprocess.CompletedProcess[str], Path]]) -> None:
    """The app itself ends with exit code 1 and one line, no traceback, and writes no template."""
    completed, folder = run_app(SEEDFARMER_PARAMETER_SCHEDULE="every day")
    assert completed.returncode == 1
    assert completed.stderr.startswith("error: parameter schedule: 'every day' was given")
    assert completed.stderr.count("\n") == 1
    assert not list(folder.glob("*.template.json"))


def test_image_is_right_where_the_region_is_unknown(
    run_app: Callable[..., tuple[subprocess.CompletedProcess[str], Path]],
) -> None:
    """Without a region at synth, the template looks the image's account up at deploy time."""
    completed, folder = run_app(SEEDFARMER_PARAMETER_SCHEDULE=SCHEDULE)
    assert completed.returncode == 0, completed.stderr
    template = json.loads((folder / "mlops-demo.template.json").read_text())
    (mapping,) = (value for name, value in template["Mappings"].items() if "SklearnImage" in name)
    assert mapping["eu-central-1"] == {"account": "492215442770"}
    assert "Fn::FindInMap" in json.dumps(template["Outputs"]["metadata"])


def test_disabled_schedule_is_deployed_disabled(
    run_app: Callable[..., tuple[subprocess.CompletedProcess[str], Path]],
) -> None:
    """With schedule-enabled false, the rule is in the template, with its expression, and does not fire."""
    completed, folder = run_app(SEEDFARMER_PARAMETER_SCHEDULE=SCHEDULE, SEEDFARMER_PARAMETER_SCHEDULE_ENABLED="false")
    assert completed.returncode == 0, completed.stderr
    resources = json.loads((folder / "mlops-demo.template.json").read_text())["Resources"].values()
    (rule,) = (found["Properties"] for found in resources if found["Type"] == "AWS::Events::Rule")
    assert (rule["State"], rule["ScheduleExpression"]) == ("DISABLED", f"cron({SCHEDULE})")


def test_other_partitions_get_their_own_arns(
    run_app: Callable[..., tuple[subprocess.CompletedProcess[str], Path]],
) -> None:
    """In China, the integrations, the roles' resources and the image are those of its partition."""
    completed, folder = run_app(
        SEEDFARMER_PARAMETER_SCHEDULE=SCHEDULE, CDK_DEFAULT_ACCOUNT="123456789012", CDK_DEFAULT_REGION="cn-north-1"
    )
    assert completed.returncode == 0, completed.stderr
    text = (folder / "mlops-demo.template.json").read_text()
    assert "arn:aws-cn:states:::sagemaker:createTrainingJob.sync" in text
    assert "arn:aws:" not in text
    assert "450853457545.dkr.ecr.cn-north-1." in text
