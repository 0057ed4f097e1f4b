"""Checks that somebody hears of failures: a confirmed subscription to the stack's topic."""

from typing import Any

from doctor.result import Result, ok, warning

_PENDING = "PendingConfirmation"
"""What SNS lists in place of a subscription's ARN until the address has confirmed it.

(https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html)
"""


def subscription(sns: Any, topic: str) -> list[Result]:
    """Checks the topic's subscriptions.

    Args:
        sns: a client.
        topic: the topic's ARN.

    Raises:
        ClientError: AWS rejects the call.
    """
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    listed = [item for page in pages for item in page["Subscriptions"]]
    open_ones = [item["Endpoint"] for item in listed if item["SubscriptionArn"] == _PENDING]
    confirmed = [item["Endpoint"] for item in listed if item["SubscriptionArn"].startswith("arn:")]
    if confirmed:
        waiting = f"; not confirmed yet: {', '.join(open_ones)}" if open_ones else ""
        return [ok("failures", f"announced to {', '.join(confirmed)}{waiting}")]
    if open_ones:
        return [
            warning(
                "failures",
                f"nobody hears of them: {', '.join(open_ones)} has not confirmed the subscription",
                "open the link in AWS's mail, which is valid for two days; after that, subscribe again: "
                f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint {open_ones[0]}",
            )
        ]
    return [
        warning(
            "failures",
            "nobody hears of them: the topic has no subscription",
            f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint ADDRESS, "
            "or deploy with notification-email",
        )
    ]
