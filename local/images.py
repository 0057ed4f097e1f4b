"""Reads a user's ``images.yaml``, and installs images' packages the way the set-up installs the tool's."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from requirements.install import tool_environment, uv_mirror
from sagemaker_local.images import Image, ImageError, own_images

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
