import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.commit import Commit
from pipeline.monitoring_run import MONITORING_ONLY
from settings import PROJECT, SettingsError, Vpc, read_settings

SCHEDULE = "0 6 * * ? *"
KEYS = "arn:aws:kms:eu-west-1:123456789012:key"
SUBNETS = ",".join(f"subnet-{number:08x}" for number in range(17))


def no_context(_: str) -> None:
    return None


def test_seedfarmers_variables_are_read() -> None:
    """SeedFarmer's parameters and its stack name are used."""
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
    """CDK context sets the same parameters, and takes precedence over the environment."""
    context = {"schedule": "0 7 * * ? *", "model-name": "churn"}
    settings = read_settings(context.get, {"SEEDFARMER_PARAMETER_SCHEDULE": SCHEDULE})
    assert settings.schedule == "0 7 * * ? *"
    assert settings.stack_name == "mlops-churn"


def test_defaults() -> None:
    """Only the schedule is required."""
    settings = read_settings({"schedule": SCHEDULE}.get, {})
    assert (settings.model_name, settings.image_version, settings.stack_name) == ("demo", "1.2-1", "mlops-demo")
    assert settings.schedule_enabled is True
    assert (settings.data_bucket_names, settings.image_repository_arns) == ((), ())
    assert (settings.kms_key_arn, settings.vpc, settings.permissions_boundary_arn) == (None, None, None)


@pytest.mark.parametrize(("given", "enabled"), [("true", True), ("false", False), (True, True), (False, False)])
def test_schedule_can_be_disabled(given: object, enabled: bool) -> None:  # noqa: FBT001 - a test's parameter
    """schedule-enabled is text, as clients pass it, or a boolean from cdk.json."""
    context = {"schedule": SCHEDULE, "schedule-enabled": given}
    assert read_settings(context.get, {}).schedule_enabled is enabled


@pytest.mark.parametrize(("given", "goes"), [("true", True), ("false", False), (True, True), (None, False)])
def test_empty_bucket_on_destroy(given: object, goes: bool) -> None:  # noqa: FBT001 - a test's parameter
    """The bucket is deleted on destroy only if empty-bucket-on-destroy is true."""
    context = {"schedule": SCHEDULE, "empty-bucket-on-destroy": given}
    assert read_settings(context.get, {}).empty_bucket_on_destroy is goes


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({}, ["schedule", "missing", "0 6 * * ? *"]),
        ({"schedule": " "}, ["schedule", "missing"]),
        ({"schedule": "0 6 * * *"}, ["schedule", "'0 6 * * *'", "5 fields", "six fields"]),
        ({"schedule": "rate(1 day)"}, ["schedule", "'rate(1 day)'", "cron() or rate()"]),
        ({"schedule": SCHEDULE, "model-name": "my_model"}, ["model-name", "'my_model'", "hyphens"]),
        ({"schedule": SCHEDULE, "model-name": ""}, ["model-name", "''"]),
        ({"schedule": SCHEDULE, "model-name": "m" * 30}, ["model-name", "at most 29"]),
        ({"schedule": SCHEDULE, "image-version": "latest"}, ["image-version", "'latest'", "1.2-1"]),
        ({"schedule": SCHEDULE, "schedule-enabled": "no"}, ["schedule-enabled", "'no'", "true or false"]),
        ({"schedule": SCHEDULE, "schedule-enabled": ""}, ["schedule-enabled", "''", "true or false"]),
        (
            {"schedule": SCHEDULE, "scripts-folder": "none"},
            ["scripts-folder", "'none'", "does not exist", "input.yaml"],
        ),
        ({"schedule": SCHEDULE, "scripts-folder": "docs"}, ["scripts-folder", "'docs'", "has no input.yaml"]),
        ({"schedule": SCHEDULE, "overwrite-scripts": "yes"}, ["overwrite-scripts", "'yes'", "true or false"]),
        ({"schedule": SCHEDULE, "keep-runs-days": "-1"}, ["keep-runs-days", "'-1'", "a number of days"]),
        (
            {"schedule": SCHEDULE, "empty-bucket-on-destroy": "True"},
            ["empty-bucket-on-destroy", "'True'", "true or false"],
        ),
        ({"schedule": SCHEDULE, "notification-email": "me"}, ["notification-email", "'me'", "ml-team@example.com"]),
        ({"schedule": SCHEDULE, "notification-email": "a@b.co, c@d.co"}, ["notification-email", "an e-mail address"]),
        (
            {"schedule": SCHEDULE, "data-bucket-names": "s3://data"},
            ["data-bucket-names", "'s3://data'", "without s3://"],
        ),
        ({"schedule": SCHEDULE, "data-bucket-names": '["a-bucket", 7]'}, ["data-bucket-names", "invalid item 7"]),
        ({"schedule": SCHEDULE, "data-bucket-names": "[data"}, ["data-bucket-names", "'[data'", "not JSON"]),
        ({"schedule": SCHEDULE, "data-bucket-names": "{}"}, ["data-bucket-names", "'{}'"]),
        ({"schedule": SCHEDULE, "data-bucket-names": {"a": 1}}, ["data-bucket-names", "{'a': 1}", "a list of"]),
        ({"schedule": SCHEDULE, "monitoring-schedule": "hourly"}, ["parameter monitoring-schedule", "'hourly'"]),
        ({"schedule": SCHEDULE, "kms-key-arn": "alias/mine"}, ["kms-key-arn", "'alias/mine'", "not of an alias"]),
        ({"schedule": SCHEDULE, "kms-key-arn": f"{KEYS}/0123abcd"}, ["kms-key-arn", "0123abcd"]),
        ({"schedule": SCHEDULE, "vpc-subnet-ids": "subnet-1"}, ["vpc-subnet-ids", "'subnet-1'", "subnet-0123456789"]),
        ({"schedule": SCHEDULE, "vpc-subnet-ids": "subnet-01234567"}, ["vpc-security-group-ids", "set both"]),
        (
            {"schedule": SCHEDULE, "vpc-subnet-ids": SUBNETS, "vpc-security-group-ids": "sg-01234567"},
            ["vpc-subnet-ids", "(17)", "allows 16"],
        ),
        ({"schedule": SCHEDULE, "image-repository-arns": "team/image"}, ["image-repository-arns", "'team/image'"]),
        ({"schedule": SCHEDULE, "permissions-boundary-arn": "boundary"}, ["permissions-boundary-arn", "'boundary'"]),
    ],
)
def test_bad_parameter_is_rejected(context: dict[str, Any], expected: list[str]) -> None:
    """The message names the parameter, its value and what is expected."""
    with pytest.raises(SettingsError) as raised:
        read_settings(context.get, {})
    for part in expected:
        assert part in str(raised.value)


@pytest.mark.parametrize("given", ["ml-team@example.com", "", None])
def test_notification_email(given: str | None) -> None:
    """An address is used unchanged; without one, nobody is notified."""
    settings = read_settings({"schedule": SCHEDULE, "notification-email": given}.get, {})
    assert settings.notification_email == (given or None)


@pytest.fixture(scope="module")
def chosen_assembly(synthesised: Callable[..., Path]) -> Path:
    """The assembly with scripts of one's own, an e-mail address, neither schedule nor alarms, and no region."""
    return synthesised(
        SEEDFARMER_PARAMETER_SCHEDULE=SCHEDULE,
        SEEDFARMER_PARAMETER_SCHEDULE_ENABLED="false",
        SEEDFARMER_PARAMETER_NOTIFICATION_EMAIL="ml-team@example.com",
        SEEDFARMER_PARAMETER_SCRIPTS_FOLDER="examples/xgboost",
        SEEDFARMER_PARAMETER_SCRIPTS_VERSION="315ccf7+123-45",
        SEEDFARMER_PARAMETER_OVERWRITE_SCRIPTS="true",
        SEEDFARMER_PARAMETER_MONITORING="false",
        SEEDFARMER_PARAMETER_KEEP_RUNS_DAYS="0",
        SEEDFARMER_PARAMETER_MONITORING_SCHEDULE="30 * * * ? *",
    )


@pytest.fixture(scope="module")
def chosen_template(chosen_assembly: Path) -> dict[str, Any]:
    """The template in it."""
    template: dict[str, Any] = json.loads((chosen_assembly / "mlops-demo.template.json").read_text())
    return template


@pytest.fixture(scope="module")
def chosen(chosen_template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The resources in it."""
    resources: dict[str, dict[str, Any]] = chosen_template["Resources"]
    return resources


def test_an_address_is_subscribed(chosen: dict[str, dict[str, Any]]) -> None:
    """With notification-email, that address is subscribed to the module's topic."""
    (subscription,) = (found["Properties"] for found in chosen.values() if found["Type"] == "AWS::SNS::Subscription")
    (topic,) = (name for name, found in chosen.items() if found["Type"] == "AWS::SNS::Topic")
    assert subscription == {"Protocol": "email", "Endpoint": "ml-team@example.com", "TopicArn": {"Ref": topic}}


def test_scripts_of_ones_own_are_published(chosen_assembly: Path, chosen: dict[str, dict[str, Any]]) -> None:
    """With scripts-folder, exactly that folder's files are published, with their source.tar.gz."""
    (publication,) = (found["Properties"] for found in chosen.values() if found["Type"] == "Custom::PublishedScripts")
    archive = chosen_assembly / f"asset.{publication['ArchiveKey'].removesuffix('.zip')}"
    own = {path.name for path in (PROJECT / "examples" / "xgboost").iterdir() if path.is_file()}
    assert {path.name for path in archive.iterdir()} == own | {"source.tar.gz"}
    assert publication["Overwrite"] == "true"
    assert publication["Metadata"] == {"commit": "315ccf7", "uncommitted-changes": "true"}


def test_a_scripts_folder_may_lie_anywhere(tmp_path: Path) -> None:
    """An absolute scripts-folder is used as it is; SeedFarmer's empty text means the module's."""
    (tmp_path / "input.yaml").write_text("")
    for given, folder in ((str(tmp_path), tmp_path), ("", PROJECT / "scripts")):
        assert read_settings({"schedule": SCHEDULE, "scripts-folder": given}.get, {}).scripts_folder == folder


def test_the_scripts_version_names_their_commit() -> None:
    """The publication records it; what is no commit is rejected, and none means that git is asked."""
    for given, commit in (("315ccf7+12-3", Commit(id="315ccf7", is_changed=True)), ("", None)):
        assert read_settings({"schedule": SCHEDULE, "scripts-version": given}.get, {}).scripts_commit == commit
    with pytest.raises(SettingsError, match="parameter scripts-version: invalid value 'main'; expected a commit"):
        read_settings({"schedule": SCHEDULE, "scripts-version": "main"}.get, {})


@pytest.mark.parametrize(
    "given", [["a-bucket", "b-bucket"], '["a-bucket", "b-bucket"]', "a-bucket, b-bucket,"], ids=str
)
def test_lists_have_three_forms(given: Any) -> None:
    """A list is an actual list in cdk.json, JSON text from SeedFarmer, or comma-separated."""
    settings = read_settings({"schedule": SCHEDULE, "data-bucket-names": given}.get, {})
    assert settings.data_bucket_names == ("a-bucket", "b-bucket")


def test_network_key_and_boundary_are_read() -> None:
    """Each security parameter reaches the settings; the boundary also by SeedFarmer's own name."""
    key, boundary = f"{KEYS}/mrk-{'0' * 32}", "arn:aws:iam::123456789012:policy/team/boundary"
    repository = "arn:aws:ecr:eu-west-1:123456789012:repository/team/image"
    environment = {
        "SEEDFARMER_PARAMETER_SCHEDULE": SCHEDULE,
        "SEEDFARMER_PARAMETER_KMS_KEY_ARN": key,
        "SEEDFARMER_PARAMETER_VPC_SUBNET_IDS": '["subnet-01234567"]',
        "SEEDFARMER_PARAMETER_VPC_SECURITY_GROUP_IDS": '["sg-01234567"]',
        "SEEDFARMER_PARAMETER_IMAGE_REPOSITORY_ARNS": repository,
        "SEEDFARMER_PERMISSIONS_BOUNDARY_ARN": boundary,
        "CDK_DEFAULT_REGION": "eu-west-1",
    }
    settings = read_settings(no_context, environment)
    assert settings.kms_key_arn == key
    assert settings.vpc == Vpc(subnet_ids=("subnet-01234567",), security_group_ids=("sg-01234567",))
    assert settings.image_repository_arns == (repository,)
    assert settings.permissions_boundary_arn == boundary
    own = environment | {"SEEDFARMER_PARAMETER_PERMISSIONS_BOUNDARY_ARN": f"{boundary}-of-ours"}
    assert read_settings(no_context, own).permissions_boundary_arn == f"{boundary}-of-ours"


def test_key_of_another_region_is_rejected() -> None:
    """S3 could not use it."""
    context = {"schedule": SCHEDULE, "kms-key-arn": f"{KEYS}/mrk-{'0' * 32}"}
    with pytest.raises(SettingsError, match=r"kms-key-arn: .*expected a key in the region us-east-1"):
        read_settings(context.get, {"CDK_DEFAULT_REGION": "us-east-1"})


def test_region_without_the_image_is_rejected() -> None:
    """A region without the scikit-learn image is rejected; the message lists those that have it."""
    with pytest.raises(SettingsError, match=r"'mx-central-1'.*us-east-1"):
        read_settings({"schedule": SCHEDULE}.get, {"CDK_DEFAULT_REGION": "mx-central-1"})


def test_app_reports_errors_on_one_line(run_app: Callable[..., tuple[subprocess.CompletedProcess[str], Path]]) -> None:
    """The app ends with exit code 1 and one line, without a traceback or a template."""
    completed, folder = run_app(SEEDFARMER_PARAMETER_SCHEDULE="every day")
    assert completed.returncode == 1
    assert completed.stderr.startswith("error: parameter schedule: invalid value 'every day'")
    assert completed.stderr.count("\n") == 1
    assert not list(folder.glob("*.template.json"))


def test_image_is_right_where_the_region_is_unknown(chosen_template: dict[str, Any]) -> None:
    """If the region is unknown at synth time, the template looks up the image's account at deploy time."""
    (mapping,) = (value for name, value in chosen_template["Mappings"].items() if "SklearnImage" in name)
    assert mapping["eu-central-1"] == {"account": "492215442770"}
    assert "Fn::FindInMap" in json.dumps(chosen_template["Outputs"]["metadata"])


def test_disabled_schedule_is_deployed_disabled(chosen: dict[str, dict[str, Any]]) -> None:
    """With schedule-enabled false, nothing starts by itself, not even a retraining; failures are still announced."""
    rules = [found["Properties"] for found in chosen.values() if found["Type"] == "AWS::Events::Rule"]
    assert {(rule["State"], rule.get("ScheduleExpression")) for rule in rules if "EventPattern" not in rule} == {
        ("DISABLED", f"cron({SCHEDULE})"),
        ("DISABLED", "cron(30 * * * ? *)"),
    }
    by_source = {rule["EventPattern"]["source"][0]: rule["State"] for rule in rules if "EventPattern" in rule}
    assert by_source == {"aws.states": "ENABLED", "mlops-stepfunctions": "DISABLED"}


def test_monitoring_has_a_schedule_of_its_own(chosen: dict[str, dict[str, Any]]) -> None:
    """With monitoring-schedule, a rule starts executions in which only monitoring runs, of what is in service."""
    (rule,) = (
        found["Properties"]
        for name, found in chosen.items()
        if name.startswith("StarterMonitoringSchedule") and found["Type"] == "AWS::Events::Rule"
    )
    (target,) = rule["Targets"]
    template = json.dumps(target["InputTransformer"]["InputTemplate"])
    assert json.dumps(json.dumps(MONITORING_ONLY))[1:-1] in template


def test_other_partitions_get_their_own_arns(synthesised: Callable[..., Path]) -> None:
    """In China, integrations, resources and image use the partition's ARNs and hosts."""
    folder = synthesised(
        SEEDFARMER_PARAMETER_SCHEDULE=SCHEDULE, CDK_DEFAULT_ACCOUNT="123456789012", CDK_DEFAULT_REGION="cn-north-1"
    )
    text = (folder / "mlops-demo.template.json").read_text()
    assert "arn:aws-cn:states:::sagemaker:createTrainingJob.sync" in text
    assert "arn:aws:" not in text
    assert "450853457545.dkr.ecr.cn-north-1." in text


@pytest.mark.parametrize("region", ["us-iso-east-1", "us-isob-east-1"])
def test_isolated_partitions_are_refused(region: str) -> None:
    """A region of an isolated partition is refused at synth, instead of failing when it is deployed."""
    with pytest.raises(SettingsError, match=f"region '{region}' is in an isolated partition"):
        read_settings({"schedule": SCHEDULE}.get, {"CDK_DEFAULT_REGION": region})


def test_without_monitoring_and_expiry(chosen_template: dict[str, Any], chosen: dict[str, dict[str, Any]]) -> None:
    """monitoring=false leaves out alarms and dashboard, not the announcements; keep-runs-days=0 keeps every run."""
    assert not [found for found in chosen.values() if found["Type"].startswith("AWS::CloudWatch::")]
    assert "Dashboard" not in chosen_template["Outputs"]
    assert any("EventPattern" in found["Properties"] for found in chosen.values() if "Properties" in found)
    (bucket,) = (found for found in chosen.values() if found["Type"] == "AWS::S3::Bucket")
    assert not [rule for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"] if "ExpirationInDays" in rule]
