"""A model that is not good enough: it is registered, rejected, and not deployed."""

from collections.abc import Iterator

from aws_check.assumptions import Answer
from aws_check.context import Context, NotPossibleError
from aws_check.models import only
from executions.progress import MODEL_REJECTED
from pipeline.input.stage_section import SOURCE

_PERFECT = {"name": "binary_classification_metrics.auc.value", "minimum": 1.0}


def rejected(context: Context) -> Iterator[Answer]:
    """Asks more of the model of the shipped input than it can do."""
    if context.shipped is None:
        raise NotPossibleError("the shipped input left no model")
    overrides = only("registration", "approval", "CreateModel", "deployment")
    overrides["approval"]["metrics"] = [_PERFECT]
    context.run(overrides | {SOURCE: context.shipped}).require("FAILED", error=MODEL_REJECTED)
    yield from ()
