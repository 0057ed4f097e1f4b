"""What ``mlops plan`` says about time and money."""

from botocore.stub import Stubber

from cli.plan import priced, summary
from executions.plan import RUN, SKIP, Step
from local.connection import Connection
from pipeline.input.execution import execution_input
from pipeline.input.samples import SAMPLE_TOKENS
from pipeline.monitoring_run import MONITORING_ONLY
from pipeline.stages import STAGES
from tests.input.conftest import SHIPPED


def test_a_monitoring_run_costs_its_one_job() -> None:
    """Two minutes of ml.m5.xlarge, in hundredths of a cent, since it costs below one."""
    made = execution_input(SHIPPED, tokens=SAMPLE_TOKENS, event_id="event", overrides=MONITORING_ONLY)
    found = [
        Step(stage=stage.key, action=RUN, why="", seconds=120.0)
        if stage.key == "monitoring"
        else Step(stage=stage.key, action=SKIP, why="", seconds=600.0)
        for stage in STAGES
    ]
    client = Connection(endpoint="http://127.0.0.1:1", key="key").client("pricing")
    with Stubber(client) as pricing:
        pricing.add_client_error("get_products", "AccessDeniedException")
        cost = priced(client, made.content, found, region="eu-west-1")
    assert cost.bills.keys() == {"monitoring"}
    assert cost.text("monitoring") == "$0.0086"
    assert summary(found, cost) == (
        "1 of 1 stages would run, about 120 s, at most $0.0086 "
        "(prices of December 2023 in EU (Ireland), since AWS's price list could not be read)"
    )
