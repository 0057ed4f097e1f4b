"""Deploys, plays the scenarios, and removes everything, whatever happens; tells what was found."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from aws_check.assumptions import NOT_SETTLED, REFUTED, Answer, read_assumptions, settle
from aws_check.context import Context, NotPossibleError, ScenarioError
from aws_check.scenarios import Scenario
from executions.errors import ExecutionsError, explained
from executions.text import one_line
from local.errors import LocalError

PASSED, FAILED, NOT_POSSIBLE = "passed", "failed", "not possible"

_MARKS = {PASSED: "✓", FAILED: "✗", NOT_POSSIBLE: "-"}
_ONLY_AWS = "only AWS can answer: here, this project's own code would"


@dataclass(frozen=True, kw_only=True)
class Played:
    """What became of a scenario."""

    name: str
    status: str
    """``passed``, ``failed`` or ``not possible``."""
    detail: str
    """Why it failed or was not possible; else empty."""
    seconds: float


@dataclass(kw_only=True)
class Findings:
    """What the check has found so far."""

    on_emulator: bool
    played: list[Played] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    ended_by: str | None = None
    """Why it ended before its last scenario; None if it did not."""
    left: list[str] = field(default_factory=list)
    """What could not be removed."""

    @property
    def verdicts(self) -> list[dict[str, Any]]:
        """The verdict on each assumption, with its text."""
        return [
            asdict(assumption) | asdict(settle(assumption.number, self.answers, on_emulator=self.on_emulator))
            for assumption in read_assumptions()
        ]

    @property
    def succeeded(self) -> bool:
        """Whether everything went as it should, no assumption is refuted, and nothing is left."""
        failed = any(each.status == FAILED for each in self.played)
        refuted = any(verdict["verdict"] == REFUTED for verdict in self.verdicts)
        return not (failed or refuted or self.ended_by or self.left)


def run_check(
    *,
    deploy: Callable[[], Context],
    scenarios: Sequence[Scenario],
    clean_up: Callable[[], list[str]],
    say: Callable[[str], None],
    findings: Findings,
) -> None:
    """Runs the check. Whatever ends it, everything is removed.

    Args:
        deploy: deploys the module.
        scenarios: in their order.
        clean_up: removes what there is of the check, and returns what it could not.
        say: takes a line about each step.
        findings: takes what is found, as soon as it is.

    Raises:
        KeyboardInterrupt: the user interrupted the clean-up, too.
    """
    try:
        say("▶ deployment with the CDK CLI")
        context = deploy()
        for scenario in scenarios:
            say(f"▶ {scenario.name}")
            played = _play(scenario, context, findings.answers)
            findings.played.append(played)
            say(f"{_MARKS[played.status]} {scenario.name}: {': '.join(filter(None, (played.status, played.detail)))}")
    except KeyboardInterrupt:
        findings.ended_by = "interrupted"
    except (LocalError, ExecutionsError) as error:
        findings.ended_by = str(error)
    except (ClientError, BotoCoreError) as error:
        findings.ended_by = explained(error)
    finally:
        say("▶ removal of everything")
        findings.left += clean_up()


def _play(scenario: Scenario, context: Context, answers: list[Answer]) -> Played:
    started = time.monotonic()
    status, detail = PASSED, ""
    open_numbers = set(scenario.about)
    try:
        if scenario.needs_aws and context.on_emulator:
            raise NotPossibleError(_ONLY_AWS)  # noqa: TRY301 - the same as a scenario's own
        for answer in scenario.play(context):  # what it observes before it fails counts
            answers.append(answer)
            open_numbers.discard(answer.number)
    except NotPossibleError as error:
        status, detail = NOT_POSSIBLE, str(error)
    except (ScenarioError, ExecutionsError) as error:
        status, detail = FAILED, one_line(error)
    except (ClientError, BotoCoreError) as error:
        status, detail = FAILED, explained(error)
    why = detail or "the scenario did not show it"
    answers += [Answer(number=number, verdict=NOT_SETTLED, evidence=why) for number in sorted(open_numbers)]
    return Played(name=scenario.name, status=status, detail=detail, seconds=round(time.monotonic() - started, 1))
