"""The module's parameters: the only reader of the environment at synth time.

A parameter comes from CDK context (``cdk deploy -c schedule="0 6 * * ? *"``) or, where context has none, from
SeedFarmer's environment variables (``SEEDFARMER_PARAMETER_SCHEDULE``).
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.images import ACCOUNTS, DEFAULT_VERSION
from pipeline.schedule import cron_problem

_MODEL_NAME_LENGTH = 29
"""What the 52 characters of an execution's name leave beside ``mlops-`` and its own 17."""
_MODEL_NAME = rf"(?=.{{1,{_MODEL_NAME_LENGTH}}}$)[A-Za-z0-9](?:-?[A-Za-z0-9])*"
_EMAIL = r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+"
_IMAGE_VERSION = r"\d+\.\d+(?:[.-][\w.-]+)?"


class SettingsError(Exception):
    """A parameter is missing or malformed: its message says which, what was given and what is expected."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The parameters of one deployment of the module."""

    stack_name: str
    schedule: str
    """Six fields of an EventBridge cron expression, in UTC, without ``cron()`` around them."""
    schedule_enabled: bool
    """Whether the schedule starts the pipeline; if not, its rule is deployed disabled."""
    model_name: str
    """The model's identifier; what the module publishes lies under it in the bucket."""
    notification_email: str | None
    """Who is told of failures, alarms and requests for approval; None: nobody."""
    image_version: str
    """The version of the SageMaker scikit-learn image: ``1.2-1``."""
    account: str | None
    region: str | None
    """The AWS account and region to deploy to; None where the CDK CLI is not there to tell."""


def read_settings(context: Callable[[str], Any], environment: Mapping[str, str] = os.environ) -> Settings:
    """The parameters of this deployment.

    Args:
        context: gives the CDK context value of a key, or None.
        environment: the environment variables.

    Raises:
        SettingsError: a parameter is missing or malformed.
    """

    def parameter(name: str, default: str = "") -> str:
        given = context(name)
        if given is None:
            given = environment.get(f"SEEDFARMER_PARAMETER_{name.upper().replace('-', '_')}")
        if isinstance(given, bool):  # cdk.json may hold one; SeedFarmer and the CDK CLI give text
            return str(given).lower()
        return default if given is None else str(given)

    model_name = _checked(
        "model-name",
        parameter("model-name", "demo"),
        _MODEL_NAME,
        f"letters, digits and single hyphens between them, at most {_MODEL_NAME_LENGTH} characters",
    )
    image_version = _checked(
        "image-version",
        parameter("image-version", DEFAULT_VERSION),
        _IMAGE_VERSION,
        f"a version of the SageMaker scikit-learn image, such as {DEFAULT_VERSION}",
    )
    return Settings(
        stack_name=_stack_name(environment, model_name),
        schedule=_schedule(parameter("schedule")),
        schedule_enabled=_checked(
            "schedule-enabled", parameter("schedule-enabled", "true"), "true|false", "true or false"
        )
        == "true",
        model_name=model_name,
        image_version=image_version,
        notification_email=_email(parameter("notification-email")),
        account=environment.get("CDK_DEFAULT_ACCOUNT"),
        region=_region(environment.get("CDK_DEFAULT_REGION")),
    )


def _checked(name: str, given: str, pattern: str, expected: str) -> str:
    if not re.fullmatch(pattern, given, re.ASCII):
        raise SettingsError(f"parameter {name}: {given!r} was given; expected is {expected}")
    return given


def _email(given: str) -> str | None:
    # SeedFarmer gives an empty text for a parameter that its manifest leaves open.
    return _checked("notification-email", given, _EMAIL, "an e-mail address: ml-team@example.com") if given else None


def _schedule(given: str) -> str:
    expected = 'the six fields of an EventBridge cron expression, such as "0 6 * * ? *" (every day at 06:00 UTC)'
    if not given.strip():
        raise SettingsError(
            f"parameter schedule: nothing was given; expected is {expected}. "
            'Give it with cdk deploy -c schedule="0 6 * * ? *", or as SEEDFARMER_PARAMETER_SCHEDULE.'
        )
    problem = cron_problem(given)
    if problem:
        raise SettingsError(f"parameter schedule: {given!r} was given: {problem}; expected is {expected}")
    return " ".join(given.split())


def _region(given: str | None) -> str | None:
    if given is not None and given not in ACCOUNTS:
        raise SettingsError(
            f"region {given!r} has no SageMaker scikit-learn image; expected is one of {', '.join(sorted(ACCOUNTS))}"
        )
    return given


def _stack_name(environment: Mapping[str, str], model_name: str) -> str:
    """SeedFarmer looks for the stack under the name made of its project, deployment and module."""
    parts = [environment.get(f"SEEDFARMER_{part}_NAME") for part in ("PROJECT", "DEPLOYMENT", "MODULE")]
    return "-".join(part for part in parts if part) if all(parts) else f"mlops-{model_name}"


def default_stack_name(context: Callable[[str], Any], environment: Mapping[str, str] = os.environ) -> str:
    """The name of the stack that these parameters give, whether it is deployed or not; see :func:`read_settings`."""
    given = context("model-name") or environment.get("SEEDFARMER_PARAMETER_MODEL_NAME") or "demo"
    return _stack_name(environment, str(given))
