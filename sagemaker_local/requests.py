"""Validates requests against botocore's service models, as the services do.

botocore itself validates names, types and required members. It leaves lengths, patterns, ranges and enums to the
service, so they are checked here, except instance types, of which AWS adds new ones every week. Also rejects the data
sources of jobs that this machine does not support.
"""

import functools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from sagemaker_local.errors import aws_error, not_supported

if TYPE_CHECKING:
    from botocore.model import Shape

_OPEN_ENUM = "InstanceType"
_S3_TYPES = ("S3Prefix", "ManifestFile")


@functools.cache
def service_model(service: str) -> ServiceModel:
    """Returns a service's model by botocore's name for it. Loading SageMaker's takes 0.3 s, once."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


@functools.cache
def error_codes(service: str) -> frozenset[str]:
    """Returns the error codes in a service's model, by botocore's name for it."""
    return frozenset(shape.name for shape in service_model(service).error_shapes)


def operation_name(action: str) -> str:
    """Returns the API's name of an action: ``CreateProcessingJob`` for ``createProcessingJob``."""
    return action[0].upper() + action[1:]


def check_request(
    action: str, request: dict[str, Any], *, service: str = "sagemaker", code: str = "ValidationException"
) -> None:
    """Raises AwsError, with the service's error code, if a request is malformed.

    Args:
        action: as in the integration's ARN: ``createProcessingJob``.
        request: the request, without nulls.
        service: botocore's name for the service.
        code: the service's error code for a malformed request.
    """
    shape = service_model(service).operation_model(operation_name(action)).input_shape
    if shape is None:  # never: all supported actions have an input
        raise TypeError(action)
    report = ParamValidator().validate(request, shape)
    if report.has_errors():
        raise aws_error(report.generate_report(), code=code)
    found = [
        f"Value '{_shown(value)}' at '{path}' failed to satisfy constraint: {constraint}"
        for path, value, constraint in _violations(request, shape, "")
    ]
    if found:
        counted = "1 validation error" if len(found) == 1 else f"{len(found)} validation errors"
        raise aws_error(f"{counted} detected: {'; '.join(found)}", code=code)


def require_s3_type(key: str, data_type: str) -> None:
    """Raises TaskFailed unless the data type is one of files.

    Args:
        key: the value's path in the request, for the message.
        data_type: ``S3DataType``.
    """
    if data_type not in _S3_TYPES:
        raise not_supported(key, data_type, f"one of {', '.join(_S3_TYPES)}")


def require_file_mode(key: str, mode: str) -> None:
    """Raises TaskFailed for Pipe mode. FastFile looks like File to a script and is treated the same."""
    if mode == "Pipe":
        raise not_supported(key, mode, "use File or FastFile")


def require_s3_source(key: str, source: dict[str, Any]) -> dict[str, Any]:
    """Returns a ``DataSource``'s ``S3DataSource``. Raises TaskFailed if the data is not in S3 or not files."""
    s3: dict[str, Any] | None = source.get("S3DataSource")
    if s3 is None:
        raise not_supported(f"{key}.DataSource", sorted(source), "use S3DataSource")
    require_s3_type(f"{key}.DataSource.S3DataSource.S3DataType", s3["S3DataType"])
    return s3


def _shown(value: Any) -> Any:
    """Formats a value for a message; for a body, which may have megabytes, only its size."""
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
    except re.error:  # Java's classes such as \p{L}, which Python lacks: left to SageMaker
        return True
