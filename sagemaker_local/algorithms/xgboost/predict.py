"""Loads ``xgboost-model`` and handles requests.

Follows ``algorithm_mode/serve.py`` and ``serve_utils.py`` of https://github.com/aws/sagemaker-xgboost-container.
"""

from __future__ import annotations

import importlib
import json
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from . import data
from .errors import UserError

DEFAULT_ACCEPT = DEFAULT_CONTENT_TYPE = "text/csv"
_JSON = "application/json"
_ACCEPTED = ("text/csv", _JSON)
_MODEL_NAME = "xgboost-model"


class Predictor:
    """Handles requests with a trained model.

    Args:
        booster: the model.
        batch: whether it serves a transform job, whose predictions have a line each.
    """

    def __init__(self, booster: Any, *, batch: bool) -> None:
        self._booster = booster
        self._batch = batch

    def __call__(self, content: bytes, content_type: str, accept: str) -> tuple[bytes, str, int]:
        """Handles one request.

        Args:
            content: the request's body.
            content_type: its content type.
            accept: the accepted content type.

        Returns:
            The response's body, content type and HTTP status.
        """
        if not content:
            return b"", "text/plain", 204
        try:
            kind, matrix = self._parse(content, content_type)
        except (ValueError, UserError) as error:
            return f"Loading {content_type} data failed with Exception: {error}".encode(), "text/plain", 415
        if accept not in _ACCEPTED:
            return f"Accept type {accept} is not supported: {', '.join(_ACCEPTED)}".encode(), "text/plain", 406
        try:
            predictions = self._predict(matrix, kind)
        except ValueError as error:  # XGBoostError is one
            return f"Unable to evaluate payload provided: {error}".encode(), "text/plain", 400
        return self._encode(predictions, accept).encode(), accept, 200

    def _parse(self, content: bytes, content_type: str) -> tuple[str, Any]:
        kind = data.content_kind(content_type)
        text = content.decode().strip()
        if kind == data.CSV:
            return kind, data.csv_request(text)
        if kind == data.LIBSVM:
            return kind, data.libsvm_request(text, self._booster.num_features())
        raise UserError(f"Content-type {content_type} is not supported.")

    def _predict(self, matrix: Any, kind: str) -> list[Any]:
        given, expected = matrix.num_col(), self._booster.num_features()
        # The model of data whose first feature has the number 1 has one feature more.
        if given not in (expected, expected - 1):
            raise ValueError(
                f"Feature size of {kind} inference data {given} is not consistent with feature size of trained model "
                f"{expected}."
            )
        predictions: list[Any] = self._booster.predict(matrix, validate_features=False).tolist()
        return predictions

    def _encode(self, predictions: list[Any], accept: str) -> str:
        if self._batch:
            return "".join(f"{prediction}\n" for prediction in predictions)
        if accept == _JSON:
            return json.dumps({"predictions": [{"score": prediction} for prediction in predictions]})
        return ",".join(map(str, predictions))


def load(environment: Mapping[str, str]) -> Callable[[bytes, str, str], tuple[bytes, str, int]]:
    """Loads this container's model.

    Args:
        environment: may have ``SAGEMAKER_BATCH``, and ``SAGEMAKER_BASE_DIR`` for /opt/ml.

    Raises:
        SystemExit: there is no model, or it cannot be loaded; the message names the file.
    """
    if environment.get("SAGEMAKER_INFERENCE_OUTPUT"):
        raise SystemExit("SAGEMAKER_INFERENCE_OUTPUT is not supported on this machine; leave it out")
    file = Path(environment.get("SAGEMAKER_BASE_DIR", "/opt/ml")) / "model" / _MODEL_NAME
    if not file.is_file():
        found = sorted(entry.name for entry in file.parent.iterdir())
        raise SystemExit(
            f"The model archive has no file {_MODEL_NAME} at its top level, which the built-in XGBoost serves; it has "
            f"{', '.join(found) or 'no files'}. For a model of your own script, set SAGEMAKER_PROGRAM"
        )
    xgboost = importlib.import_module("xgboost")
    booster = xgboost.Booster()
    try:
        booster.load_model(str(file))
    except xgboost.core.XGBoostError as error:
        try:
            # Images before 1.3 saved the model this way. It runs in the job's container, as on AWS.
            booster = pickle.loads(file.read_bytes())  # noqa: S301
        except Exception:  # noqa: BLE001 - a file that is no pickle can raise anything
            raise SystemExit(
                f"{_MODEL_NAME} is not a model that XGBoost {xgboost.__version__} can load: "
                f"{str(error).split('Stack trace')[0].strip()}"
            ) from None
    booster.set_param({"nthread": 1})
    return Predictor(booster, batch=bool(environment.get("SAGEMAKER_BATCH")))


def default_input(content: Any, content_type: str) -> Any:
    """The container's ``input_fn`` for a module of the user's: a DMatrix."""
    text = content if isinstance(content, str) else bytes(content).decode()
    kind = data.content_kind(content_type)
    return data.csv_request(text) if kind == data.CSV else data.libsvm_request(text, 0)


DEFAULTS: dict[str, Callable[..., Any]] = {"input_fn": default_input}
"""Replaces the defaults of ``serving.handler`` for a module of the user's."""
