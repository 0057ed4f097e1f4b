"""Checks and converts the hyperparameters, with the names, limits and messages of AWS's container.

Source: ``algorithm_mode/hyperparameter_validation.py`` of https://github.com/aws/sagemaker-xgboost-container.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .errors import UserError

if TYPE_CHECKING:  # Python 3.8 cannot evaluate it
    Check = Callable[[str], Any]
    """Converts a value. Raises ValueError if it cannot be converted, UserError if it is not allowed."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MAXIMIZED = _words(
    "accuracy auc aucpr balanced_accuracy f1 f1_binary f1_macro map ndcg precision precision_macro "
    "precision_micro r2 recall recall_macro recall_micro"
)
"""Metrics of which more is better."""
_MINIMIZED = _words(
    "aft-nloglik cox-nloglik error gamma-deviance gamma-nloglik interval-regression-accuracy logloss mae mape "
    "merror mlogloss mphe mse poisson-nloglik rmse rmsle tweedie-nloglik"
)
CUSTOM_METRICS = _words(
    "accuracy balanced_accuracy f1 f1_binary f1_macro mse precision precision_macro precision_micro r2 recall "
    "recall_macro recall_micro"
)
"""Metrics that the container computes itself, because XGBoost does not have them."""
_WITH_THRESHOLD = ("error", "ndcg", "map")

_OBJECTIVES = (
    "aft_loss_distribution binary:logistic binary:logitraw binary:hinge count:poisson multi:softmax multi:softprob "
    "rank:pairwise rank:ndcg rank:map reg:linear reg:squarederror reg:logistic reg:gamma reg:pseudohubererror "
    "reg:squaredlogerror reg:tweedie survival:aft survival:cox"
)
_UPDATERS = (
    "grow_colmaker distcol grow_histmaker grow_local_histmaker grow_skmaker grow_quantile_histmaker sync refresh prune "
    "shotgun coord_descent"
)
_ALIASES = {"learning_rate": "eta", "min_split_loss": "gamma", "reg_lambda": "lambda", "reg_alpha": "alpha"}


def validate(given: Mapping[str, str]) -> dict[str, Any]:
    """Returns the hyperparameters with converted values, under their first names.

    Args:
        given: as in ``hyperparameters.json``.

    Raises:
        UserError: one is missing, unknown or not allowed.
    """
    named = {_ALIASES.get(name, name): value for name, value in given.items()}
    if "num_round" not in named:
        raise UserError("Missing required hyperparameter: num_round")
    converted = {}
    for name, value in named.items():
        if name not in _CHECKS:
            raise UserError(f"Extraneous hyperparameter found: {name}")
        try:
            converted[name] = _CHECKS[name](str(value))
        except (ValueError, SyntaxError) as error:
            raise UserError(f"Hyperparameter {name}: could not parse value {value!r}") from error
        except UserError as error:
            raise UserError(f"Hyperparameter {name}: {error}") from error
    _check_together(converted)
    return converted


def _check_together(converted: Mapping[str, Any]) -> None:
    """Raises UserError for hyperparameters that do not fit each other."""
    objective = converted.get("objective")
    if objective in ("multi:softmax", "multi:softprob") and "num_class" not in converted:
        raise UserError("Require input for parameter 'num_class' for multi-classification")
    if objective is None and "num_class" in converted:
        raise UserError("Do not need to setup parameter 'num_class' for learning task other than multi-classification.")
    metrics = converted.get("eval_metric", ())
    if "auc" in metrics and not str(objective).startswith(("binary:", "rank:")):
        raise UserError("Metric 'auc' can only be applied for classification and ranking problems.")
    if "aft-nloglik" in metrics and objective != "survival:aft":
        raise UserError("Metric 'aft-nloglik' can only be applied for 'survival:aft' objective.")
    for name, methods in (("monotone_constraints", "exact hist"), ("interaction_constraints", "exact hist approx")):
        if name in converted and converted.get("tree_method") not in methods.split():
            raise UserError(f"{name} can be used only when tree_method is one of: {', '.join(methods.split())}")


def _number(convert: Callable[[str], float], interval: str) -> Check:
    """A number within an interval, such as ``[0, 1)``."""
    low, high = (float(end) for end in interval[1:-1].split(","))

    def check(text: str) -> float:
        value = convert(text)
        above = value >= low if interval[0] == "[" else value > low
        below = value <= high if interval[-1] == "]" else value < high
        if math.isnan(value) or not (above and below):
            raise UserError(f"{value} is not in {interval}")
        return value

    return check


def _integer(interval: str) -> Check:
    return _number(int, interval)


def _real(interval: str) -> Check:
    return _number(float, interval)


def _one_of(words: str) -> Check:
    def check(text: str) -> str:
        if text not in words.split():
            raise UserError(f"{text} is not in {words.split()}")
        return text

    return check


def _updaters(text: str) -> str:
    for word in text.split(","):
        _one_of(_UPDATERS)(word)
    return text


def _metrics(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        metric, at, threshold = name.partition("@")
        if at and metric.strip() not in _WITH_THRESHOLD:
            raise UserError(f"Metric {name!r} is not supported. With a threshold: {', '.join(_WITH_THRESHOLD)}")
        if at:
            float(threshold.strip().rstrip("-"))
        elif name not in MAXIMIZED | _MINIMIZED:
            raise UserError(f"value {names} not in range {sorted(MAXIMIZED | _MINIMIZED)}")
    return names


def _tuning_metric(text: str) -> str:
    segment, _, name = text.partition(":")
    if segment not in ("train", "validation"):
        raise UserError(f"{text} does not begin with train: or validation:")
    _metrics(name)
    return text


def _monotone(text: str) -> tuple[int, ...]:
    value = ast.literal_eval(text)
    if not isinstance(value, tuple) or any(item not in (-1, 0, 1) for item in value):
        raise UserError(f"value {text} not in range [-1, 0, 1]")
    return value


def _interaction(text: str) -> list[list[int]]:
    value: list[list[int]] = ast.literal_eval(text)
    if not isinstance(value, list) or not all(isinstance(group, list) for group in value):
        raise UserError(f"{text} is not a list of lists")
    return value


_SWITCH, _TRUTH = _integer("[0, 1]"), _one_of("true false")
_PART, _SHARE, _POSITIVE = _real("(0, 1]"), _real("[0, 1]"), _real("[0, inf)")
_CHECKS: dict[str, Check] = {
    "num_round": _integer("[1, inf)"),
    "csv_weights": _SWITCH,
    "early_stopping_rounds": _integer("[1, inf)"),
    "booster": _one_of("gbtree gblinear dart"),
    "verbosity": _integer("[0, 3]"),
    "nthread": _integer("[1, inf)"),
    "eta": _SHARE,
    "gamma": _POSITIVE,
    "max_depth": _integer("[0, inf)"),
    "min_child_weight": _POSITIVE,
    "max_delta_step": _POSITIVE,
    "subsample": _PART,
    "colsample_bytree": _PART,
    "colsample_bylevel": _PART,
    "colsample_bynode": _PART,
    "lambda": _POSITIVE,
    "alpha": _POSITIVE,
    "tree_method": _one_of("auto exact approx hist gpu_hist"),
    "sketch_eps": _real("(0, 1)"),
    "scale_pos_weight": _real("(0, inf)"),
    "updater": _updaters,
    "dsplit": _one_of("row col"),
    "refresh_leaf": _SWITCH,
    "process_type": _one_of("default update"),
    "grow_policy": _one_of("depthwise lossguide"),
    "max_leaves": _integer("[0, inf)"),
    "max_bin": _integer("[0, inf)"),
    "predictor": _one_of("auto cpu_predictor gpu_predictor"),
    "monotone_constraints": _monotone,
    "interaction_constraints": _interaction,
    "sample_type": _one_of("uniform weighted"),
    "normalize_type": _one_of("tree forest"),
    "rate_drop": _SHARE,
    "one_drop": _SWITCH,
    "skip_drop": _SHARE,
    "lambda_bias": _SHARE,
    "tweedie_variance_power": _real("(1, 2)"),
    "objective": _one_of(_OBJECTIVES),
    "num_class": _integer("[2, inf)"),
    "base_score": _POSITIVE,
    "_kfold": _integer("[2, inf)"),
    "_num_cv_round": _integer("[1, inf)"),
    "_tuning_objective_metric": _tuning_metric,
    "eval_metric": _metrics,
    "seed": _integer("(-2147483648, 2147483647)"),
    "num_parallel_tree": _integer("[1, inf)"),
    "save_model_on_termination": _TRUTH,
    "aft_loss_distribution": _one_of("normal logistic extreme"),
    "aft_loss_distribution_scale": _POSITIVE,
    "single_precision_histogram": _TRUTH,
    "deterministic_histogram": _TRUTH,
    "sampling_method": _one_of("uniform gradient_based"),
    "prob_buffer_row": _integer("(1, inf)"),
}
