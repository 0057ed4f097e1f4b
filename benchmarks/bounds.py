"""What must not grow and does not depend on the machine. The tests hold it; who raises a bound says why."""

ARCHIVE_BYTES = {
    "starter": 690_000,
    "announcer": 110_000,
    "gate": 20_000,  # with what keeps a registered model
    "publisher": 1_500,
}
"""The most that the archive of each Lambda function may have."""

SYNTH_PACKAGES = 20
"""The most packages that requirements.txt may lock: boto3 and its needs, for empty_bucket.py, among them."""

TRANSITIONS = {5: 12, 8: 34}
"""The most state transitions of a run of so many stages; the keeping of a registered model is one."""
