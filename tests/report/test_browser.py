"""The page in a real browser: light, dark, and on a phone."""

import json
import platform
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from executions.evaluation import metrics, precision_recall_curve, roc_curve
from report.comparison import compare
from report.comparison_page import comparison_page
from report.facts import Facts, Monitored
from report.page import number, page
from tests.report.conftest import DIFFERENCES, content, evaluation_of
from tests.report.test_monitoring import BASELINE, WINDOW, violation

VIEWS = ("light", "dark", "phone")
PHONE = 390
ALL = [
    *("timeline", "approval", "metrics", "curves", "confusion", "calibration", "inputs", "model", "versions"),
]

pytestmark = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"),
    reason="the npm package with the browser has it for Linux on x86-64 only",
)

Seen = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def open_pages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, str]], dict[str, Seen]]:
    """Opens pages in each view; returns their content by the names of page and view."""

    def open_all(pages: dict[str, str]) -> dict[str, Seen]:
        folder = tmp_path_factory.mktemp("pages")
        for name, text in pages.items():
            (folder / name).with_suffix(".html").write_text(text, encoding="utf-8")
        paths = {name: str((folder / name).with_suffix(".html")) for name in pages}
        script = Path(__file__).parent / "browser.mjs"
        node = Path(sys.executable).with_name("node")
        run = subprocess.run(
            [str(node), str(script), *paths.values()], capture_output=True, text=True, timeout=120, check=False
        )
        assert run.returncode == 0, run.stderr
        seen = json.loads(run.stdout)
        return {name: seen[path] for name, path in paths.items()}

    return open_all


def test_the_pages_in_a_browser(
    facts: Callable[..., Facts], failed: Facts, open_pages: Callable[[dict[str, str]], dict[str, Seen]]
) -> None:
    """Every page has its content, no error, no request and no accessibility violation, and fits a phone."""
    whole = facts()
    local = facts(differences=DIFFERENCES)
    found = Monitored(
        baseline=BASELINE, window=WINDOW, violations={"violations": [violation("age"), violation("colour")]}
    )
    result = {"outcome": "drift", "records": 500, "violations": []}
    watched = facts(monitored=found, content=content() | {"monitoring": {"result": result}})
    compared = comparison_page(compare([whole, failed, facts(name="other", evaluation=evaluation_of(1.0))]))
    seen = open_pages(
        {
            "whole": page(whole),
            "failed": page(failed),
            "local": page(local),
            "watched": page(watched),
            "compared": compared,
        }
    )
    for each, views in seen.items():
        for name in VIEWS:
            # The pictures of a comparison have their data in its tables of runs.
            assert_sound(views[name], phone=name == "phone", with_tables=each != "compared")
        assert views["light"]["background"] != views["dark"]["background"]
    assert_complete(seen["whole"]["light"], whole)
    assert_shows_failure(seen["failed"]["phone"])
    assert seen["local"]["phone"]["sections"] == [*ALL, "differences"]
    assert seen["compared"]["phone"]["sections"] == ["runs", "differences", "curves"]
    assert "monitoring" in seen["watched"]["phone"]["sections"]
    assert "pandas 1.1.3" in seen["local"]["phone"]["text"]["differences"]


def assert_sound(view: dict[str, Any], *, phone: bool, with_tables: bool) -> None:
    """The page has no errors and is accessible."""
    assert view["console"] == view["errors"] == []
    assert [url.partition(":")[0] for url in view["requests"]] == ["file"]
    assert view["violations"] == []
    assert view["width"] <= PHONE or not phone
    levels = [level for level, _ in view["headings"]]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for picture in view["pictures"]:
        assert picture["label"]
        assert picture["tables"] or not with_tables
        assert picture["width"] > 200
        assert all(length > 100 for length in picture["lines"])


def assert_complete(view: dict[str, Any], facts: Facts) -> None:
    """The page has every section, with the numbers of the evaluation report."""
    report = facts.evaluation or {}
    assert view["sections"] == ALL
    assert view["headings"][0] == [1, "Approved and deployed"]
    expected = {metric.path: (metric.value, number(metric.value)) for metric in metrics(report)}
    assert {path: (float(exact), shown) for path, (exact, shown) in view["metrics"].items()} == expected
    assert (
        expected["binary_classification_metrics.auc.value"][0]
        == report["binary_classification_metrics"]["auc"]["value"]
    )
    matrix = report["binary_classification_metrics"]["confusion_matrix"]
    assert view["numbers"]["confusion"] == [matrix[true][predicted] for true in "01" for predicted in "01"]
    bins = [
        [item["records"], item["mean_probability"], item["share_of_class_1"]] for item in report["calibration"]["bins"]
    ]
    assert view["numbers"]["calibration"] == [value for row in bins for value in row]
    points = view["numbers"]["curves"]
    shown = list(zip(points[::2], points[1::2], strict=True))
    assert set(shown) <= {*(roc_curve(report) or ()), *(precision_recall_curve(report) or ())}
    assert len(shown) > 15
    assert len(view["pictures"]) == 3


def assert_shows_failure(view: dict[str, Any]) -> None:
    """The page says what failed and why, escapes the log, and lists what is unavailable."""
    assert view["headings"][0] == [1, "Training failed"]
    assert view["sections"] == ["failure", "timeline", "inputs", "versions", "absent"]
    assert "max_iter is '0'" in view["text"]["failure"]
    assert "<script>alert('max_iter')</script> & more" in view["text"]["failure"]
    assert "this run made no evaluation" in view["text"]["absent"]
    assert "not reached" in view["text"]["timeline"]
