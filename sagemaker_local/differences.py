"""How a job or an endpoint on this machine differs from the same on AWS, and what really ran.

Only what the request sets and the image is known to hold counts: see ``request_fields``.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sagemaker_local.environments import PythonEnvironment
from sagemaker_local.images import Image
from sagemaker_local.mounts import ISOLATED, PREFIX
from sagemaker_local.request_fields import FIELDS, Different, Fields

_PACKAGE_NAME = re.compile(r"\s*([A-Za-z0-9][\w.-]*)")
_PINNED = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One way in which this machine differs from AWS."""

    field: str
    """The field, such as ``ResourceConfig.InstanceCount``, or a part of the container.

    Fields of a job's own request come without its operation; others are ``CreateModel.ExecutionRoleArn``.
    """
    here: str
    on_aws: str


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """What a job or a model server really ran in."""

    image: str
    """The image that the request names."""
    python: str
    """The version of Python."""
    packages: Mapping[str, str]
    """The versions of the image's main packages, and of those in a ``requirements.txt``."""

    def __str__(self) -> str:
        return _versions(self.python, self.packages)


def of_request(operation: str, request: Mapping[str, Any], *, isolated: bool) -> tuple[Difference, ...]:
    """Returns the differences of the fields that a request sets.

    Args:
        operation: one of ``FIELDS``.
        request: the request; nulls count as not set.
        isolated: whether jobs are isolated on this machine.
    """
    start = "" if operation.endswith("Job") else operation
    return tuple(_of_fields(request, FIELDS[operation], start, isolated=isolated))


def of_container(view: str) -> tuple[Difference, ...]:
    """Returns the differences of a container's file system and isolation.

    Args:
        view: see ``mounts``.
    """
    found = []
    if view == PREFIX:
        found.append(
            Difference(field="/opt/ml", here="a folder that SAGEMAKER_BASE_DIR names", on_aws="the path /opt/ml")
        )
    if view != ISOLATED:
        found.append(
            Difference(
                field="isolation",
                here="none: the code can do anything that the user can do",
                on_aws="a container on a machine of its own",
            )
        )
    return tuple(found)


def of_image(
    field: str, image: Image, environment: PythonEnvironment, *, requirements: str = ""
) -> tuple[Difference, ...]:
    """Returns the difference between an image and its packages as installed here, if there is one.

    Args:
        field: the request's field that names the image.
        image: what the image holds.
        environment: what is installed here.
        requirements: what a ``requirements.txt`` installed on top; AWS would install the same.
    """
    replaced = _names(requirements)
    pinned = {(_normalised(name), version) for name, version in _PINNED.findall(image.requirements)}
    here, on_aws = {}, {}
    for name, version in image.packages.items():
        key, installed = _normalised(name), _installed(environment, name)
        by_requirements = key in replaced or (bool(requirements) and (key, installed) not in pinned)
        if installed != version and not by_requirements:
            here[name], on_aws[name] = installed or "missing", version
    same_python = image.python is None or f"{environment.python}.".startswith(f"{image.python}.")
    if same_python and not here:
        return ()
    return (
        Difference(
            field=field,
            here=_versions(None if same_python else environment.python, here),
            on_aws=_versions(None if same_python else image.python, on_aws),
        ),
    )


def runtime(uri: str, image: Image, environment: PythonEnvironment, *, requirements: str = "") -> Runtime:
    """Returns what really runs.

    Args:
        uri: the image as the request names it.
        image: what the image holds.
        environment: what is installed here.
        requirements: what a ``requirements.txt`` installed on top.
    """
    main = [*image.packages] or sorted(_names(image.requirements))
    names = {_normalised(name): name for name in [*main, *sorted(_names(requirements))]}
    packages = {name: version for name in names.values() if (version := _installed(environment, name))}
    return Runtime(image=uri, python=environment.python, packages=packages)


def _installed(environment: PythonEnvironment, name: str) -> str | None:
    """The version of a package; a build without the parts for GPUs, such as xgboost-cpu, counts as the package."""
    key = _normalised(name)
    return environment.packages.get(key) or environment.packages.get(f"{key}-cpu")


def _of_fields(value: Any, fields: Fields, path: str, *, isolated: bool) -> Iterator[Difference]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _of_fields(item, fields, f"{path}[{number}]", isolated=isolated)
        return
    for name, given in value.items():
        field = f"{path}.{name}".lstrip(".")
        match fields.get(name):
            case Different() as found:
                if given is not None and found.when(given) and not (found.unless_isolated and isolated):
                    here, on_aws = (text.format(value=given) for text in (found.here, found.on_aws))
                    yield Difference(field=field, here=here, on_aws=on_aws)
            case Mapping() as members if given is not None:
                yield from _of_fields(given, members, field, isolated=isolated)


def _versions(python: str | None, packages: Mapping[str, str]) -> str:
    first = [] if python is None else [f"Python {python}"]
    return ", ".join([*first, *(f"{name} {version}" for name, version in packages.items())])


def _names(requirements: str) -> set[str]:
    """The normalised names in the lines of a ``requirements.txt``."""
    found = (_PACKAGE_NAME.match(line) for line in requirements.splitlines())
    return {_normalised(match[1]) for match in found if match}


def _normalised(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()
