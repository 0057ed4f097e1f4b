"""The baseline for the start Lambda: boto3 and yaml, without validation or logging."""
