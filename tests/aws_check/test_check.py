"""The course of a check: what is played, and that everything is removed in the end."""

from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from aws_check.assumptions import CONFIRMED, NOT_SETTLED, REFUTED, Answer
from aws_check.check import Findings, run_check
from aws_check.context import Context, NotPossibleError, ScenarioError
from aws_check.scenarios import Scenario
from doctor.account import Caller
from local.errors import LocalError


class Course:
    """A check whose steps only record that they were taken."""

    def __init__(self, *, on_emulator: bool = False) -> None:
        self.steps: list[str] = []
        self.findings = Findings(on_emulator=on_emulator)
        self.left: list[str] = []
        self.failure: BaseException | None = None
        """What the deployment raises."""

    def run(self, *scenarios: Scenario) -> Findings:
        """Runs the check with these scenarios."""
        run_check(
            deploy=self._deploy,
            scenarios=scenarios,
            clean_up=self._clean_up,
            say=lambda _line: None,
            findings=self.findings,
        )
        return self.findings

    def scenario(self, name: str, *yielded: Answer, error: BaseException | None = None, **options: Any) -> Scenario:
        """A scenario that yields these answers, and then raises the error."""

        def play(_context: Context) -> Iterator[Answer]:
            self.steps.append(name)
            yield from yielded
            if error:
                raise error

        return Scenario(name=name, play=play, **options)

    def _deploy(self) -> Context:
        self.steps.append("deploy")
        if self.failure:
            raise self.failure
        target: Any = None
        who = Caller(arn="arn:aws:iam::123456789012:user/ann", account="123456789012", region="eu-west-1")
        return Context(target=target, who=who, console=Console(quiet=True), on_emulator=self.findings.on_emulator)

    def _clean_up(self) -> list[str]:
        self.steps.append("clean up")
        return self.left


def verdict(findings: Findings, number: int) -> tuple[str, str]:
    (found,) = [each for each in findings.verdicts if each["number"] == number]
    return found["verdict"], found["evidence"]


GOOD = Answer(number=2, verdict=CONFIRMED, evidence="Could not find endpoint")


def test_everything_is_removed_after_the_last_scenario() -> None:
    """The scenarios are played in their order on one deployment; then everything is removed."""
    course = Course()
    findings = course.run(course.scenario("one", GOOD), course.scenario("two"))
    assert course.steps == ["deploy", "one", "two", "clean up"]
    assert findings.succeeded
    assert verdict(findings, 2) == (CONFIRMED, "Could not find endpoint")


def test_a_failed_scenario_ends_nothing() -> None:
    """The others are played, what it observed counts, and the check has not succeeded."""
    course = Course()
    failing = course.scenario("one", GOOD, error=ScenarioError("it is\nFAILED"), about=(2, 11))
    findings = course.run(failing, course.scenario("two"))
    assert course.steps == ["deploy", "one", "two", "clean up"]
    assert [(each.status, each.detail) for each in findings.played] == [("failed", "it is FAILED"), ("passed", "")]
    assert verdict(findings, 2)[0] == CONFIRMED
    assert verdict(findings, 11) == (NOT_SETTLED, "it is FAILED")
    assert not findings.succeeded


def test_what_is_not_possible_is_no_failure() -> None:
    """A scenario that the place does not allow is reported with the reason, which is also its assumptions'."""
    course = Course(on_emulator=True)
    only_aws = course.scenario("one", GOOD, about=(9,), needs_aws=True)
    findings = course.run(only_aws, course.scenario("two", error=NotPossibleError("no redrives here"), about=(4,)))
    assert course.steps == ["deploy", "two", "clean up"]
    assert [each.status for each in findings.played] == ["not possible", "not possible"]
    assert verdict(findings, 4) == (NOT_SETTLED, "no redrives here")
    assert "only AWS can answer" in verdict(findings, 9)[1]
    assert findings.succeeded


@pytest.mark.parametrize(
    ("failure", "ended_by"), [(KeyboardInterrupt(), "interrupted"), (LocalError("the CDK failed"), "the CDK failed")]
)
def test_a_deployment_that_ends_early_is_removed(failure: BaseException, ended_by: str) -> None:
    """After Ctrl-C or an error during the deployment, everything is removed."""
    course = Course()
    course.failure = failure
    findings = course.run(course.scenario("one"))
    assert course.steps == ["deploy", "clean up"]
    assert findings.ended_by == ended_by
    assert not findings.succeeded


def test_an_interrupted_scenario_is_the_last_one() -> None:
    """After Ctrl-C in a scenario, no other is played, and everything is removed; what was observed is kept."""
    course = Course()
    findings = course.run(course.scenario("one", GOOD, error=KeyboardInterrupt()), course.scenario("two"))
    assert course.steps == ["deploy", "one", "clean up"]
    assert findings.ended_by == "interrupted"
    assert verdict(findings, 2)[0] == CONFIRMED
    assert "the check ended before" in verdict(findings, 4)[1]


def test_a_bug_leaves_nothing_either() -> None:
    """An error that nobody expects is raised, after everything is removed."""
    course = Course()
    with pytest.raises(ZeroDivisionError):
        course.run(course.scenario("one", error=ZeroDivisionError()))
    assert course.steps[-1] == "clean up"


def test_what_is_refuted_or_left_fails_the_check() -> None:
    """The check succeeds only if no assumption is refuted, and nothing is left."""
    course = Course()
    refuted = course.run(course.scenario("one", Answer(number=2, verdict=REFUTED, evidence="NotFound")))
    assert all(each.status == "passed" for each in refuted.played)
    assert not refuted.succeeded
    course = Course()
    course.left = ["bucket mlops-aws-check-storagebucket: access denied"]
    assert course.run().left == course.left
    assert not course.findings.succeeded
