"""The scenarios, in the order in which they are played. Each is a generator of answers in a file of its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aws_check.assumptions import Answer
from aws_check.context import Context
from aws_check.scenarios.duplicate import duplicate
from aws_check.scenarios.fields import unlisted_field
from aws_check.scenarios.log_group import renamed_log_group
from aws_check.scenarios.redrive import failed_job
from aws_check.scenarios.rejected import rejected
from aws_check.scenarios.shipped import shipped
from aws_check.scenarios.traces import traces
from aws_check.scenarios.trail import trail
from aws_check.scenarios.update import rollback, update
from aws_check.scenarios.variants import serverless_variants


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One part of the check."""

    name: str
    play: Callable[[Context], Iterator[Answer]]
    """Plays it, and yields what was observed. Raises ScenarioError, NotPossibleError or an error of AWS."""
    about: tuple[int, ...] = ()
    """The numbers of the assumptions that it observes."""
    needs_aws: bool = False
    """Whether only AWS's own services can answer."""


SCENARIOS = (
    Scenario(name="the shipped input", play=shipped, about=(2, 11, 15, 17)),
    Scenario(name="a rejected model", play=rejected),
    Scenario(name="a duplicate event", play=duplicate),
    Scenario(name="a failed job and its redrive", play=failed_job, about=(4,)),
    Scenario(name="an endpoint's update", play=update, about=(5, 6, 13)),
    Scenario(name="its rollback", play=rollback),
    Scenario(name="what a serverless variant may have", play=serverless_variants, about=(12,), needs_aws=True),
    Scenario(name="a field that no list has", play=unlisted_field, about=(9,), needs_aws=True),
    Scenario(name="a renamed log group", play=renamed_log_group, about=(14,)),
    Scenario(name="calls under the state machine's role", play=trail, about=(7, 8), needs_aws=True),
    Scenario(name="errors on the way", play=traces, about=(1, 10)),
)
