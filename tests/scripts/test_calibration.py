"""The calibration of the probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from calibration import BINS, calibration


def synthetic(records: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and the probabilities of an overconfident model."""
    random = np.random.default_rng(0)
    probabilities = random.random(records)
    return (random.random(records) < (probabilities + 0.5) / 2).astype(int), probabilities


def test_bins_are_those_of_scikit_learn() -> None:
    """Each bin matches scikit-learn's mean probability and share of class 1, and the bins have all records."""
    from sklearn.calibration import calibration_curve  # noqa: PLC0415 - slow to import
    from sklearn.metrics import brier_score_loss  # noqa: PLC0415 - as above

    labels, probabilities = synthetic(5000)
    found = calibration(labels, probabilities)
    shares, means = calibration_curve(labels, probabilities, n_bins=BINS)
    assert [bin_["share_of_class_1"] for bin_ in found["bins"]] == pytest.approx(shares.tolist())
    assert [bin_["mean_probability"] for bin_ in found["bins"]] == pytest.approx(means.tolist())
    assert sum(bin_["records"] for bin_ in found["bins"]) == len(labels)
    assert found["brier_score"]["value"] == pytest.approx(brier_score_loss(labels, probabilities))


def test_certainty_and_empty_bins() -> None:
    """A probability of 1 is in the last bin, and empty bins are omitted."""
    found = calibration(np.array([0, 1, 1]), np.array([0.0, 1.0, 1.0]))
    assert [(bin_["from"], bin_["to"], bin_["records"]) for bin_ in found["bins"]] == [(0.0, 0.1, 1), (0.9, 1.0, 2)]
    assert found["brier_score"]["value"] == 0.0


def test_deviation_of_the_brier_score() -> None:
    """The Brier score's deviation matches its spread over many resamples."""
    labels, probabilities = synthetic(400)
    random = np.random.default_rng(1)
    draws = [random.integers(0, 400, 400) for _ in range(2000)]
    scores = [calibration(labels[draw], probabilities[draw])["brier_score"]["value"] for draw in draws]
    found = calibration(labels, probabilities)["brier_score"]["standard_deviation"]
    assert found == pytest.approx(float(np.std(scores)), rel=0.1)
    assert calibration(labels[:1], probabilities[:1])["brier_score"]["standard_deviation"] == "NaN"
