"""Checks that the state machine's role may use the names of the resources that the run creates.

The role is limited to names that contain the deployment's ``model-name`` (``infrastructure.permissions``), so that it
cannot touch other teams' resources in the account. Without this check, SageMaker would reject a name only after
training.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.input.errors import InputIssue, Path
from pipeline.input.stage_section import StageSection
from pipeline.stages import STAGES


def names_outside_scope(content: Mapping[str, Any], *, execution: str, model_name: str) -> Iterator[InputIssue]:
    """Yields an issue for each name that the role may not use.

    Args:
        content: the execution's input with its tokens filled in; below the top level it may have any shape.
        execution: the execution's name.
        model_name: the deployment's parameter ``model-name``.
    """
    model_id = content.get("model_id")
    if not isinstance(model_id, str):
        return  # the schema reports it
    model = model_name.lower()  # SageMaker's ARNs have lowercase names
    long_lived = f"{model_name} or {model_name}-..."
    found: dict[Path, InputIssue] = {}
    for stage in STAGES:
        for created in stage.created_names():
            default = model_id if created.long_lived else created.prefix + execution
            path, name, written = _name(StageSection.of(content, stage), created.keys, default, model_id)
            fits = _begins_with if created.long_lived else _has_part
            if name and not fits(name, model):
                # A model_id that fits endpoints fits the execution's name, too.
                is_long = created.long_lived or path == ("model_id",)
                allowed = long_lived if is_long else f"{model_name}-... or ...-{model_name}-..."
                found.setdefault(path, _problem(path, written, allowed))
    yield from found.values()


def _name(use: StageSection, keys: tuple[str, ...], default: str, model_id: str) -> tuple[Path, str | None, Any]:
    """Returns the name's path in the input, the lowercase name (None if nothing is created), and the value there."""
    given = use.at(*keys[:-1]).get(keys[-1])
    path, name, written = (
        (("model_id",), default, model_id) if given is None else ((use.stage.key, *keys), given, given)
    )
    return path, name.lower() if use.runs and isinstance(name, str) else None, written


def _begins_with(name: str, model: str) -> bool:
    return f"{name}-".startswith(f"{model}-")


def _has_part(name: str, model: str) -> bool:
    return name.startswith(f"{model}-") or f"-{model}-" in name


def _problem(path: Path, value: Any, allowed: str) -> InputIssue:
    message = (
        f"is {value!r}; the pipeline may use only names with the deployment's model-name in them: {allowed}; "
        "write MODEL_NAME for it"
    )
    return InputIssue(path=path, message=message, value=value, allowed=allowed)
