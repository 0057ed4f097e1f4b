"""A model's baseline: what its records and its scores looked like when it was evaluated.

``statistics.json`` and ``constraints.json`` are in SageMaker Model Monitor's layouts:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-statistics.html,
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-constraints.html. The statistics of the features are
those of the training and test records together, the scores and ``quality``, which is this project's own, those of the
test records, which training has not seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import late_quality
from columns import CATEGORY, NUMBER
from job import JobError
from record_statistics import RecordStatistics
from schema import MULTICLASS, REGRESSION, Schema

# The smallest effects that count, unless constraints.json has others.
EFFECTS = {
    "psi": 0.05,
    "jensen_shannon": 0.009,
    "kolmogorov_smirnov": 0.07,
    "category_share": 0.15,  # Cohen's h
    "missing": 0.05,  # h
    "not_a_number": 0.05,  # h
    "unknown_categories": 0.05,  # h
    "range": 0.001,  # a share
    "quality": 0.02,  # of auc, accuracy, precision, recall, f1 and r2
    "quality_error": 0.05,  # of the Brier score and the errors of numbers, a share of the baseline's
    "calibration": 0.01,  # a share
}
FALSE_ALARM_RATE = 0.001

STATISTICS, CONSTRAINTS = "statistics.json", "constraints.json"

# The maximum number of categories that constraints.json lists; "for small cardinality", as Model Monitor says.
DOMAIN = 100


class Baseline(NamedTuple):
    """The contents of both files."""

    statistics: dict[str, Any]
    constraints: dict[str, Any]

    @property
    def features(self) -> list[dict[str, str]]:
        """The features, as a schema has them."""
        return [{"name": entry["name"], "type": _type(entry)} for entry in self.statistics["features"]]

    @property
    def scores(self) -> list[dict[str, str]]:
        """The model's answers, in the order of their values, like the features."""
        return [{"name": entry["name"], "type": _type(entry)} for entry in self.statistics["scores"]]

    @property
    def quality(self) -> dict[str, Any]:
        """What the model predicts, and its quality on the test records.

        Raises:
            JobError: there is none.
        """
        found = self.statistics.get("quality")
        if not isinstance(found, dict):
            raise JobError(f"{STATISTICS} has no quality to compare labels with; evaluate the model again")
        return found


def _type(entry: Mapping[str, Any]) -> str:
    if "numerical_statistics" in entry:
        return NUMBER
    return CATEGORY if "distribution" in entry["string_statistics"] else "text"


def write(
    folder: Path,
    schema: Schema,
    *,
    train: pd.DataFrame | None,
    test: pd.DataFrame,
    labels: np.ndarray,
    predictions: np.ndarray,
) -> None:
    """Writes both files.

    Args:
        folder: the folder to write to.
        schema: the model's.
        train: the training records, as ``rows.read_rows`` returns them, if they are at hand.
        test: the test records.
        labels: their labels: the numbers of classes, or the numbers to predict.
        predictions: those of the test records, as ``model.predict`` returns them.
    """
    profile = RecordStatistics([feature.as_json() for feature in schema.features])
    if train is not None:
        profile.add(train)
    answers = _answers(schema, predictions)
    profile.add(test, answers)
    statistics = profile.statistics()
    _, same, identical = np.unique(
        pd.util.hash_pandas_object(test, index=False).to_numpy(), return_inverse=True, return_counts=True
    )
    # How many records say as much as an independent one, given that identical ones come together.
    effect = float((identical.astype(float) ** 2).sum() / identical.sum())
    quality = late_quality.quality_of(schema.label, schema.problem, schema.classes, labels, answers)
    effects = late_quality.design_effects(quality, labels, answers, same)
    statistics["quality"] = dict(quality, design_effects=effects)
    for entry in statistics["scores"] if train is not None else statistics["features"] + statistics["scores"]:
        entry["design_effect"] = effect
    for name, content in ((STATISTICS, statistics), (CONSTRAINTS, constraints_of(statistics))):
        (folder / name).write_text(json.dumps(content, separators=(",", ":"), allow_nan=False), encoding="utf-8")


def _answers(schema: Schema, predictions: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the predictions as ``inference.py`` answers them."""
    if schema.problem == MULTICLASS:
        labels = np.array(schema.classes)[predictions.argmax(axis=1)]
        return {"probability": predictions.max(axis=1), "label": labels}
    return {"prediction" if schema.problem == REGRESSION else "probability": predictions.astype(float)}


def constraints_of(statistics: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the constraints that the statistics suggest, as ``constraints.json``.

    ``false_alarm_rate`` and ``smallest_effects`` are this project's own: see ``drift.py``.
    """
    return {
        "version": 0.0,
        "features": [_constraint(entry) for entry in statistics["features"]],
        "monitoring_config": {
            "evaluate_constraints": "Enabled",
            "emit_metrics": "Enabled",
            "datatype_check_threshold": 1.0,
            "domain_content_threshold": 1.0,
            "distribution_constraints": {
                "perform_comparison": "Enabled",
                "comparison_threshold": EFFECTS["kolmogorov_smirnov"],
                "comparison_method": "Robust",
                "categorical_comparison_threshold": EFFECTS["category_share"],
                "categorical_drift_method": "LInfinity",
            },
            "false_alarm_rate": FALSE_ALARM_RATE,
            "smallest_effects": EFFECTS,
        },
    }


def _constraint(entry: Mapping[str, Any]) -> dict[str, Any]:
    numbers, texts = entry.get("numerical_statistics"), entry.get("string_statistics")
    common = (numbers or texts)["common"]  # type: ignore[index] # one of them is there
    records = common["num_present"] + common["num_missing"]
    found = {
        "name": entry["name"],
        "inferred_type": entry["inferred_type"],
        "completeness": common["num_present"] / records if records else 1.0,
    }
    if numbers:
        found["num_constraints"] = {"is_non_negative": numbers.get("min", 0.0) >= 0}
    elif texts and "distribution" in texts and texts["distinct_count"] <= DOMAIN:
        buckets = texts["distribution"]["categorical"]["buckets"]
        found["string_constraints"] = {"domains": sorted(bucket["value"] for bucket in buckets)}
    return found


def read(folder: Path) -> Baseline:
    """Reads a baseline.

    Raises:
        JobError: a file is missing or is none, or both do not have the same features.
    """
    statistics, constraints = (_json(folder / name) for name in (STATISTICS, CONSTRAINTS))
    found = Baseline(statistics, constraints)
    try:
        names = [[feature["name"] for feature in content["features"]] for content in found]
        config = constraints["monitoring_config"]
        complete = bool(found.features) and isinstance(config, dict) and isinstance(found.scores, list)
    except (KeyError, TypeError, AttributeError) as error:
        raise JobError(f"{folder / STATISTICS} and {CONSTRAINTS} are not a baseline: {error!r}") from error
    if not complete or names[0] != names[1]:
        raise JobError(f"{folder / STATISTICS} and {CONSTRAINTS} do not have the same features")
    return found


def _json(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise JobError(f"no {file.name} in {file.parent}: there is no baseline; evaluation.py writes it")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise JobError(f"{file} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise JobError(f"{file} is not a JSON object")
    return content
