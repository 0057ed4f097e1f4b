"""Checks that somebody hears of failures: a confirmed subscription to the stack's topic."""

from typing import Any

from doctor.result import Result, ok, warning


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
    # Instead of an ARN, SNS lists PendingConfirmation until the address has confirmed the subscription.
    confirmed = [item["Endpoint"] for item in listed if item["SubscriptionArn"].startswith("arn:")]
    open_ones = [item["Endpoint"] for item in listed if not item["SubscriptionArn"].startswith("arn:")]
    if confirmed:
        waiting = f"; not confirmed yet: {', '.join(open_ones)}" if open_ones else ""
        return [ok("failures", f"announced to {', '.join(confirmed)}{waiting}")]
    if open_ones:
        return [
            warning(
                "failures",
                f"nobody hears of them: {', '.join(open_ones)} has not confirmed the subscription",
                "open the link in AWS's mail; it is valid for two days. After that, subscribe again: "
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
