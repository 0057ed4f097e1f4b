"""Who hears of failures."""

from typing import Any

import pytest

from doctor.result import OK, WARNING
from doctor.subscription import subscription
from tests.doctor.conftest import Stubbed
from tests.policies.references import ACCOUNT, REGION

TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:topic"


def listed(*subscriptions: tuple[str, str]) -> tuple[str, dict[str, Any]]:
    """SNS's list of these addresses and ARNs."""
    found = [{"Endpoint": address, "SubscriptionArn": arn, "Protocol": "email"} for address, arn in subscriptions]
    return ("list_subscriptions_by_topic", {"Subscriptions": found})


@pytest.mark.parametrize(
    ("subscriptions", "status", "detail"),
    [
        ([("a@example.com", f"{TOPIC}:1")], OK, "announced to a@example.com"),
        (
            [("a@example.com", f"{TOPIC}:1"), ("b@example.com", "PendingConfirmation")],
            OK,
            "announced to a@example.com; not confirmed yet: b@example.com",
        ),
        ([("b@example.com", "PendingConfirmation")], WARNING, "b@example.com has not confirmed the subscription"),
        ([], WARNING, "the topic has no subscription"),
    ],
    ids=["confirmed", "one of two", "pending", "none"],
)
def test_subscriptions(subscriptions: list[tuple[str, str]], status: str, detail: str, stubbed: Stubbed) -> None:
    """A confirmed subscription is enough; without one, the line has the command that subscribes."""
    (result,) = subscription(stubbed("sns", listed(*subscriptions)), TOPIC)
    assert (result.status, result.detail.endswith(detail)) == (status, True)
    assert (f"aws sns subscribe --topic-arn {TOPIC}" in result.remedy) == (status == WARNING)
