"""The parts of an evaluation report about the columns, thresholds and numbers."""

from executions import evaluation

REPORT = {
    "columns": [
        {
            "name": name,
            "type": "category",
            "bins": ["a", "b"],
            "train": {"records": 10, "missing": 1, "distinct": 2, "shares": [0.6, 0.4]},
            "test": {"records": 0, "missing": 0, "distinct": 0, "shares": []},
        }
        for name in ("first", "second")
    ],
    "feature_importance": {"metric": "auc", "records": 2000, "features": [{"name": "second", "importance": 0.2}]},
    "threshold_trade_off": [
        {"threshold": 0.5, "precision": 0.9, "recall": 0.4, "share_flagged": 0.1},
        {"threshold": "high"},
    ],
    "regression_plots": {
        "predictions": {"true": [1, 2], "predicted": [1.5, 2]},
        "residuals": {"edges": [-1, 0, 1], "records": [3, 4]},
    },
}


def test_the_most_important_column_is_first() -> None:
    """Columns are sorted by importance; shares of unknown values are by side, also of a side without records."""
    first, second = evaluation.columns(REPORT)
    assert (first.name, first.importance, second.importance) == ("second", 0.2, None)
    assert first.missing == (0.1, 0.0)


def test_thresholds_and_numbers() -> None:
    """Cuts, points and the histogram are read; what is malformed is left out."""
    (cut,) = evaluation.trade_off(REPORT)
    assert (cut.threshold, cut.flagged) == (0.5, 0.1)
    assert evaluation.predictions(REPORT) == [(1, 1.5), (2, 2)]
    assert evaluation.residuals(REPORT) == ([-1, 0, 1], [3, 4])


def test_reports_of_other_scripts() -> None:
    """A report without these parts, or with others of the same names, has none of them."""
    for report in ({}, {"columns": 3, "threshold_trade_off": {}, "regression_plots": {"residuals": {"edges": [1]}}}):
        assert not evaluation.columns(report)
        assert not evaluation.trade_off(report)
        assert evaluation.predictions(report) is None
        assert evaluation.residuals(report) is None
