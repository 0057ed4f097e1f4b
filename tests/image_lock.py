"""What jobs in the shipped scripts' image run with."""

from packaging.requirements import Requirement

from pipeline.images import DEFAULT_VERSION, REPOSITORY
from sagemaker_local.images import Images


def locked_version(package: str, python: str) -> str:
    """The version of a package that the lock of the shipped scripts' image names for a version of Python."""
    lock = Images().find(f"{REPOSITORY}:{DEFAULT_VERSION}").requirements
    lines = (Requirement(line.rstrip("\\")) for line in lock.splitlines() if "==" in line)
    (found,) = (
        line
        for line in lines
        if line.name == package and (not line.marker or line.marker.evaluate({"python_full_version": python}))
    )
    return str(found.specifier).removeprefix("==")
