"""Reads a user's ``images.yaml``, and installs images' packages the way the set-up installs the tool's.

``python -m local.images`` installs those of the shipped scripts' image, so that the first job need not.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from pipeline.images import DEFAULT_VERSION, REPOSITORY
from requirements.install import tool_environment, uv_mirror
from sagemaker_local.environments import Environments, InstallFailedError
from sagemaker_local.images import Image, ImageError, Images, own_images

FILE = "images.yaml"


def own_images_of(folder: Path) -> dict[str, Image]:
    """The images that a folder's ``images.yaml`` names; none without the file.

    Raises:
        ImageError: the file is not as it must be.
    """
    file = folder / FILE
    try:
        text = file.read_text()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ImageError(f"{file} cannot be read: {error}") from error
    try:
        return own_images(yaml.safe_load(text) or {}, folder)
    except yaml.YAMLError as error:
        raise ImageError(f"{file} is not valid YAML: {error}") from error
    except ImageError as error:
        raise ImageError(f"{file}: {error}") from error


def installer_variables() -> Mapping[str, str]:
    """The variables for uv, with the certificates and the mirror that the set-up uses."""
    variables = tool_environment()
    return variables | uv_mirror(variables)


def scripts_python(log_line: Callable[[str], None] = lambda _: None) -> str:
    """Returns the Python with the packages of the shipped scripts' image, and installs them first if necessary.

    Args:
        log_line: called with a line if something must be installed.

    Raises:
        InstallFailedError: they cannot be installed.
    """
    image = Images().find(f"{REPOSITORY}:{DEFAULT_VERSION}")
    return Environments(variables=installer_variables).get(image, log_line=log_line).interpreter


def _show(line: str) -> None:
    sys.stderr.write(f"set-up: {line}\n")


def main() -> int:
    """Installs the packages of the shipped scripts' image; returns the exit code."""
    image = Images().find(f"{REPOSITORY}:{DEFAULT_VERSION}")
    try:
        Environments(variables=installer_variables).get(image, log_line=_show)
    except InstallFailedError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
