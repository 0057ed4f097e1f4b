"""The quotas of the instances, and which instances an input asks for."""

from typing import Any

import pytest

from doctor.instances import Instances, instances_of
from doctor.quotas import quotas
from doctor.result import FAILURE, OK, WARNING
from executions.defaults import PROJECT
from pipeline.input.execution import execution_input
from pipeline.input.samples import SAMPLE_TOKENS
from pipeline.monitoring_run import MONITORING_ONLY
from pipeline.stages import REQUEST_STAGES
from tests.doctor.conftest import Stubbed

LISTED = "list_service_quotas"
DEFAULTS = "list_aws_default_service_quotas"


def instances(**overrides: Any) -> list[Instances]:
    """The instances of the shipped input with overrides."""
    file = (PROJECT / "scripts" / "input.yaml").read_bytes()
    return instances_of(execution_input(file, tokens=SAMPLE_TOKENS, event_id="event", overrides=overrides).content)


def page(*quotas: tuple[str, float], following: str | None = None) -> dict[str, Any]:
    """A page of quotas."""
    found = [{"ServiceCode": "sagemaker", "QuotaName": name, "Value": value} for name, value in quotas]
    return {"Quotas": found} | ({"NextToken": following} if following else {})


def of_type(kind: str, count: int = 1, name: str = "ml.m5.xlarge") -> Instances:
    """Instances of a stage."""
    seconds = None if kind == "endpoint" else 3600
    return Instances(stage="any", kind=kind, type=name, count=count, most_seconds=seconds)


def test_instances_of_the_shipped_input() -> None:
    """Each stage with a job has an instance; the serverless endpoint has none."""
    assert [(each.stage, each.quota, each.count, each.most_seconds) for each in instances()] == [
        ("preprocessing", "ml.m5.xlarge for processing job usage", 1, 3600),
        ("training", "ml.m5.xlarge for training job usage", 1, 3600),
        ("evaluation", "ml.m5.xlarge for processing job usage", 1, 3600),
        ("batchTransform", "ml.m5.xlarge for transform job usage", 1, 432000),
    ]


def test_every_stage_with_a_job_has_its_instances() -> None:
    """Whichever stages run, among them monitoring alone."""
    jobs = [stage.key for stage in REQUEST_STAGES if stage.waits]
    assert [each.stage for each in instances(monitoring={"run": True})] == jobs
    assert [each.stage for each in instances(**MONITORING_ONLY)] == ["monitoring"]


def test_instances_of_other_kinds() -> None:
    """Spot training, warm pools and instance groups have quotas of their own; stages that do not run need none."""
    found = instances_of(
        {
            "preprocessing": {"run": False, "input": {}},
            "training": {
                "run": True,
                "input": {
                    "EnableManagedSpotTraining": True,
                    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
                    "ResourceConfig": {
                        "InstanceGroups": [
                            {"InstanceGroupName": "a", "InstanceType": "ml.m5.large", "InstanceCount": 2},
                            {"InstanceGroupName": "b", "InstanceType": "ml.c5.large", "InstanceCount": 3},
                        ],
                        "KeepAlivePeriodInSeconds": 600,
                    },
                },
            },
        }
    )
    assert [(each.quota, each.count, each.most_seconds) for each in found] == [
        ("ml.m5.large for spot training job usage", 2, 60),
        ("ml.m5.large for training warm pool usage", 2, 600),
        ("ml.c5.large for spot training job usage", 3, 60),
        ("ml.c5.large for training warm pool usage", 3, 600),
    ]


def test_instances_of_an_endpoint() -> None:
    """An endpoint needs as many instances as it may scale to, until it is deleted."""
    variant = {"VariantName": "a", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    found = instances(
        deployment={
            "input": {"EndpointConfig": {"ProductionVariants": [variant]}},
            "autoscaling": {"min_capacity": 1, "max_capacity": 4, "invocations_per_instance": 10},
        }
    )
    assert (found[-1].quota, found[-1].count, found[-1].most_seconds) == ("ml.m5.large for endpoint usage", 4, None)


def test_quotas_on_several_pages(stubbed: Stubbed) -> None:
    """The search ends on the page with the last quota, and the line has all values."""
    client = stubbed(
        "service-quotas",
        (LISTED, page(("other", 1), ("ml.m5.xlarge for training job usage", 8), following="next")),
        (LISTED, page(("ml.m5.xlarge for processing job usage", 4), following="not read")),
    )
    (result,) = quotas(client, [of_type("processing job"), of_type("training job", 8)])
    assert result.status == OK
    assert result.detail == "ml.m5.xlarge for processing job usage: 4; ml.m5.xlarge for training job usage: 8"


def test_quota_of_zero(stubbed: Stubbed) -> None:
    """A new account's quota of zero fails, with what to request; a value that was never changed is the default."""
    client = stubbed(
        "service-quotas",
        (LISTED, page(("ml.m5.xlarge for training job usage", 0))),
        (DEFAULTS, page(("ml.m5.xlarge for processing job usage", 4))),
    )
    low, fine = quotas(client, [of_type("processing job"), of_type("training job", 2)])
    assert (low.status, low.detail) == (FAILURE, "ml.m5.xlarge for training job usage is 0; input.yaml needs 2")
    assert "request 2 of it in Service Quotas" in low.remedy
    assert fine.status == OK


def test_unknown_instance_type(stubbed: Stubbed) -> None:
    """A type without a quota is probably wrong."""
    client = stubbed("service-quotas", (LISTED, page()), (DEFAULTS, page()))
    (result,) = quotas(client, [of_type("training job", name="ml.m5.xlager")])
    assert result.status == WARNING
    assert "there is no quota ml.m5.xlager for training job usage" in result.detail


@pytest.mark.parametrize(
    ("kind", "status"), [("training job", OK), ("endpoint", FAILURE)], ids=["one after the other", "together"]
)
def test_instances_at_the_same_time(kind: str, status: str, stubbed: Stubbed) -> None:
    """Jobs of the same kind run one after the other; variants of an endpoint run together."""
    client = stubbed("service-quotas", (LISTED, page((f"ml.m5.xlarge for {kind} usage", 2))))
    assert quotas(client, [of_type(kind, 2), of_type(kind, 1)])[0].status == status


def test_no_instances(stubbed: Stubbed) -> None:
    """An input without instances needs no call."""
    assert quotas(stubbed("service-quotas"), [])[0].status == OK
