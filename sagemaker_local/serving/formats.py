"""The scikit-learn container's content types and default functions."""

from __future__ import annotations

import csv
import importlib
import io
import json
from typing import Any

JSON = "application/json"
CSV = "text/csv"
NPY = "application/x-npy"
OCTET_STREAM = "application/octet-stream"
ANY = "*/*"
UTF8_TYPES = (JSON, CSV)


class UnsupportedFormatError(Exception):
    """The default functions do not support a content type."""

    def __init__(self, content_type: str) -> None:
        super().__init__(
            f"Content type {content_type} is not supported by this framework. Please implement input_fn to deserialize "
            "the request data or an output_fn to serialize the response."
        )


def media_type(content_type: str) -> str:
    """Returns a content type without its parameters."""
    return content_type.partition(";")[0].strip()


def decode(content: Any, content_type: str) -> Any:
    """Parses request data into a numpy array. Raises UnsupportedFormatError."""
    np = _numpy()
    kind = media_type(content_type)
    if kind == JSON:
        return np.array(json.loads(content))
    if kind == CSV:
        array = np.array(list(csv.reader(io.StringIO(content), strict=True))).squeeze()
        try:
            return array.astype(float)
        except ValueError:
            return array
    if kind == NPY:
        # The container also loads pickled objects, which would run the client's code.
        return np.load(io.BytesIO(content), allow_pickle=False)
    raise UnsupportedFormatError(content_type)


def encode(prediction: Any, accept: str) -> str | bytes:
    """Encodes a prediction in the first accepted content type that is supported.

    Raises:
        UnsupportedFormatError: no accepted type is supported.
    """
    for accepted in accept.split(","):
        kind = media_type(accepted)
        if kind in (JSON, ANY):
            return json.dumps(prediction, default=_plain)
        if kind == CSV:
            return _as_csv(prediction)
        if kind == NPY:
            return _as_npy(prediction)
    raise UnsupportedFormatError(accept)


def default_input(content: Any, content_type: str) -> Any:
    """The scikit-learn container's ``input_fn``."""
    array = decode(content, content_type)
    return array.astype("float32") if media_type(content_type) in UTF8_TYPES else array


def default_predict(data: Any, model: Any) -> Any:
    """The scikit-learn container's ``predict_fn``."""
    return model.predict(data)


def default_output(prediction: Any, accept: str) -> tuple[str | bytes, str]:
    """The scikit-learn container's ``output_fn``."""
    return encode(prediction, accept), accept


def default_model(model_dir: str) -> Any:
    """Raises NotImplementedError: the scikit-learn container has no default ``model_fn``."""
    raise NotImplementedError(f"Please provide a model_fn implementation, which loads the model in {model_dir}.")


def _numpy() -> Any:
    """Imports numpy on first use, because a module with its own functions may not need it."""
    return importlib.import_module("numpy")


def _as_csv(prediction: Any) -> str:
    np = _numpy()
    array = np.array(prediction)
    if array.ndim == 1:
        array = array.reshape(-1, 1)
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(array.tolist())
    return stream.getvalue()


def _as_npy(prediction: Any) -> bytes:
    np = _numpy()
    stream = io.BytesIO()
    np.save(stream, prediction)
    return stream.getvalue()


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON serializable")
