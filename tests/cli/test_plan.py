"""What ``mlops plan`` says about time and money."""

from cli.plan import prices_of, summary
from executions.plan import RUN, SKIP, Step
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
    prices = dict(prices_of(made.content, found))
    assert prices.keys() == {"monitoring"}
    assert summary(found, prices) == (
        "1 of 1 stages would run, about 120 s, at most $0.0086 (prices of December 2023 in EU (Ireland))"
    )
