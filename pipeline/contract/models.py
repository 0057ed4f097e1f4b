"""Which model batchTransform and the deployment use, when CreateModel does not run.

It is the one that they name themselves, or that CreateModel's input names, or that of the source execution. Without
any, the input is refused.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.contract.problems import Path, Problem, shown
from pipeline.contract.tokens import EXECUTION_TOKEN
from pipeline.contract.uses import REMEDY, Use
from pipeline.stages import BATCH_TRANSFORM, CREATE_MODEL, DEFAULT_VARIANT, DEPLOYMENT

_NAME = CREATE_MODEL.name_field
_MAKER = CREATE_MODEL.key
_VARIANTS: Path = (DEPLOYMENT.key, "input", "EndpointConfig", "ProductionVariants")


def unmade_models(use: Use, data: Mapping[str, Any]) -> Iterator[Problem]:
    """A problem for each place where the stage uses the model of a CreateModel that does not run."""
    maker = Use.of(data, CREATE_MODEL)
    if maker.runs:
        return
    for path, holder in _places(use):
        given = holder.get(_NAME)
        name = maker.request.get(_NAME) if given is None else given
        if name is None:
            message = f"is missing, and {_MAKER}.run is not true: name a model, let {_MAKER} run, {REMEDY}"
            yield Problem(path=path, message=message, allowed="the name of a model")
        elif isinstance(name, str) and EXECUTION_TOKEN in name:
            message = f"is {shown(name)}, of this execution; {_MAKER} makes that model, and {_MAKER}.run is not true"
            yield Problem(path=path, message=f"{message}: let it run, {REMEDY}", value=name)


def name_models(use: Use, data: Mapping[str, Any], filled: dict[str, Any], source: str) -> None:
    """Names the source execution's model in each place where the input names none.

    Args:
        use: the stage as the file has it.
        data: the parsed file.
        filled: the input with its tokens filled in, which is changed.
        source: the source execution's name.
    """
    maker = Use.of(data, CREATE_MODEL)
    if maker.runs or maker.request.get(_NAME) is not None:
        return
    section = filled[use.stage.key]
    if use.stage is DEPLOYMENT and not _variants(Use(DEPLOYMENT, section)):
        _make_default_variant(section)
    for _, holder in _places(Use(use.stage, section)):
        if holder.get(_NAME) is None:
            holder[_NAME] = CREATE_MODEL.name_prefix + source


def _places(use: Use) -> list[tuple[Path, dict[str, Any]]]:
    """Where the stage names its model: the path of the name, and the mapping that has it."""
    if use.stage is BATCH_TRANSFORM:
        return [((use.stage.key, "input", _NAME), use.request)] if isinstance(use.section.get("input"), dict) else []
    if use.stage is DEPLOYMENT:
        variants = _variants(use)
        given: list[tuple[Path, dict[str, Any]]] = [
            ((*_VARIANTS, number, _NAME), item) for number, item in enumerate(variants) if isinstance(item, dict)
        ]
        return given or [((*_VARIANTS, 0, _NAME), {})]
    return []


def _variants(use: Use) -> list[Any]:
    variants = use.at("input", "EndpointConfig").get("ProductionVariants")
    return variants if isinstance(variants, list) else []


def _make_default_variant(section: dict[str, Any]) -> None:
    for key in ("input", "EndpointConfig"):
        if section.get(key) is None:
            section[key] = {}
        section = section[key]
        if not isinstance(section, dict):  # which the schema refuses
            return
    if section.get("ProductionVariants") in (None, []):
        section["ProductionVariants"] = [dict(DEFAULT_VARIANT)]
