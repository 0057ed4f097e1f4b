"""Stand-ins for the modules of SageMaker's toolkits, for scripts that import them.

Older examples return ``worker.Response(encoders.encode(prediction, accept), mimetype=accept)`` from their
``output_fn``, with names from ``sagemaker_containers.beta.framework``; newer ones take ``decoder`` and ``encoder`` from
``sagemaker_inference``. An installed toolkit is used instead of its stand-in.
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from http import HTTPStatus
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from . import formats


@dataclass
class Response:
    """``sagemaker_containers.beta.framework.worker.Response``: a response with its content type."""

    response: Any = None
    accept: str | None = None
    status: int = HTTPStatus.OK
    headers: Any = None
    mimetype: str | None = None


_CONTENT_TYPES = {
    "JSON": formats.JSON,
    "CSV": formats.CSV,
    "NPY": formats.NPY,
    "OCTET_STREAM": formats.OCTET_STREAM,
    "ANY": formats.ANY,
    "UTF8_TYPES": list(formats.UTF8_TYPES),
}
_ERRORS = {"UnsupportedFormatError": formats.UnsupportedFormatError}
_MODULES: dict[str, dict[str, Any]] = {
    "sagemaker_containers.beta.framework.content_types": _CONTENT_TYPES,
    "sagemaker_containers.beta.framework.encoders": {"encode": formats.encode, "decode": formats.decode},
    "sagemaker_containers.beta.framework.errors": _ERRORS,
    "sagemaker_containers.beta.framework.worker": {"Response": Response},
    "sagemaker_containers.beta.framework.env": {},
    "sagemaker_containers.beta.framework.modules": {},
    "sagemaker_containers.beta.framework.transformer": {"default_model_fn": formats.default_model},
    "sagemaker_inference.content_types": _CONTENT_TYPES,
    "sagemaker_inference.decoder": {"decode": formats.decode},
    "sagemaker_inference.encoder": {"encode": formats.encode},
    "sagemaker_inference.errors": _ERRORS,
}


def install() -> None:
    """Makes the stand-ins importable."""
    missing = {
        toolkit
        for toolkit in ("sagemaker_containers", "sagemaker_inference")
        if importlib.util.find_spec(toolkit) is None
    }
    for name, members in _MODULES.items():
        if name.partition(".")[0] in missing:
            module = _module(name)
            for member, value in members.items():
                setattr(module, member, value)


def _module(name: str) -> ModuleType:
    if name not in sys.modules:
        module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None, is_package=True)
        module.__path__ = []  # makes it a package
        sys.modules[name] = module
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(_module(parent), last, module)
    return sys.modules[name]
