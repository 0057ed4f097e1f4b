"""Whether a service would take a request: its shape from botocore's service model, and the limits in it.

botocore itself checks names, types and what is required; lengths, patterns, ranges and enums are left to the service,
and are checked here. An instance type is a suggestion, not a limit: AWS adds to the list weekly.
"""

import functools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from sagemaker_local.errors import refused

if TYPE_CHECKING:
    from botocore.model import Shape

_OPEN_ENUM = "InstanceType"


@functools.cache
def service_model(service: str) -> ServiceModel:
    """A service's model, by botocore's name of the service. Loading SageMaker's takes some 0.3 s, once."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


@functools.cache
def error_codes(service: str) -> frozenset[str]:
    """The codes of the errors that a service's model lists, by botocore's name of the service."""
    return frozenset(shape.name for shape in service_model(service).error_shapes)


def operation_name(action: str) -> str:
    """The API's name of an action: ``CreateProcessingJob`` for ``createProcessingJob``."""
    return action[0].upper() + action[1:]


def check_request(
    action: str, request: dict[str, Any], *, service: str = "sagemaker", code: str = "ValidationException"
) -> None:
    """Raises Refused, with the service's error for a malformed request, where it is one.

    Args:
        action: as in the integration's ARN: ``createProcessingJob``.
        request: the request, without nulls.
        service: botocore's name of the service.
        code: the service's error code for a malformed request.
    """
    shape = service_model(service).operation_model(operation_name(action)).input_shape
    if shape is None:  # never: every action that is asked for has an input
        raise TypeError(action)
    report = ParamValidator().validate(request, shape)
    if report.has_errors():
        raise refused(report.generate_report(), code=code)
    found = [
        f"Value '{_shown(value)}' at '{path}' failed to satisfy constraint: {constraint}"
        for path, value, constraint in _violations(request, shape, "")
    ]
    if found:
        counted = "1 validation error" if len(found) == 1 else f"{len(found)} validation errors"
        raise refused(f"{counted} detected: {'; '.join(found)}", code=code)


def _shown(value: Any) -> Any:
    """A value as the message has it: of a body, which may be megabytes, the size."""
    return f"{len(value)} bytes" if isinstance(value, bytes) else value


def _violations(value: Any, shape: "Shape", path: str) -> Iterator[tuple[str, Any, str]]:
    for constraint in _constraints(value, shape):
        yield path, value, constraint
    children: list[tuple[Any, Any, str]] = []
    match shape.type_name:
        case "structure":
            members: Any = shape.members  # type: ignore[attr-defined]  # the type depends on type_name
            children = [(value[name], members[name], name[0].lower() + name[1:]) for name in value]
        case "list":
            member: Any = shape.member  # type: ignore[attr-defined]  # as above
            children = [(child, member, f"{number}.member") for number, child in enumerate(value, 1)]
        case "map":
            kinds: Any = shape
            children = [(name, kinds.key, f"{name}.key") for name in value]
            children += [(child, kinds.value, f"{name}.value") for name, child in value.items()]
    for child, child_shape, name in children:
        yield from _violations(child, child_shape, f"{path}.{name}".lstrip("."))


def _constraints(value: Any, shape: "Shape") -> Iterator[str]:
    limits: dict[str, Any] = dict(shape.metadata)
    if shape.type_name == "string":
        pattern = limits.get("pattern")
        if pattern and not _matches(pattern, value):
            yield f"Member must satisfy regular expression pattern: {pattern}"
        enum = limits.get("enum", [])
        if enum and value not in enum and not shape.name.endswith(_OPEN_ENUM):
            yield f"Member must satisfy enum value set: [{', '.join(enum)}]"
    if shape.type_name in ("string", "list", "map", "blob"):
        if "max" in limits and len(value) > limits["max"]:
            yield f"Member must have length less than or equal to {limits['max']}"
    elif shape.type_name in ("integer", "long", "float", "double") and "max" in limits and value > limits["max"]:
        yield f"Member must have value less than or equal to {limits['max']}"


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:  # classes such as \p{L}, which Java has and Python has not: left to SageMaker
        return True
