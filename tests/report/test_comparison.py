"""Comparing executions: what differs, which is best, and the page."""

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pipeline.input import OVERRIDES
from report.comparison import compare
from report.comparison_page import comparison_page
from report.facts import Facts, StoredObject
from tests.report.conftest import AUC, NAME, START, content, evaluation_of

MAX_ITER = "training.input.HyperParameters.max_iter"
Make = Callable[..., Facts]


@pytest.fixture
def run(facts: Make) -> Make:
    """Makes the facts of an execution with these iterations, this strength of its model, and these files."""

    def make(name: str, *, iterations: str = "20", strength: float = 2.0, **files: str) -> Facts:
        data = content()
        data["training"]["input"]["HyperParameters"]["max_iter"] = iterations
        published = tuple(
            StoredObject(
                uri=f"s3://bucket/demo/scripts/{file}.py", size=1, etag=etag * 16, version=None, modified=START
            )
            for file, etag in files.items()
        )
        evaluation = evaluation_of(strength) if strength else None
        return facts(name=name, content=data, evaluation=evaluation, published=published)

    return make


def test_only_what_differs(run: Make) -> None:
    """Parameters and files that are the same in all executions are left out."""
    found = compare(
        [run("one", iterations="20", train="ab", evaluate="cd"), run("two", iterations="40", train="ab", evaluate="ef")]
    )
    assert [(column.path, column.title, column.values) for column in found.differences] == [
        (MAX_ITER, "max_iter", ("20", "40")),
        ("s3://bucket/demo/scripts/evaluate.py", "evaluate.py", ("cdcdcdcd", "efefefef")),
    ]


def test_same_executions_do_not_differ(run: Make) -> None:
    """The executions' own names in their URIs, their results and their overrides are no differences."""
    one, two = run("one"), run("two")
    two.content["training"]["result"] = {"ModelArtifacts": {"S3ModelArtifacts": "s3://bucket/elsewhere"}}
    two.content[OVERRIDES] = {"training": {"run": True}}
    one.content["training"]["input"]["OutputDataConfig"] = {"S3OutputPath": f"s3://bucket/{one.name}/model"}
    two.content["training"]["input"]["OutputDataConfig"] = {"S3OutputPath": f"s3://bucket/{two.name}/model"}
    assert compare([one, two]).differences == ()


def test_a_reused_stage_is_no_difference(run: Make) -> None:
    """An execution that reused a stage of another is compared as if it had run the stage itself."""
    one, two = run("one"), run("two")
    one.content["training"]["input"]["OutputDataConfig"] = {"S3OutputPath": "s3://bucket/one/model"}
    one.content["training"]["depends_on"] = {"sources": {}}
    two.content["training"]["input"]["OutputDataConfig"] = {"S3OutputPath": "s3://bucket/one/model"}
    two.content["training"] |= {"run": False, "reused": "one"}
    assert compare([one, two]).differences == ()


def test_an_execution_of_an_earlier_release_is_compared(run: Make) -> None:
    """It has neither the newer stages nor reuse in its input: what it lacks is a difference, and its metrics count."""
    old, new = run("old", strength=1.0), run("new")
    new.content["training"] |= {"record": {"key": "k", "replaces": ""}, "depends_on": {"reads": {}}}
    new.content.update({"reuse": True, "monitoring": {"run": False}})
    found = compare([new, old])
    assert {column.path: column.values for column in found.differences} == {
        "reuse": ("true", None),
        "monitoring.run": ("false", None),
    }
    assert found.metrics[0].values[1] is not None
    assert "<code>old</code>" in comparison_page(found)


def test_a_file_that_only_one_has(run: Make) -> None:
    """A file that was added is a difference; the other execution has none."""
    (column,) = compare([run("one", train="ab"), run("two", train="ab", more="cd")]).differences
    assert (column.title, column.text(0), column.text(1)) == ("more.py", "–", "cdcdcdcd")


def test_many_files_are_one_difference(run: Make) -> None:
    """If many files below a prefix differ, they are one column with a hash of all of them."""
    one, two = ({f"file{number}": etag for number in range(9)} for etag in ("ab", "cd"))
    found = compare([run("one", **one), run("two", **two), run("three", **one)])
    (column,) = found.differences
    assert column.title == "scripts/"
    assert column.values[0] == column.values[2] != column.values[1]


def test_titles_are_unique(run: Make) -> None:
    """Two parameters with the same last part are told apart by the part before."""
    one, two = run("one"), run("two")
    for key in ("training", "CreateModel"):
        two.content[key]["run"] = False
    assert [column.title for column in compare([one, two]).differences] == ["training.run", "CreateModel.run"]


def test_best_of_each_metric(run: Make) -> None:
    """The highest value is the best, the lowest for an error; the metric that the approval checks comes first."""
    found = compare([run("weak", strength=1.0), run("none", strength=0), run("strong", strength=3.0)])
    assert found.metrics[0].path == AUC
    assert found.metrics[0].values[1] is None
    best = {column.title: set(column.best) for column in found.metrics}
    assert best["auc"] == {2}
    assert best["brier_score"] == {2}
    assert best["false_negative_rate"] == {2}


def test_no_best_of_equals(run: Make) -> None:
    """If all values are equal, none is marked."""
    assert all(not column.best for column in compare([run("one"), run("two")]).metrics)


@pytest.mark.parametrize(("limit", "best"), [({"maximum": 1}, 0), ({"minimum": 0.5}, 1), ({}, 1)])
def test_approval_says_which_is_better(run: Make, limit: dict[str, Any], best: int) -> None:
    """A metric with a maximum and no minimum is better if it is lower."""
    runs = [run("weak", strength=1.0), run("strong", strength=3.0)]
    for each in runs:
        each.content["approval"]["metrics"] = [{"name": AUC, **limit}]
    assert compare(runs).metrics[0].best == {best}


def test_sort(run: Make) -> None:
    """Numbers are sorted as numbers, and executions without a value come last."""
    names = {"a": "100", "b": "20", "c": "3"}
    found = compare([run(name, iterations=value) for name, value in names.items()])
    column = found.column("max_iter")
    assert column is not None
    assert [each.name for each in found.sorted_by(column, lower_first=True).runs] == ["c", "b", "a"]
    assert [each.name for each in found.sorted_by(column, lower_first=False).runs] == ["a", "b", "c"]
    found = compare([run("none", strength=0), run("weak", strength=1.0), run("strong", strength=3.0)])
    ordered = found.sorted_by(found.metrics[0], lower_first=False)
    assert [each.name for each in ordered.runs] == ["strong", "weak", "none"]
    assert found.column("nothing") is None


def test_page(run: Make) -> None:
    """The page has every execution, marks the best, draws curves, trend and parameter, and links to the reports."""
    runs = [
        dataclasses.replace(
            run(f"run-{number}", iterations=str(number * 10), strength=number), started=START + timedelta(days=number)
        )
        for number in (1, 2, 3)
    ]
    html = comparison_page(compare(runs), {"run-2": "report-run-2.html"})
    assert '<a href="report-run-2.html"><code>run-2</code></a>' in html
    assert "The best auc is" in html
    assert html.count("<svg") == 3
    assert "auc by max_iter" in html
    assert html.count('class="many c') == 3
    assert '<td class="n">7</td>' in html


def test_page_escapes(run: Make) -> None:
    """Nothing from an execution becomes markup, and control characters are shown as text."""
    hostile = run("<script>alert(1)</script>", iterations="\x1b[31m<b>")
    html = comparison_page(compare([hostile, run(NAME)]))
    assert "<script" not in html
    assert "\x1b" not in html
    assert "&lt;b&gt;" in html


def test_page_of_one_execution_without_metrics(run: Make) -> None:
    """One execution without an evaluation is a page without curves."""
    html = comparison_page(compare([run("one", strength=0)]))
    assert "1 run compared" in html
    assert "<svg" not in html
