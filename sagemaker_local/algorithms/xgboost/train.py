"""Trains a model from the channels ``train`` and ``validation``, and saves it as ``xgboost-model``.

Follows ``algorithm_mode/train.py`` and ``callback.py`` of https://github.com/aws/sagemaker-xgboost-container.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import data, hyperparameters, metrics
from .errors import UserError

MODEL_NAME = "xgboost-model"
_CHECKPOINT = "xgboost-checkpoint"
_KEPT_CHECKPOINTS = 5
_CHANNELS = ("train", "validation", "code")


def main(environment: Mapping[str, str]) -> None:
    """Trains. Exits with status 1 and writes the failure file if it fails.

    Args:
        environment: may have ``SAGEMAKER_BASE_DIR`` for /opt/ml.
    """
    base = Path(environment.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
    try:
        _train(base)
    except UserError as error:
        failed(base, f"{error}")
    except importlib.import_module("xgboost").core.XGBoostError as error:
        first = str(error).split("Stack trace")[0].strip()
        failed(base, f"XGB train call failed with exception:\n {first}")


def failed(base: Path, message: str) -> None:
    """Writes the failure file, which becomes the job's failure reason, and exits."""
    sys.stderr.write(f"ERROR:root:{message}\n")
    output = base / "output"
    output.mkdir(exist_ok=True)
    (output / "failure").write_text(message)
    sys.exit(1)


def _train(base: Path) -> None:
    config = base / "input" / "config"
    parameters = hyperparameters.validate(json.loads((config / "hyperparameters.json").read_text()))
    channels = json.loads((config / "inputdataconfig.json").read_text())
    for name in channels:
        if name not in _CHANNELS:
            raise UserError(f"Extraneous channel found: {name}; expected {', '.join(_CHANNELS)}")
    if "train" not in channels:
        raise UserError("Missing required channel: train")
    if "_kfold" in parameters:
        raise UserError("Hyperparameter _kfold: cross-validation is not supported on this machine; leave it out")
    kind = data.content_kind(channels["train"].get("ContentType"))
    weights = parameters.pop("csv_weights", 0) == 1
    matrices = {
        name: data.read_channel(base / "input" / "data" / name, kind, weights=weights)
        for name in ("train", "validation")
        if name in channels
    }
    _say(f"Train matrix has {matrices['train'].num_row()} rows and {matrices['train'].num_col()} columns")
    if "validation" in matrices:
        _say(f"Validation matrix has {matrices['validation'].num_row()} rows")
    checkpoints = base / "checkpoints"
    booster = _boost(parameters, matrices, checkpoints if checkpoints.is_dir() else None)
    # The file has no suffix, as in the container, and so XGBoost's default format.
    warnings.filterwarnings("ignore", message=".*Saving model in the UBJSON format")
    booster.save_model(str(base / "model" / MODEL_NAME))


def _boost(parameters: dict[str, Any], matrices: Mapping[str, Any], checkpoints: Path | None) -> Any:
    xgboost = importlib.import_module("xgboost")
    rounds = parameters.pop("num_round")
    patience = parameters.pop("early_stopping_rounds", None)
    keep = parameters.pop("save_model_on_termination", "false")
    if keep == "true":
        _say("save_model_on_termination has no effect on this machine")
    named = _metrics(parameters)
    own = [name for name in named if name in hyperparameters.CUSTOM_METRICS]
    parameters["eval_metric"] = [name for name in named if name not in own]
    if not parameters["eval_metric"]:
        del parameters["eval_metric"]
    start, done = _resume(checkpoints)
    callbacks = [_log_callback(xgboost, done)]
    if checkpoints is not None:
        callbacks.append(_checkpoint_callback(xgboost, checkpoints, done))
    if patience and named and "validation" in matrices:
        metric = named[-1]
        callbacks.append(
            xgboost.callback.EarlyStopping(
                rounds=patience,
                data_name="validation",
                metric_name=metric,
                maximize=metric.partition("@")[0] in hyperparameters.MAXIMIZED,
                save_best=True,
            )
        )
    options: dict[str, Any] = {}
    if own:
        # Before XGBoost 1.6, a metric of the user's gets margins.
        old = tuple(int(part) for part in xgboost.__version__.split(".")[:2]) < (1, 6)
        options["feval" if old else "custom_metric"] = metrics.custom_metric(own, margins=old)
    return xgboost.train(
        parameters,
        matrices["train"],
        num_boost_round=rounds - done,
        evals=[(matrix, name) for name, matrix in matrices.items()],
        callbacks=callbacks,
        xgb_model=start,
        verbose_eval=False,
        **options,
    )


def _metrics(parameters: dict[str, Any]) -> list[str]:
    """Removes the metrics from the hyperparameters, and returns their names; a tuning job's metric is the last."""
    named: list[str] = parameters.pop("eval_metric", [])
    tuned = parameters.pop("_tuning_objective_metric", "").partition(":")[2]
    return [*(name for name in named if name != tuned), *([tuned] if tuned else [])]


def _log_callback(xgboost: Any, done: int) -> Any:
    class Log(xgboost.callback.TrainingCallback):  # type: ignore[misc] # the class exists in the image only
        """Logs the metrics after each round, as the container's log has them: a tab appears as ``#011``."""

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002 - XGBoost's signature
            values = "".join(
                f"#011{name}-{metric}:{scores[-1]:.5f}"
                for name, found in evals_log.items()
                for metric, scores in found.items()
            )
            _say(f"[{done + epoch}]{values}")
            return False

    return Log()


def _checkpoint_callback(xgboost: Any, folder: Path, done: int) -> Any:
    class Checkpoint(xgboost.callback.TrainingCallback):  # type: ignore[misc] # the class exists in the image only
        """Saves the model after each round, and keeps the last few."""

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002 - XGBoost's signature
            file = folder / f"{_CHECKPOINT}.{done + epoch}"
            partial = folder / f"{file.name}.sagemaker-ignore"
            model.save_model(str(partial))
            partial.rename(file)
            old = folder / f"{_CHECKPOINT}.{done + epoch - _KEPT_CHECKPOINTS}"
            if old.exists():
                old.unlink()
            return False

    return Checkpoint()


def _resume(checkpoints: Path | None) -> tuple[str | None, int]:
    """Returns the last checkpoint's file and the number of rounds that it has."""
    names = [file.name for file in checkpoints.iterdir()] if checkpoints is not None else []
    rounds = [int(name.rpartition(".")[2]) for name in names if re.fullmatch(rf"{_CHECKPOINT}\.\d+", name)]
    if checkpoints is None or not rounds:
        return None, 0
    last = checkpoints / f"{_CHECKPOINT}.{max(rounds)}"
    _say(f"Checkpoint loaded from {last}")
    _say(f"Resuming from iteration {max(rounds) + 1}")
    return str(last), max(rounds) + 1


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
