"""Makes clients of AWS as the user has configured it, or of an emulator."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import NoRegionError

from executions.defaults import PROJECT
from settings import default_stack_name


@dataclass(frozen=True, kw_only=True)
class Aws:
    """Makes clients of one account and region."""

    client: Callable[..., Any]
    """Makes a boto3 client of a service, such as ``"s3"``; other arguments as for ``boto3.Session.client``."""
    default_stack: str
    """The stack to use if none is named."""
    where: str
    """The place as messages name it: ``on this machine`` or ``in eu-west-1``."""


def configured_aws(config: Config | None = None) -> Aws:
    """Returns AWS as boto3's variables and profiles configure it.

    Args:
        config: timeouts and retries of its clients; None for boto3's.

    Raises:
        BotoCoreError: there is no such profile, or no region.
    """
    context = json.loads((PROJECT / "cdk.json").read_text())["context"]
    session: Any = boto3.Session()
    if session.region_name is None:
        raise NoRegionError
    return Aws(
        client=partial(session.client, config=config),
        default_stack=default_stack_name(context.get),
        where=f"in {session.region_name}",
    )
