"""The names of what the check creates: they tell it from everything else in the account."""

import re

from pipeline.stages import BATCH_TRANSFORM, CREATE_MODEL, EVALUATION, EVENT_HASH_LENGTH

MODEL_NAME = "aws-check"
"""The check's parameter ``model-name``, and so the name of its endpoint and of its model package group."""

STACK = f"mlops-{MODEL_NAME}"
PREFIX = f"{STACK}-"
"""What the names of its executions begin with."""

PROBE = f"{PREFIX}probe"
"""What the scenarios call what they create without an execution."""

_PREFIXES = "|".join(stage.name_prefix for stage in (EVALUATION, CREATE_MODEL, BATCH_TRANSFORM))
_OWN = re.compile(rf"({_PREFIXES})?{PREFIX}([0-9a-f]{{{EVENT_HASH_LENGTH}}}(-r\d+)?|probe(-\w+)?)")
_BUCKET = re.compile(rf"{PREFIX}storagebucket[a-z0-9-]+")


def is_own(name: str) -> bool:
    """Whether a job, a model, an endpoint config or an execution of this name is the check's."""
    return _OWN.fullmatch(name) is not None


def is_own_bucket(name: str) -> bool:
    """Whether a bucket is that of a stack of the check, which outlives its stack."""
    return _BUCKET.fullmatch(name) is not None
