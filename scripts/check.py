"""A comparison of a window with the baseline, and what all comparisons share. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

_BY_SHARE = {"missing": "completeness_check", "unknown_categories": "categorical_values_check"}


class Check(NamedTuple):
    """A comparison, which found too much if ``exceeded``."""

    feature: str
    """Or the metric."""
    check: str
    value: float
    threshold: float
    exceeded: bool
    description: str

    @property
    def constraint(self) -> str:
        """The type of the check in Model Monitor's ``constraint_violations.json``."""
        if self.check == "not_a_number":
            return "data_type_check"
        return _BY_SHARE.get(self.check, "baseline_drift_check")


class Levels(NamedTuple):
    """What a window's comparisons share: the probability of a false alarm of each, and the smallest effects."""

    alpha: float
    effects: Mapping[str, float]
    normal: float
    """The standard normal distribution's two-sided critical value at alpha."""
