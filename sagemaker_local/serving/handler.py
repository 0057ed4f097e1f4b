"""Imports the user's module, loads the model and handles requests as the scikit-learn container does."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from . import formats

_DEFAULT_PROGRAM = "inference.py"
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "input_fn": formats.default_input,
    "predict_fn": formats.default_predict,
    "output_fn": formats.default_output,
}
_NO_DEFAULTS: dict[str, Callable[..., Any]] = {}


class Handler:
    """Handles requests with the user's model.

    Args:
        module: the user's module; the scikit-learn container's defaults replace missing functions of ``model_fn``,
            ``input_fn``, ``predict_fn`` and ``output_fn``.
        model_dir: the folder with the model's files.
        defaults: functions that replace the scikit-learn container's defaults.

    Raises:
        ValueError: the module has both ``transform_fn`` and a function that it replaces.
        Exception: any exception that ``model_fn`` raises.
    """

    def __init__(
        self, module: ModuleType, model_dir: str, defaults: Mapping[str, Callable[..., Any]] = _NO_DEFAULTS
    ) -> None:
        own = {name: function for name in _FUNCTIONS if (function := getattr(module, name, None)) is not None}
        self._functions = {**_FUNCTIONS, **defaults, **own}
        self._transform_fn = getattr(module, "transform_fn", None)
        if self._transform_fn and own:
            raise ValueError(f"Cannot use transform_fn implementation with {', '.join(own)}")
        self._context = SimpleNamespace(system_properties={"model_dir": model_dir, "gpu_id": None})
        self._model = self._call(getattr(module, "model_fn", formats.default_model), model_dir)

    def __call__(self, content: bytes, content_type: str, accept: str) -> tuple[bytes, str, int]:
        """Handles one request.

        Args:
            content: the request's body.
            content_type: its content type.
            accept: the accepted content types.

        Returns:
            The response's body, content type and HTTP status.

        Raises:
            Exception: any exception that the user's functions raise.
        """
        is_text = formats.media_type(content_type) in formats.UTF8_TYPES
        data: Any = content.decode() if is_text else content
        if self._transform_fn:
            return _answer(self._call(self._transform_fn, self._model, data, content_type, accept), accept)
        try:
            read = self._call(self._functions["input_fn"], data, content_type)
        except formats.UnsupportedFormatError as error:
            return str(error).encode(), "text/plain", 415
        prediction = self._call(self._functions["predict_fn"], read, self._model)
        try:
            return _answer(self._call(self._functions["output_fn"], prediction, accept), accept)
        except formats.UnsupportedFormatError as error:
            return str(error).encode(), "text/plain", 406

    def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls one of the user's functions, with the context if it has a parameter for it."""
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):  # not every callable has a signature
            return function(*arguments)
        further = parameters[len(arguments) :]
        takes_context = bool(further) and (
            further[0].name == "context" or further[0].default is inspect.Parameter.empty
        )
        if takes_context and further[0].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD:
            return function(*arguments, self._context)
        return function(*arguments)


def load(environment: Mapping[str, str], defaults: Mapping[str, Callable[..., Any]] = _NO_DEFAULTS) -> Handler:
    """Loads this container's model.

    Args:
        environment: may have ``SAGEMAKER_PROGRAM``, ``SAGEMAKER_SUBMIT_DIRECTORY``, and ``SAGEMAKER_BASE_DIR`` for
            /opt/ml.
        defaults: see ``Handler``.

    Raises:
        FileNotFoundError: the program is in none of the code folders.
        Exception: any exception that the user's module raises.
    """
    base = Path(environment.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
    program = environment.get("SAGEMAKER_PROGRAM", _DEFAULT_PROGRAM)
    name = program if program.endswith(".py") else f"{program}.py"
    folders = _code_folders(base, environment.get("SAGEMAKER_SUBMIT_DIRECTORY", ""))
    for folder in folders:
        if (folder / name).is_file():
            file = folder / name
            # The working directory is the code folder, as in the container; the module may import from either folder.
            os.chdir(folder)
            sys.path[:0] = list(dict.fromkeys([str(file.parent), str(folder)]))
            return Handler(importlib.import_module(file.stem), str(base / "model"), defaults)
    raise FileNotFoundError(f"{name} (SAGEMAKER_PROGRAM) is in none of {', '.join(map(str, folders))}")


def _code_folders(base: Path, submit_directory: str) -> list[Path]:
    """Returns the folders that may have the code. Code from S3 has been unpacked to ``code``."""
    inside = [base / "code", base / "model" / "code"]
    if not submit_directory or submit_directory.startswith("s3://"):
        return inside
    scheme = "file://"
    path = submit_directory.removeprefix(scheme)
    return [Path(path), *inside]


def _answer(result: Any, accept: str) -> tuple[bytes, str, int]:
    """Converts a user function's result: bytes or text, alone, with its content type, or in a toolkit's Response.

    Returns a dictionary as the container's Flask 1.1 does, which calls ``jsonify``.
    """
    status = 200
    if isinstance(result, dict):
        result, accept = json.dumps(result, sort_keys=True, separators=(",", ":")) + "\n", formats.JSON
    elif isinstance(result, tuple):
        result, accept = result[0], result[1]
    elif hasattr(result, "get_data"):  # Flask's
        result, accept, status = result.get_data(), result.mimetype, result.status_code
    elif hasattr(result, "response"):  # ours, in place of the toolkit's
        result, accept, status = result.response, result.mimetype or result.accept or accept, result.status
    if isinstance(result, str):
        result = result.encode()
    if not isinstance(result, (bytes, bytearray, memoryview)):
        raise TypeError(
            f"output_fn returned a {type(result).__name__}; expected text or bytes, or a tuple with its content type"
        )
    return bytes(result), accept, int(status)
