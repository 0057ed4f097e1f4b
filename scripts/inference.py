"""Serves the model in SageMaker's scikit-learn container, behind an endpoint and in batch transform.

Request: raw rows with the schema's features in their order, as ``text/csv`` without a header, or as
``application/json``: ``{"instances": [[...], ...]}``, or ``{"instances": [{...}, ...]}`` with the features' names.

Response: for each record, in the order of the request,

- of two classes: the probability of class 1 and the label, 1 or 0;
- of several classes: the probability of the likeliest class and its name;
- of a number: the number.

As ``text/csv``, one line ``probability,label`` or ``number`` per record; as ``application/json``,
``{"predictions": [{"probability": ..., "label": ...}, ...]}`` or ``{"predictions": [{"prediction": ...}, ...]}``.

The container calls these functions: https://sagemaker.readthedocs.io/en/stable/frameworks/sklearn/using_sklearn.html.
A wrong request is answered with status 400 and the reason. The container hides the text of any exception except those
of its web server, https://flask.palletsprojects.com/en/stable/errorhandling/, so the error here is one of these.
"""

from __future__ import annotations

import csv
import functools
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, Union

import joblib

from prediction import FILE, predict, schema_of
from quality_binary import THRESHOLD
from rows import read_rows
from schema import MULTICLASS, REGRESSION, Schema

try:
    from werkzeug.exceptions import BadRequest
except ImportError:  # outside the container

    class BadRequest(Exception):  # type: ignore[no-redef] # noqa: N818
        """The same without a web server."""

        code = 400


CSV = "text/csv"
JSON = "application/json"


Request = Union[str, bytes, "list[Any]"]
Prediction = dict[str, Any]

_Function = TypeVar("_Function", bound=Callable[..., Any])


class RequestError(BadRequest, ValueError):
    """The request is wrong; the response has status 400 and this text."""


def _answered(function: _Function) -> _Function:
    """Turns a ValueError of the function into a RequestError, whose text the client sees."""

    @functools.wraps(function)
    def wrapped(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except ValueError as error:
            raise RequestError(str(error)) from error

    return wrapped  # type: ignore[return-value]


def model_fn(model_dir: str) -> Any:
    """Loads the trained model from ``model_dir``."""
    return joblib.load(Path(model_dir) / FILE)


@_answered
def input_fn(body: str | bytes, content_type: str) -> Request:
    """Parses a request as far as that is possible without the model.

    Raises:
        RequestError: the content type is unknown, or the body is not JSON of the right form.
    """
    kind = _media_type(content_type)
    body = _unquoted(body)
    if kind == CSV:
        return body
    if kind == JSON:
        return _instances(body)
    raise ValueError(f"content type {content_type!r}, expected {CSV} or {JSON}")


@_answered
def predict_fn(request: Request, model: Any) -> list[Prediction]:
    """Returns a prediction for each record.

    Raises:
        RequestError: a row has the wrong number of values or lacks a feature, or a value of a number is none.
    """
    schema = schema_of(model)
    body = _csv(request, schema) if isinstance(request, list) else request
    found = predict(model, read_rows(body, schema))
    if schema.problem == REGRESSION:
        return [{"prediction": value} for value in found.tolist()]
    if schema.problem == MULTICLASS:
        names = schema.classes or ()
        return [
            {"probability": float(row[likeliest]), "label": names[likeliest]}
            for row, likeliest in zip(found, found.argmax(axis=1).tolist())
        ]
    return [{"probability": value, "label": int(value >= THRESHOLD)} for value in found.tolist()]


@_answered
def output_fn(predictions: list[Prediction], accept: str) -> tuple[str, str]:
    """Returns the response's body and content type.

    Raises:
        RequestError: the type that the client accepts is unknown.
    """
    kind = _media_type(accept)
    if kind == CSV:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(prediction.values() for prediction in predictions)
        return text.getvalue(), CSV
    if kind == JSON:
        return json.dumps({"predictions": predictions}), JSON
    raise ValueError(f"accept {accept!r}, expected {CSV} or {JSON}")


def _unquoted(body: str | bytes) -> str | bytes:
    """Returns the text in a body that is a single JSON string, and any other body as it is.

    AWS does not document whether Step Functions sends the smoke test's text as it is or as JSON, in quotes. Rows of
    several values are never a single JSON string.
    """
    if body.strip()[:1] not in ('"', b'"'):
        return body
    try:
        text = json.loads(body)
    except ValueError:
        return body
    return text if isinstance(text, str) else body


def _media_type(header: str) -> str:
    """Returns a content type without its parameters, such as the character set."""
    return header.split(";", maxsplit=1)[0].strip().lower()


def _instances(body: str | bytes) -> list[Any]:
    try:
        instances = json.loads(body)["instances"]
    except (ValueError, KeyError, TypeError):
        instances = None
    if not isinstance(instances, list) or not any(
        all(isinstance(row, kind) for row in instances) for kind in (list, dict)
    ):
        raise ValueError(
            'expected JSON of the form {"instances": [[value, ...], ...]} or {"instances": [{name: value, ...}, ...]}'
        )
    return instances


def _csv(instances: list[Any], schema: Schema) -> str:
    """Converts the instances of a JSON request to CSV, so that there is one way to read rows."""
    text = io.StringIO()
    writer = csv.writer(text)
    for number, row in enumerate(instances, start=1):
        if isinstance(row, dict):
            lacking = [name for name in schema.names if name not in row]
            if lacking:
                raise ValueError(f"row {number} lacks {', '.join(map(repr, lacking))}; null is an unknown value")
        writer.writerow([row[name] for name in schema.names] if isinstance(row, dict) else row)
    return text.getvalue()
