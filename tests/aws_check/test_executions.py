"""The answers that scenarios read from how their executions end."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from aws_check.assumptions import CONFIRMED, NOT_SETTLED, REFUTED, Answer
from aws_check.context import Context, Ended, NotPossibleError, NotRedrivableError, ScenarioError
from aws_check.history import Failure
from aws_check.scenarios.redrive import failed_job
from aws_check.scenarios.rejected import rejected
from aws_check.scenarios.shipped import shipped
from aws_check.scenarios.update import update
from executions.progress import FAILED, SUCCEEDED, StageProgress
from tests.aws_check.account import SHIPPED


@dataclass(kw_only=True)
class Script(Context):
    """A context whose executions end as the test says."""

    runs: list[Ended] = field(default_factory=list)
    redriven: Ended | Exception | None = None
    found: list[Failure] = field(default_factory=list)
    overrides: list[dict[str, Any]] = field(default_factory=list)
    reported: str | None = None

    def report(self, execution: str) -> str | None:  # noqa: ARG002 - the base's signature
        """The test's."""
        return self.reported

    def run(self, overrides: dict[str, Any]) -> Ended:
        """Ends as the next of ``runs``."""
        self.overrides.append(overrides)
        return self.runs.pop(0)

    def redrive(self, ended: Ended) -> Ended:  # noqa: ARG002 - the base's signature
        """Ends as ``redriven``."""
        if isinstance(self.redriven, Exception):
            raise self.redriven
        assert self.redriven is not None
        return self.redriven

    def failures(self, arn: str) -> list[Failure]:  # noqa: ARG002 - the base's signature
        """The test's."""
        return self.found

    def put(self, name: str, content: bytes) -> None:
        """Uploads nothing."""


@pytest.fixture
def script(context: Context) -> Script:
    """A deployment in which the shipped input has run."""
    return Script(**vars(context))


def ended(status: str, *, error: str = "", cause: str = "", stages: dict[str, str], **data: Any) -> Ended:
    progress = {key: StageProgress(status=stage) for key, stage in stages.items()}
    return Ended(arn="arn", name=SHIPPED, status=status, error=error, cause=cause, stages=progress, data=data)


def observed(playing: Iterator[Answer]) -> tuple[dict[int, str], str]:
    """The verdicts by number, and the message of the scenario's failure."""
    found: dict[int, str] = {}
    try:
        for answer in playing:
            found[answer.number] = answer.verdict
    except ScenarioError as error:
        return found, str(error)
    return found, ""


JOB_FAILED = ended("FAILED", error="States.TaskFailed", cause="not yet", stages={"preprocessing": FAILED})


def redriven_job(name: str) -> Ended:
    return ended(
        "SUCCEEDED", stages={"preprocessing": SUCCEEDED}, preprocessing={"result": {"ProcessingJobName": name}}
    )


@pytest.mark.parametrize(
    ("redriven", "verdicts", "failure"),
    [
        (redriven_job(f"{SHIPPED}-r1"), {4: CONFIRMED}, ""),
        (
            ended("FAILED", error="SageMaker.ResourceInUseException", cause="name taken", stages={}),
            {4: REFUTED},
            "the redriven job was refused: name taken",
        ),
        (NotRedrivableError("not this one"), {}, "not this one"),
    ],
    ids=["new name", "same name", "not redrivable"],
)
def test_failed_job(redriven: Any, verdicts: dict[int, str], failure: str, script: Script) -> None:
    """A redriven job with a name of its own confirms; one whose name is taken refutes, and fails the scenario."""
    script.runs, script.redriven = [JOB_FAILED], redriven
    assert observed(failed_job(script)) == (verdicts, failure)


def test_job_that_should_fail(script: Script) -> None:
    """A job that does not fail is a failure of the scenario."""
    script.runs = [redriven_job(SHIPPED)]
    verdicts, failure = observed(failed_job(script))
    assert verdicts == {}
    assert "should end as FAILED States.TaskFailed, but is SUCCEEDED" in failure


REFUSED = ended("FAILED", error="SageMaker.X", cause="Could not find model data", stages={"CreateModel": FAILED})


def updated(body: str) -> Ended:
    result = {"smoke_test": {"Body": body, "ContentType": "text/csv"}}
    return ended("SUCCEEDED", stages={"CreateModel": SUCCEEDED}, deployment={"result": result})


@pytest.mark.parametrize(
    ("body", "verdicts"),
    [
        ("received aws-check", {5: CONFIRMED, 6: CONFIRMED}),
        ('received "aws-check"\n', {5: CONFIRMED, 6: CONFIRMED}),
        ("received YXdzLWNoZWNr", {5: REFUTED, 6: CONFIRMED}),
        ("cmVjZWl2ZWQgYXdzLWNoZWNr", {6: REFUTED}),
    ],
    ids=["as it is", "in quotes", "encoded request", "encoded answer"],
)
def test_what_becomes_of_a_text(body: str, verdicts: dict[int, str], script: Script) -> None:
    """A text may arrive as it is or in quotes; anything else is refuted."""
    script.runs, script.redriven = [REFUSED], updated(body)
    assert observed(update(script)) == ({13: CONFIRMED} | verdicts, "")
    assert script.echoing == SHIPPED


@pytest.mark.parametrize(
    ("error", "verdict"), [(NotRedrivableError("no"), REFUTED), (NotPossibleError("here"), NOT_SETTLED)]
)
def test_without_a_redrive_the_update_is_started_anew(error: Exception, verdict: str, script: Script) -> None:
    """The rest of the scenario needs none."""
    script.runs, script.redriven = [REFUSED, updated("received aws-check")], error
    verdicts, failure = observed(update(script))
    assert (verdicts[13], verdicts[5], failure) == (verdict, CONFIRMED, "")
    assert script.overrides[0] == script.overrides[1]


def test_a_redrive_that_does_not_return_to_the_task(script: Script) -> None:
    """It refutes the assumption, and fails the scenario."""
    script.runs, script.redriven = [REFUSED], REFUSED
    verdicts, failure = observed(update(script))
    assert verdicts == {13: REFUTED}
    assert "should end as SUCCEEDED" in failure


TRANSFORM = {"input": {"TransformOutput": {"S3OutputPath": "s3://bucket/batch"}}}


def missing(cause: str) -> list[Failure]:
    return [Failure(state="deployment: endpoint", error="SageMaker.SageMakerException", cause=cause)]


@pytest.mark.parametrize(("reported", "verdict"), [("s3://bucket/report.html", CONFIRMED), (None, NOT_SETTLED)])
def test_shipped(script: Script, reported: str | None, verdict: str) -> None:
    """With the smallest instances, every stage has run; later scenarios get its name."""
    script.shipped, script.reported = None, reported
    script.found = missing('Could not find endpoint "arn"')
    script.runs = [ended("SUCCEEDED", stages={"preprocessing": SUCCEEDED}, batchTransform=TRANSFORM)]
    assert observed(shipped(script)) == ({15: CONFIRMED, 2: CONFIRMED, 11: NOT_SETTLED, 17: verdict}, "")
    assert script.shipped == SHIPPED
    assert str(script.overrides).count("ml.m5.large") == 4


def test_shipped_that_fails_before_the_endpoint(script: Script) -> None:
    """Another text for a missing endpoint refutes, though the execution fails of it."""
    script.shipped = None
    script.found = missing("endpoint does not exist")
    script.runs = [ended("FAILED", error="e", cause="c", stages={"preprocessing": SUCCEEDED})]
    verdicts, failure = observed(shipped(script))
    assert verdicts == {15: CONFIRMED, 2: REFUTED}
    assert "should end as SUCCEEDED, but is FAILED e: c" in failure
    assert script.shipped is None


def test_rejected(script: Script) -> None:
    """It reads the shipped input's model, and asks for more than it can do; an approval fails the scenario."""
    script.runs = [ended("FAILED", error="ModelRejected", cause="0.95 < 1.0", stages={}), ended("SUCCEEDED", stages={})]
    assert observed(rejected(script)) == ({}, "")
    assert script.overrides[0]["source_execution_id"] == SHIPPED
    assert script.overrides[0]["training"] == {"run": False}
    assert "should end as FAILED ModelRejected" in observed(rejected(script))[1]
