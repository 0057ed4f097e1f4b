"""Checks that the state machine's role may make every call of the deployed definition."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from doctor.account import Caller
from doctor.deployment import Machine
from doctor.result import Result, failure, ok, skipped, warning
from doctor.simulation import Answer, ContextIgnoredError, Question, denials
from pipeline.grants import Grant, OwnGrant, grants_of, integrations
from pipeline.stages import STAGES

_AT_ONCE = 8
_NAMED = 3
_RESTORE = "npx cdk deploy; if the template has not changed, npx cdk deploy --revert-drift restores the policy"
"""A deployment of the same template changes nothing, so what was changed by hand would stay."""


@dataclass(frozen=True, kw_only=True)
class Own:
    """ARNs of the deployment's own resources, named as in a stage's ``OwnGrant``."""

    gate: str
    monitor: str
    topic: str
    approvals: str
    records: str
    objects: str
    images: str
    passed: tuple[str, ...]
    """The roles that the state machine passes to SageMaker."""


def permissions(iam: Any, *, machine: Machine, own: Own, model_name: str, who: Caller) -> list[Result]:
    """Asks IAM about every call of the deployed definition.

    Args:
        iam: a client.
        machine: the deployed state machine.
        own: the deployment's own resources.
        model_name: the model's identifier.
        who: gives account and region.

    Raises:
        ClientError: AWS rejects a call.
    """
    asked = list(questions(machine.definition, own=own, model_name=model_name, who=who))
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        answers = list(pool.map(lambda question: _ask(iam, machine.role, question), asked))
    role = machine.role.rpartition("/")[2]
    denied = [each for answer in answers for each in answer or ()]
    results = [*_of(denied, role, entirely=True), *_of(denied, role, entirely=False)]
    if results:
        return results
    known = _actions(question for question, answer in zip(asked, answers, strict=True) if answer is not None)
    results = [ok("permissions", f"{role} may do what the definition calls ({known} actions)")]
    unknown = _actions(asked) - known
    if unknown:
        results.append(skipped("permissions", f"{unknown} actions depend on conditions, which are not simulated here"))
    return results


def questions(definition: dict[str, Any], *, own: Own, model_name: str, who: Caller) -> Iterator[Question]:
    """Yields what the definition's integrations need, with names as an execution would choose them."""
    grants = grants_of(STAGES)
    for grant in dict.fromkeys(grant for name in integrations(definition) for grant in grants.get(name, ())):
        if isinstance(grant, OwnGrant):
            target = getattr(own, grant.target)
            yield Question(actions=(grant.action,), resources=(target.replace("*", "doctor"),))
        else:
            yield _question(grant, model_name=model_name, who=who)
    context = {"iam:PassedToService": "sagemaker.amazonaws.com"}
    yield Question(actions=("iam:PassRole",), resources=own.passed, context=context)


def _question(grant: Grant, *, model_name: str, who: Caller) -> Question:
    # SageMaker lowercases the names in its ARNs.
    names = (resource.format(model=model_name.lower()).replace("*", "doctor") for resource in grant.resources)
    return Question(
        actions=tuple(f"{grant.service}:{action}" for action in grant.actions),
        resources=tuple(who.service_arn(grant.service, name) for name in names),
        context=dict(grant.conditions),
    )


def _actions(asked: Iterable[Question]) -> int:
    return sum(len(question.actions) for question in asked)


def _ask(iam: Any, role: str, question: Question) -> list[Answer] | None:
    """The denials; None if the simulator cannot tell."""
    try:
        return denials(iam, role, question)
    except ContextIgnoredError:
        return None


def _of(denied: list[Answer], role: str, *, entirely: bool) -> list[Result]:
    found = [answer for answer in denied if answer.entirely == entirely]
    if not found:
        return []
    names = [f"{answer.action} on {', '.join(_short(arn) for arn in answer.denied)}" for answer in found]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    by = next((answer.by for answer in found if answer.by), "")
    report: Callable[[str, str, str], Result] = failure if entirely else warning
    return [
        report(
            "permissions",
            f"{role} may not {'; '.join(names[:_NAMED])}{more}{f', because of {by}' if by else ''}",
            f"have {by} allow it" if by else _RESTORE,
        )
    ]


def _short(arn: str) -> str:
    """The resource part of an ARN."""
    return arn.split(":", 5)[5]
