"""Which calls CloudTrail has recorded under the state machine's role."""

from collections.abc import Iterator
from itertools import islice

from aws_check.assumptions import CONFIRMED, NOT_SETTLED, Answer
from aws_check.context import Context

_SOUGHT = {7: ("ListTags",), 8: ("BatchGetImage", "DescribeImages")}
"""Event names by the assumption that they would confirm."""
_MOST = 500


def trail(context: Context) -> Iterator[Answer]:
    """Looks for them; what is not recorded may still be under way, and so refutes nothing."""
    machine = context.target.step_functions.describe_state_machine(stateMachineArn=context.target.stack.state_machine)
    role = machine["roleArn"].rpartition("/")[2]
    pages = context.client("cloudtrail").get_paginator("lookup_events")
    for number, names in _SOUGHT.items():
        found = []
        for name in names:
            attribute = {"AttributeKey": "EventName", "AttributeValue": name}
            listed = (event for page in pages.paginate(LookupAttributes=[attribute]) for event in page["Events"])
            found += [name for event in islice(listed, _MOST) if f"/{role}/" in event["CloudTrailEvent"]]
        if found:
            evidence = f"CloudTrail has {len(found)} calls of {', '.join(sorted(set(found)))} under the role {role}"
            yield Answer(number=number, verdict=CONFIRMED, evidence=evidence)
        else:
            evidence = f"CloudTrail has no call of {', '.join(names)} under the role {role}, or not yet"
            yield Answer(number=number, verdict=NOT_SETTLED, evidence=evidence)
