"""Serves the model in SageMaker's scikit-learn container, behind an endpoint and in batch transform.

Request: raw rows with the values of ``census.FEATURES`` in that order, as ``text/csv`` without a header or as
``application/json`` of the form ``{"instances": [[...], ...]}``.

Response: for each record, in the order of the request, the probability of an income above 50,000 dollars and the label,
1 or 0: as ``text/csv``, one line ``probability,label`` per record; as ``application/json``,
``{"predictions": [{"probability": ..., "label": ...}, ...]}``.

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
from typing import Any, TypeVar

import joblib
import numpy as np
import pandas as pd

import census
from rows import read_rows

try:
    from werkzeug.exceptions import BadRequest
except ImportError:  # outside the container

    class BadRequest(Exception):  # type: ignore[no-redef] # noqa: N818
        """The same without a web server."""

        code = 400


CSV = "text/csv"
JSON = "application/json"


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
    return joblib.load(Path(model_dir) / "model.joblib")


@_answered
def input_fn(body: str | bytes, content_type: str) -> pd.DataFrame:
    """Parses the rows of a request.

    Raises:
        RequestError: the content type is unknown, or the body has no rows of the right length.
    """
    kind = _media_type(content_type)
    body = _unquoted(body)
    if kind == CSV:
        return read_rows(io.StringIO(body) if isinstance(body, str) else io.BytesIO(body))
    if kind == JSON:
        return read_rows(_csv_of_instances(body))
    raise ValueError(f"content type {content_type!r}, expected {CSV} or {JSON}")


@_answered
def predict_fn(rows: pd.DataFrame, model: Any) -> np.ndarray:
    """Returns the probability of class 1 for each row.

    Raises:
        RequestError: a value of a numeric feature is not a number.
    """
    probabilities: np.ndarray = model.predict_proba(rows)[:, 1]
    return probabilities


@_answered
def output_fn(probabilities: np.ndarray, accept: str) -> tuple[str, str]:
    """Returns the response's body and content type.

    Raises:
        RequestError: the type that the client accepts is unknown.
    """
    predictions = [(float(probability), int(probability >= census.THRESHOLD)) for probability in probabilities]
    kind = _media_type(accept)
    if kind == CSV:
        return "".join(f"{probability!r},{label}\n" for probability, label in predictions), CSV
    if kind == JSON:
        named = [{"probability": probability, "label": label} for probability, label in predictions]
        return json.dumps({"predictions": named}), JSON
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


def _csv_of_instances(body: str | bytes) -> io.StringIO:
    """Converts the instances of a JSON request to CSV, so that there is one way to read rows."""
    try:
        instances = json.loads(body)["instances"]
    except (ValueError, KeyError, TypeError):
        instances = None
    if not isinstance(instances, list) or not all(isinstance(row, list) for row in instances):
        raise ValueError('expected JSON of the form {"instances": [[value, ...], ...]}')
    text = io.StringIO()
    csv.writer(text).writerows(instances)
    text.seek(0)
    return text
