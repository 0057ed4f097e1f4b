"""The baseline of the start Lambda: boto3 and yaml, nothing checked, nothing logged."""
