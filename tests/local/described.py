"""The state of a running environment."""

from executions.stack import Stack
from local.state import State

STATE = State(
    pid=4711,
    started="2026-11-23T10:00:00+00:00",
    endpoint="http://127.0.0.1:4566",
    key="LOCALKEY",
    sagemaker="http://127.0.0.1:4999",
    metadata=Stack(bucket="bucket", state_machine="arn", function="arn", name="mlops-demo", approval_table="requests"),
    folder="/env",
    log="/env/daemon.log",
    template="0" * 64,
    data="data",
    control="http://127.0.0.1:5000",
)
