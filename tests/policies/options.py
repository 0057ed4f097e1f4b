"""The parameters that affect permissions, each with a value."""

from tests.policies.references import ACCOUNT, REGION

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0123abcd-0000-0000-0000-000000000000"

OPTIONS = {
    "DATA_BUCKET_NAMES": '["the-data", "more-data"]',
    "KMS_KEY_ARN": KEY,
    "VPC_SUBNET_IDS": "subnet-0123456789abcdef0, subnet-0123456789abcdef1",
    "VPC_SECURITY_GROUP_IDS": "sg-0123456789abcdef0",
    "IMAGE_REPOSITORY_ARNS": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/team/image",
    "PERMISSIONS_BOUNDARY_ARN": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
}
"""Every parameter that affects permissions."""
