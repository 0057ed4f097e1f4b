"""Size budgets enforced by the tests; justify any increase."""

ARCHIVE_BYTES = {
    "starter": 715_000,  # includes reuse, which only executions with it import
    "announcer": 131_000,  # includes all of pipeline/ that the start function has; minimum_records in schema and states
    "gate": 22_000,  # includes the copying of registered models, and the limits it shares with pipeline/
    "monitor": 18_400,  # includes the reading of batch transforms, and of labels with the requests that they belong to
    "reporter": 385_000,  # includes the report, executions/, pipeline/ and Jinja2
    "publisher": 2_800,  # includes the record of what it published
}
"""The maximum size of each Lambda function's archive."""

SYNTH_PACKAGES = 22
"""The maximum number of packages in requirements.txt, which include boto3 and its dependencies for empty_bucket.py, and
Jinja2 and MarkupSafe, which go into the archive of the function that publishes reports."""

TRANSITIONS = {5: 12, 9: 40}
"""The maximum number of state transitions by number of stages; copying a registered model is one, and reading the
smoke test's record from S3 two; monitoring's third asks whether a window was counted."""
