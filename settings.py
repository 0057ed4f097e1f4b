"""The module's parameters. Nothing else reads the environment at synth time.

A parameter comes from CDK context (``cdk deploy -c schedule="0 6 * * ? *"``) or else from SeedFarmer's environment
variables (``SEEDFARMER_PARAMETER_SCHEDULE``).
"""

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.bundle import INPUT_FILE
from pipeline.commit import VERSION, Commit
from pipeline.images import DEFAULT_VERSION, ISOLATED, REGIONS
from pipeline.schedule import cron_problem
from pipeline.stages import EVENT_HASH_LENGTH, EXECUTION_NAME_LENGTH

PROJECT = Path(__file__).parent
SCRIPTS_FOLDER = "scripts"
"""The module's own scripts."""
_JOB_PREFIX = "mlops"
"""That of the shipped ``input.yaml``, whose ``model_id`` is the model's name."""
_MODEL_NAME_LENGTH = EXECUTION_NAME_LENGTH - len(f"{_JOB_PREFIX}--") - EVENT_HASH_LENGTH
"""What an execution's name, ``<job_prefix>-<model_id>-<hash>``, leaves for the model's."""
_MODEL_NAME = rf"(?=.{{1,{_MODEL_NAME_LENGTH}}}$)[A-Za-z0-9](?:-?[A-Za-z0-9])*"
_EMAIL = r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+"
_IMAGE_VERSION = r"\d+\.\d+(?:[.-][\w.-]+)?"

_BUCKET_NAME = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""
_KEY_ARN = (
    r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):\d{12}:key/"
    r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})"
)
_REPOSITORY_ARN = r"arn:aws[a-z-]*:ecr:[a-z0-9-]+:\d{12}:repository/[a-z0-9][a-z0-9._/-]*"
_POLICY_ARN = r"arn:aws[a-z-]*:iam::(?:aws|\d{12}):policy/[\w+=,.@/-]+"
_SUBNET_ID = r"subnet-[0-9a-f]{8,17}"
_SECURITY_GROUP_ID = r"sg-[0-9a-f]{8,17}"
_MOST_SUBNETS = 16
_MOST_SECURITY_GROUPS = 5
"""Both limits are those of SageMaker's VpcConfig: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_VpcConfig.html"""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of the module, as docs/deploy.md lists it."""

    description: str
    """Markdown."""
    default: str | None = ""
    """As text; None if the parameter is required."""


PARAMETERS = {
    "schedule": Parameter(
        description="six fields of an [EventBridge cron expression]"
        "(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html), in UTC: `0 6 * * ? *`",
        default=None,
    ),
    "schedule-enabled": Parameter(
        description="`false` deploys the rules of the schedules and of retraining disabled, so that nothing starts by "
        "itself",
        default="true",
    ),
    "monitoring-schedule": Parameter(
        description="when only `monitoring` runs, on what the version in service has scored since the last time, as "
        "for `schedule`; without it, monitoring runs with the pipeline or by `mlops monitor`"
    ),
    "model-name": Parameter(
        description="the model's identifier, part of the name of everything that the pipeline creates: "
        f"letters, digits and hyphens, at most {_MODEL_NAME_LENGTH} characters",
        default="demo",
    ),
    "scripts-folder": Parameter(
        description=f"the folder with your scripts and their `{INPUT_FILE}`, in place of the module's: an absolute "
        "path, or one in the module's folder",
        default=SCRIPTS_FOLDER,
    ),
    "overwrite-scripts": Parameter(
        description="`true` also replaces scripts that were changed in the bucket, which a deployment keeps otherwise",
        default="false",
    ),
    "scripts-version": Parameter(
        description="the commit of your scripts, for the report, where the deployment cannot ask git for it, as in "
        "SeedFarmer's build; if they differ from it, followed by `+` and a checksum"
    ),
    "image-version": Parameter(description="the version of the SageMaker scikit-learn image", default=DEFAULT_VERSION),
    "notification-email": Parameter(
        description="the address to notify of failures, alarms and approval requests; AWS asks it to confirm first"
    ),
    "data-bucket-names": Parameter(
        description="a list of buckets that the jobs may read, in addition to the pipeline's own"
    ),
    "image-repository-arns": Parameter(
        description="a list of ECR repositories whose images the jobs may run, in addition to the scikit-learn image"
    ),
    "kms-key-arn": Parameter(
        description="your key for the bucket, the jobs' results, the topic, the table and the logs; "
        "[what its policy must allow](security.md#your-own-key)"
    ),
    "vpc-subnet-ids": Parameter(
        description="a list of the subnets in which the jobs and models run; requires `vpc-security-group-ids`"
    ),
    "vpc-security-group-ids": Parameter(description="a list of their security groups; requires `vpc-subnet-ids`"),
    "monitoring": Parameter(
        description="`false` leaves out the alarms and the dashboard, some $4 a month; failures are still announced",
        default="true",
    ),
    "keep-runs-days": Parameter(
        description="the days after which what an execution wrote under `<model-name>/executions/` is deleted, and a "
        "week later for good; `0` keeps it. Registered models and reports stay: they are under "
        "`<model-name>/registered/`. To serve models without registering them, set `0`",
        default="90",
    ),
    "empty-bucket-on-destroy": Parameter(
        description="`true` makes SeedFarmer's `destroy` delete the bucket with every version of every object; "
        'in a manifest as text, `"true"`',
        default="false",
    ),
    "permissions-boundary-arn": Parameter(
        description="the permissions boundary of every role; SeedFarmer's `SEEDFARMER_PERMISSIONS_BOUNDARY_ARN` "
        "is used if it is not set"
    ),
}
"""All parameters, by name."""


class SettingsError(Exception):
    """A parameter is missing or malformed: the message names it, the value and what is expected."""


@dataclass(frozen=True, kw_only=True)
class Vpc:
    """The VPC that the jobs run in."""

    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The parameters of one deployment of the module."""

    stack_name: str
    schedule: str
    """The six fields of an EventBridge cron expression, in UTC, without ``cron()``."""
    schedule_enabled: bool
    """Whether the schedules start anything; if not, their rules are deployed disabled."""
    monitoring_schedule: str | None
    """The schedule on which only monitoring runs, as ``schedule``; None if there is none."""
    monitoring: bool = True
    """Whether there are alarms and a dashboard."""
    keep_runs_days: int = 90
    """Days after which the results of executions expire; 0 for never."""
    empty_bucket_on_destroy: bool = False
    """Whether SeedFarmer's destroy deletes the bucket and its contents: :mod:`empty_bucket`."""
    model_name: str
    """The model's identifier, and the prefix in the bucket that the module publishes to."""
    scripts_folder: Path = PROJECT / SCRIPTS_FOLDER
    """The folder of the scripts and ``input.yaml``."""
    scripts_commit: Commit | None = None
    """The commit of the scripts, if it is given."""
    overwrite_scripts: bool = False
    """Whether a deployment also replaces scripts that were changed in the bucket."""
    notification_email: str | None
    """The address to notify of failures, alarms and approval requests, if any."""
    image_version: str
    """The version of the SageMaker scikit-learn image: ``1.2-1``."""
    data_bucket_names: tuple[str, ...] = ()
    """Buckets that the jobs may read, in addition to the pipeline's own and the sample data's."""
    kms_key_arn: str | None = None
    """The KMS key for the bucket, the jobs' results, the topic, the table and the logs; None for AWS's own keys."""
    vpc: Vpc | None = None
    """The VPC for the jobs and the model; None for SageMaker's own network."""
    image_repository_arns: tuple[str, ...] = ()
    """ECR repositories whose images the jobs may run, in addition to SageMaker's."""
    permissions_boundary_arn: str | None = None
    """The permissions boundary of every role of the stack."""
    account: str | None
    region: str | None
    """The AWS account and region to deploy to; None if not run by the CDK CLI, which sets them."""


def read_settings(context: Callable[[str], Any], environment: Mapping[str, str] = os.environ) -> Settings:
    """Reads the parameters of this deployment.

    Args:
        context: returns a key's CDK context value, or None.
        environment: the environment variables.

    Raises:
        SettingsError: a parameter is missing or malformed.
    """

    def given(name: str) -> Any:
        found = context(name)
        return environment.get(f"SEEDFARMER_PARAMETER_{name.upper().replace('-', '_')}") if found is None else found

    def parameter(name: str) -> str:
        found = given(name)
        if isinstance(found, bool):  # from cdk.json; SeedFarmer and the CDK CLI pass text
            return str(found).lower()
        return PARAMETERS[name].default or "" if found is None else str(found)

    model_name = checked_model_name(parameter("model-name"))
    image_version = _checked(
        "image-version",
        parameter("image-version"),
        _IMAGE_VERSION,
        f"a version of the SageMaker scikit-learn image, such as {DEFAULT_VERSION}",
    )
    region = _region(environment.get("CDK_DEFAULT_REGION"))
    monitored = parameter("monitoring-schedule")
    boundary = parameter("permissions-boundary-arn") or environment.get("SEEDFARMER_PERMISSIONS_BOUNDARY_ARN", "")
    return Settings(
        stack_name=_stack_name(environment, model_name),
        schedule=_schedule("schedule", parameter("schedule")),
        schedule_enabled=_flag("schedule-enabled", parameter("schedule-enabled")),
        monitoring_schedule=_schedule("monitoring-schedule", monitored) if monitored else None,
        monitoring=_flag("monitoring", parameter("monitoring")),
        keep_runs_days=int(
            _checked(
                "keep-runs-days",
                parameter("keep-runs-days"),
                r"\d{1,5}",
                "a number of days, or 0 to keep everything",
            )
        ),
        empty_bucket_on_destroy=_flag("empty-bucket-on-destroy", parameter("empty-bucket-on-destroy")),
        model_name=model_name,
        scripts_folder=_scripts_folder(parameter("scripts-folder")),
        scripts_commit=Commit.parse(
            _checked(
                "scripts-version",
                parameter("scripts-version"),
                VERSION,
                "a commit, 7 to 64 of the digits 0-9 and a-f, then + and a checksum if the scripts differ from it",
            )
        ),
        overwrite_scripts=_flag("overwrite-scripts", parameter("overwrite-scripts")),
        image_version=image_version,
        notification_email=_email(parameter("notification-email")),
        data_bucket_names=_list(
            "data-bucket-names", given("data-bucket-names"), _BUCKET_NAME, "bucket names, without s3://"
        ),
        kms_key_arn=_key(parameter("kms-key-arn"), region),
        vpc=_vpc(given("vpc-subnet-ids"), given("vpc-security-group-ids")),
        image_repository_arns=_list(
            "image-repository-arns",
            given("image-repository-arns"),
            _REPOSITORY_ARN,
            "ARNs of ECR repositories, such as arn:aws:ecr:us-east-1:123456789012:repository/team/image",
        ),
        permissions_boundary_arn=_optional(
            "permissions-boundary-arn",
            boundary,
            _POLICY_ARN,
            "the ARN of an IAM policy, such as arn:aws:iam::123456789012:policy/boundary",
        ),
        account=environment.get("CDK_DEFAULT_ACCOUNT"),
        region=region,
    )


def checked_model_name(given: str) -> str:
    """Returns a model's name.

    Raises:
        SettingsError: the name is malformed.
    """
    expected = f"letters, digits and single hyphens between them, at most {_MODEL_NAME_LENGTH} characters"
    return _checked("model-name", given, _MODEL_NAME, expected)


def _checked(name: str, given: str, pattern: str, expected: str) -> str:
    if not re.fullmatch(pattern, given, re.ASCII):
        raise SettingsError(f"parameter {name}: invalid value {given!r}; expected {expected}")
    return given


def _flag(name: str, given: str) -> bool:
    return _checked(name, given, "true|false", "true or false") == "true"


def _scripts_folder(given: str) -> Path:
    folder = PROJECT / (given or SCRIPTS_FOLDER)
    if not (folder / INPUT_FILE).is_file():
        problem = f"has no {INPUT_FILE}" if folder.is_dir() else "does not exist"
        raise SettingsError(
            f"parameter scripts-folder: invalid value {given!r}: {folder} {problem}; "
            f"expected a folder with scripts and their {INPUT_FILE}"
        )
    return folder


def _email(given: str) -> str | None:
    # SeedFarmer passes an empty string for a parameter that its manifest does not set.
    return _checked("notification-email", given, _EMAIL, "an e-mail address: ml-team@example.com") if given else None


def _optional(name: str, given: str, pattern: str, expected: str) -> str | None:
    return _checked(name, given, pattern, expected) if given else None


def _list(name: str, given: Any, pattern: str, expected: str) -> tuple[str, ...]:
    """Parses a list: an actual list, JSON text (from SeedFarmer), or comma-separated items."""
    items = given
    if isinstance(given, str):
        items = [item.strip() for item in given.split(",") if item.strip()]
        if given.strip().startswith("["):
            try:
                items = json.loads(given)
            except ValueError as error:
                raise SettingsError(f"parameter {name}: invalid value {given!r}: not JSON: {error}") from error
    if not isinstance(items, list | tuple | None):
        raise SettingsError(f"parameter {name}: invalid value {given!r}; expected a list of {expected}")
    wrong = [item for item in items or () if not (isinstance(item, str) and re.fullmatch(pattern, item, re.ASCII))]
    if wrong:
        raise SettingsError(f"parameter {name}: invalid item {wrong[0]!r}; expected {expected}")
    return tuple(dict.fromkeys(items or ()))


def _key(given: str, region: str | None) -> str | None:
    expected = "the ARN of a KMS key, not of an alias, such as arn:aws:kms:us-east-1:123456789012:key/..."
    arn = _optional("kms-key-arn", given, _KEY_ARN, expected)
    match = re.fullmatch(_KEY_ARN, given, re.ASCII)
    if match and region and match["region"] != region:
        raise SettingsError(f"parameter kms-key-arn: invalid value {given!r}; expected a key in the region {region}")
    return arn


def _vpc(subnets: Any, security_groups: Any) -> Vpc | None:
    given = {
        "vpc-subnet-ids": _list("vpc-subnet-ids", subnets, _SUBNET_ID, "ids such as subnet-0123456789abcdef0"),
        "vpc-security-group-ids": _list(
            "vpc-security-group-ids", security_groups, _SECURITY_GROUP_ID, "ids such as sg-0123456789abcdef0"
        ),
    }
    missing = [name for name, ids in given.items() if not ids]
    if len(missing) == len(given):
        return None
    if missing:
        raise SettingsError(f"parameter {missing[0]}: missing; set both {' and '.join(given)}, or neither")
    for (name, ids), most in zip(given.items(), (_MOST_SUBNETS, _MOST_SECURITY_GROUPS), strict=True):
        if len(ids) > most:
            raise SettingsError(f"parameter {name}: too many IDs ({len(ids)}); SageMaker allows {most}")
    subnet_ids, security_group_ids = given.values()
    return Vpc(subnet_ids=subnet_ids, security_group_ids=security_group_ids)


def _schedule(name: str, given: str) -> str:
    expected = 'the six fields of an EventBridge cron expression, such as "0 6 * * ? *" (every day at 06:00 UTC)'
    if not given.strip():
        raise SettingsError(
            f"parameter {name}: missing; expected {expected}. "
            'Set it with cdk deploy -c schedule="0 6 * * ? *" or SEEDFARMER_PARAMETER_SCHEDULE.'
        )
    problem = cron_problem(given)
    if problem:
        raise SettingsError(f"parameter {name}: invalid value {given!r}: {problem}; expected {expected}")
    return " ".join(given.split())


def _region(given: str | None) -> str | None:
    if given is None or given in REGIONS:
        return given
    why = (
        "is in an isolated partition, whose console and endpoints this module does not know"
        if given.startswith(ISOLATED)
        else "has no SageMaker scikit-learn image"
    )
    raise SettingsError(f"region {given!r} {why}; expected one of {', '.join(REGIONS)}")


def _stack_name(environment: Mapping[str, str], model_name: str) -> str:
    """Returns the stack's name; SeedFarmer expects it to be composed of its project, deployment and module."""
    parts = [environment.get(f"SEEDFARMER_{part}_NAME") for part in ("PROJECT", "DEPLOYMENT", "MODULE")]
    return "-".join(part for part in parts if part) if all(parts) else f"mlops-{model_name}"


def default_stack_name(context: Callable[[str], Any], environment: Mapping[str, str] = os.environ) -> str:
    """Returns the stack's name for these parameters, deployed or not; see :func:`read_settings`."""
    given = context("model-name") or environment.get("SEEDFARMER_PARAMETER_MODEL_NAME")
    return _stack_name(environment, str(given or PARAMETERS["model-name"].default))
