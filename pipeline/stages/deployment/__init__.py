"""Deployment: the endpoint is created, or updated in place; a failure restores what was there.

    deployment: endpoint            does it exist, and is it in service?
    deployment: endpoint config     creates a new one
    deployment: create or update?   or neither, if somebody else is changing the endpoint
    deployment: wait, look          until it is in service, or the time is up
    deployment: in service?         continues with the smoke test, the autoscaling, the end, or the rollback
    deployment: undo?               deletes the new endpoint, or restores the previous endpoint config

SageMaker rejects every change to an endpoint that is being created or updated, and an update fails if the endpoint
config in use has been deleted; so the rollback is patient, and deletes the new endpoint config last.

The states are in ``states.asl.yaml``.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.input.errors import InputIssue, Path, is_above
from pipeline.input.stage_section import StageSection
from pipeline.places import EXECUTIONS
from pipeline.stages.registration import REGISTRATION
from pipeline.stages.requests import CREATE_MODEL
from pipeline.stages.stage import CreatedName, Stage

if TYPE_CHECKING:
    from pipeline.asl.resources import Resources
    from pipeline.grants import Grants
    from pipeline.stages.section_schema import Requests, Schema

ENDPOINT = "deployment: endpoint"
"""The name of its first state."""

DEFAULT_VARIANT = {"VariantName": "AllTraffic"}
"""The endpoint's default variant."""

SERVERLESS = {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}
"""What a variant runs on if it does not say: it costs nothing while it serves no requests."""

INSTANCE = {"InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
"""What a variant runs on if it does not say and the endpoint has a feature that serverless variants lack.

Those are a VPC, network isolation, data capture and several variants:
https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html, "Feature exclusions"
"""

DEFAULT_TIMEOUT = 3600
"""Seconds within which the endpoint must be in service, if the input does not say."""
_VARIANTS = ("input", "EndpointConfig", "ProductionVariants")

NOT_SERVERLESS = "cannot be combined with {}: a serverless variant has no such feature"
INSTEAD = (
    "omit ServerlessConfig for the default, an instance, or set InitialInstanceCount and InstanceType in its place"
)
"""The two halves of the messages about features that serverless variants lack."""


class Deployment(Stage):
    """Creates or updates the endpoint."""

    def section(self, requests: "Requests") -> "Schema":
        """The endpoint and its config, the smoke test, the autoscaling."""
        from pipeline.stages.deployment.schema import deployment_section  # noqa: PLC0415 - see pipeline.stages.stage

        return deployment_section(requests)

    def states(self, resources: "Resources", *, following: str) -> dict[str, Any]:
        """See ``states.asl.yaml``."""
        from pipeline.stages.deployment.states import deployment_states  # noqa: PLC0415 - see pipeline.stages.stage

        return deployment_states(resources, following=following)

    def grants(self) -> "Grants":
        """The endpoint and its config, their autoscaling, and the smoke test's record."""
        from pipeline.stages.deployment.states import GRANTS  # noqa: PLC0415 - see pipeline.stages.stage

        return GRANTS

    def rules(self) -> "Schema":
        """A serverless variant whose model has a VPC or is isolated."""
        from pipeline.stages.deployment.schema import serverless_rules  # noqa: PLC0415 - see pipeline.stages.stage

        return serverless_rules()

    def entry_rules(self) -> list[tuple[str, str]]:
        """Starts by describing the endpoint."""
        return [(self.runs, ENDPOINT)]

    def issues(self, data: Mapping[str, Any], *, in_vpc: bool = False) -> Iterator[InputIssue]:
        """Checks that the smoke test has one record, autoscaling a variant with instances, and a VPC no serverless one.

        The schema checks the other features that serverless variants lack.
        """
        own = StageSection.of(data, self)
        if not own.runs:
            return
        test = own.value.get("smoke_test")
        if isinstance(test, dict) and (test.get("Body") is None) == (test.get("S3Uri") is None):
            message = "must have one of S3Uri (the record's location) and Body (the record itself)"
            yield InputIssue(path=(self.key, "smoke_test"), message=message)
        if in_vpc:
            yield from self._serverless_in_vpc(own, data)
        scaling = own.at("autoscaling")
        if not scaling:
            return
        least, most = scaling.get("min_capacity"), scaling.get("max_capacity")
        if is_above(least, most):
            message = f"is {least!r}, which exceeds max_capacity, {most!r}"
            yield InputIssue(path=(self.key, "autoscaling", "min_capacity"), message=message, value=least)
        if _first_is_serverless(own, data, in_vpc=in_vpc):
            message = (
                "needs a variant with instances; deployment.input.EndpointConfig.ProductionVariants[0] is serverless, "
                "which scales by itself"
            )
            yield InputIssue(path=(self.key, "autoscaling"), message=message)

    def warnings(self, data: Mapping[str, Any]) -> Iterator[InputIssue]:
        """Warns of a model that expires while it is served: only what is registered is kept."""
        own, registration, model = (StageSection.of(data, stage) for stage in (self, REGISTRATION, CREATE_MODEL))
        if own.runs and model.runs and not registration.runs and f"/{EXECUTIONS}" in str(model.request):
            message = (
                f"is true, but registration.run is not: the model is served from below {EXECUTIONS}, where it is "
                "deleted after keep-runs-days (90 by default), and the endpoint can then start no instance; register "
                "it, or deploy the module with keep-runs-days 0"
            )
            yield InputIssue(path=(self.key, "run"), message=message, value=True)

    def _serverless_in_vpc(self, own: StageSection, data: Mapping[str, Any]) -> Iterator[InputIssue]:
        """Yields an issue for each serverless variant of a model that gets the deployment's VPC."""
        made = StageSection.of(data, CREATE_MODEL).request.get(CREATE_MODEL.name_field)
        for number, variant in enumerate(_variants(own)):
            if not isinstance(variant, dict) or variant.get("ServerlessConfig") is None:
                continue
            if variant.get(CREATE_MODEL.name_field) in (None, made):
                message = f"{NOT_SERVERLESS.format('vpc-subnet-ids (a parameter of the deployment)')}; {INSTEAD}"
                yield InputIssue(path=(self.key, *_VARIANTS, number, "ServerlessConfig"), message=message)

    def created_names(self) -> tuple[CreatedName, ...]:
        """The names of the endpoint config and the endpoint."""
        return (
            CreatedName(keys=("input", "EndpointConfig", "EndpointConfigName")),
            CreatedName(keys=("input", "EndpointName"), long_lived=True),
        )

    def model_fields(self, section: StageSection) -> list[tuple[Path, dict[str, Any]]]:
        """One per variant, or the default variant."""
        path, field = (self.key, *_VARIANTS), CREATE_MODEL.name_field
        given: list[tuple[Path, dict[str, Any]]] = [
            ((*path, number, field), item) for number, item in enumerate(_variants(section)) if isinstance(item, dict)
        ]
        return given or [((*path, 0, field), {})]

    def add_default_model_field(self, section: dict[str, Any]) -> None:
        """Adds the default variant."""
        if _variants(StageSection(self, section)):
            return
        *outer, last = _VARIANTS
        for key in outer:
            if section.get(key) is None:
                section[key] = {}
            section = section[key]
            if not isinstance(section, dict):  # the schema rejects it
                return
        if section.get(last) in (None, []):
            section[last] = [dict(DEFAULT_VARIANT)]

    def summary(self, result: dict[str, Any]) -> dict[str, Any] | None:
        """The endpoint, if it was created or updated."""
        if "EndpointArn" not in result:
            return None
        return {
            "endpoint": result["EndpointName"],
            "endpoint_config": result.get("EndpointConfigName"),
            "answer": (result.get("smoke_test") or {}).get("Body"),
        }

    def summary_line(self, summary: dict[str, Any]) -> tuple[str, str]:
        """The endpoint and its answer to the smoke test."""
        answer = summary["answer"]
        tried = f", answered {answer.strip()}" if answer else ""
        return "endpoint", f"{summary['endpoint']}, in service{tried}"

    def report_rows(self, result: dict[str, Any]) -> dict[str, Any]:
        """The endpoint, its config and its answer to the smoke test."""
        answer = (result.get("smoke_test") or {}).get("Body")
        return {
            "Endpoint": result.get("EndpointArn"),
            "Endpoint configuration": result.get("EndpointConfigName"),
            "Configuration before": result.get("previous"),
            "Answer to the smoke test": str(answer).strip() if answer else None,
        }


def _variants(section: StageSection) -> list[Any]:
    variants = section.at(*_VARIANTS[:-1]).get(_VARIANTS[-1])
    return variants if isinstance(variants, list) else []


def _first_is_serverless(own: StageSection, data: Mapping[str, Any], *, in_vpc: bool) -> bool:
    """Whether the first variant is serverless, by the input or by default, as in ``states.asl.yaml``."""
    variants = _variants(own)
    first = variants[0] if variants and isinstance(variants[0], dict) else {}
    if first.get("ServerlessConfig") is not None or first.get("InstanceType") is not None:
        return first.get("InstanceType") is None
    model = StageSection.of(data, CREATE_MODEL).request
    config = own.at("input", "EndpointConfig")
    needs_instance = (
        in_vpc
        or len(variants) > 1
        or any(isinstance(given.get("VpcConfig"), dict) for given in (model, config))
        or any(given.get("EnableNetworkIsolation") is True for given in (model, config))
        or isinstance(config.get("DataCaptureConfig"), dict)
    )
    return not needs_instance


DEPLOYMENT = Deployment(
    key="deployment", kept_result=("EndpointName", "EndpointArn", "EndpointConfigName", "previous", "smoke_test")
)
