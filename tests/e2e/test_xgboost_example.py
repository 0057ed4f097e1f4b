"""The example of the built-in XGBoost, after the tests that need the shipped input's model in the environment."""

import pytest

from tests.e2e.checkout import SAMPLE, Checkout

pytestmark = pytest.mark.emulator


def test_built_in_xgboost_runs(checkout: Checkout) -> None:
    """The example of the built-in XGBoost runs to its endpoint: training, evaluation, approval, batch and serving."""
    example = checkout.folder / "examples" / "xgboost"
    shorter = 'training.input.HyperParameters.num_round="20"'
    given = ("--data", str(SAMPLE), "--input", str(example / "input.yaml"), "--scripts", str(example))
    printed = checkout.mlops("local", "run", *given, "--override", shorter)
    statuses = {key: stage["status"] for key, stage in checkout.summary["stages"].items()}
    assert statuses.pop("monitoring") == "SKIPPED"
    assert set(statuses.values()) == {"SUCCEEDED"}
    assert checkout.summary["metrics"]["roc_auc"] > 0.85
    assert "[0]#011train-logloss:" in printed
    predictions = (checkout.folder / checkout.summary["predictions"]).read_text().splitlines()
    assert len(predictions) == 400
    assert all(0 < float(probability) < 1 for probability in predictions)
