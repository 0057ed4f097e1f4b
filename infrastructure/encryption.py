"""What a role must be allowed on a KMS key: the deployment's own, where there is one, or else the topic's.

The policy of the deployment's key must let the account's IAM policies decide, and let CloudWatch's logs and alarms use
it: docs/security.md.
"""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms


def key_statements(key: kms.IKey | None, *actions: str, via: str, stack: cdk.Stack) -> list[iam.PolicyStatement]:
    """The statement for the use of the key through one service; none where there is no key of the deployment's own.

    Args:
        key: the deployment's, or the topic's.
        actions: of KMS: ``Decrypt`` for what is read, ``GenerateDataKey`` for what is written.
        via: the service that asks KMS in the role's name: ``s3``, ``sns``, ``dynamodb``. It is the condition
            https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
        stack: whose region the service is in.
    """
    if key is None:
        return []
    return [
        iam.PolicyStatement(
            actions=[f"kms:{action}" for action in actions],
            resources=[key.key_arn],
            conditions={"StringEquals": {"kms:ViaService": f"{via}.{stack.region}.{stack.url_suffix}"}},
        )
    ]
