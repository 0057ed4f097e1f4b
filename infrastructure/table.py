"""A table of what the pipeline keeps for itself: billed by use, encrypted, recoverable, and deleted with the stack."""

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct


def own_table(
    scope: Construct, construct_id: str, *, partition_key: str, expires: str | None = None, key: kms.IKey | None
) -> dynamodb.Table:
    """Creates a table. Deleting the stack deletes it, so it must hold nothing that its deletion would lose.

    Args:
        scope: the construct that it belongs to.
        construct_id: its ID there.
        partition_key: the name of its key, a string.
        expires: the attribute with the time at which an item is deleted, in seconds since the epoch; None: items stay.
        key: the user's key; None for DynamoDB's own.
    """
    return dynamodb.Table(
        scope,
        construct_id,
        partition_key=dynamodb.Attribute(name=partition_key, type=dynamodb.AttributeType.STRING),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        time_to_live_attribute=expires,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED if key else None,
        encryption_key=key,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
