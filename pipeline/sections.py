"""The sections of ``input.yaml`` that are more than one SageMaker request, as JSON Schema."""

from typing import Any, Protocol

Schema = dict[str, Any]


class Requests(Protocol):
    """SageMaker's requests, as schemas."""

    def request(self, action: str, *, optional: tuple[str, ...] = ()) -> Schema:
        """A reference to the request of an action; ``optional`` are required fields of it that may be left out."""

    def fields(self, action: str) -> dict[str, Schema]:
        """The fields of the request of an action."""


_NUMBER = {"type": ["number", "null"]}
_TEXT = {"type": ["string", "null"]}
_BOOLEAN = {"type": ["boolean", "null"]}
_HEADER_LENGTH = 1024
"""Characters that SageMaker Runtime's InvokeEndpoint takes in ContentType and Accept."""
_METRIC_PATH = {"minLength": 1, "maxLength": 256}

_LONGEST_WAIT = 365 * 24 * 3600
"""Seconds: an execution of a standard workflow lasts a year at most.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

_LONGEST_ENDPOINT = 4 * 3600


def registration_section(requests: Requests) -> Schema:
    """A version in the model registry."""
    given = requests.request("CreateModelPackage", optional=("InferenceSpecification.Containers",))
    return _section(
        "A version of the model in the registry, which waits for its approval.",
        input=given | {"description": "What SageMaker's CreateModelPackage shall have beside what the run tells."},
    )


def approval_section(_requests: Requests) -> Schema:
    """The gate, and a person."""
    metric = {
        "type": "object",
        "required": ["name"],
        "additionalProperties": False,
        # A name alone limits nothing.
        "minProperties": 2,
        "properties": {
            "name": {"description": "Path in evaluation.json, with dots: group.auc.value.", "type": "string"}
            | _METRIC_PATH,
            "minimum": {"description": "The metric must be at least this."} | _NUMBER,
            "maximum": {"description": "The metric must be at most this."} | _NUMBER,
        },
    }
    return _section(
        "Whether the model may be deployed: by its metrics, and, if asked for, by a person.",
        metrics={"description": "Thresholds, which must all hold.", "type": ["array", "null"], "items": metric},
        must_beat_champion={
            "description": "Whether a model that is worse than the newest approved version is rejected."
        }
        | _BOOLEAN,
        by={"description": "The metric by which it must not be worse; by default the first of metrics."}
        | _TEXT
        | _METRIC_PATH,
        manual={"description": "Whether a person must approve: mlops approve, mlops reject."} | _BOOLEAN,
        timeout_seconds=_seconds("for which the answer is waited for", most=_LONGEST_WAIT, default="7 days"),
    )


def deployment_section(requests: Requests) -> Schema:
    """The endpoint."""
    config = requests.request("CreateEndpointConfig", optional=("EndpointConfigName", "ProductionVariants"))
    endpoint = requests.fields("CreateEndpoint")
    given = {
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {
            "EndpointName": endpoint["EndpointName"]
            | {"description": "By default model_id.", "type": ["string", "null"]},
            "EndpointConfig": config
            | {"description": "SageMaker's CreateEndpointConfig; by default one serverless variant."},
            "DeploymentConfig": endpoint["DeploymentConfig"],
            "Tags": endpoint["Tags"],
        },
    }
    smoke_test = {
        "description": "A record that the endpoint must answer before it counts as deployed.",
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {
            "S3Uri": {"description": "Where the record lies.", "pattern": "^(s3://[^/]+/.+)$"} | _TEXT,
            "Body": {"description": "The record itself."} | _TEXT,
            "ContentType": {"description": "By default text/csv.", "maxLength": _HEADER_LENGTH} | _TEXT,
            "Accept": {"description": "What the answer shall be.", "maxLength": _HEADER_LENGTH} | _TEXT,
        },
    }
    capacity = {"type": "integer", "minimum": 1, "maximum": 1000}
    autoscaling = {
        "description": "Scales the first variant by its invocations.",
        "type": ["object", "null"],
        "required": ["min_capacity", "max_capacity", "invocations_per_instance"],
        "additionalProperties": False,
        "properties": {
            "min_capacity": {"description": "Instances at least."} | capacity,
            "max_capacity": {"description": "Instances at most."} | capacity,
            "invocations_per_instance": {
                "description": "Invocations per instance and minute that are aimed at.",
                "type": "number",
                "minimum": 1,
            },
        },
    }
    return _section(
        "The endpoint that serves the model: created, or updated in place.",
        input=given,
        smoke_test=smoke_test,
        autoscaling=autoscaling,
        timeout_seconds=_seconds("within which it must be in service", most=_LONGEST_ENDPOINT, default="1 hour"),
    )


def _section(description: str, **properties: Schema) -> Schema:
    return {
        "description": description,
        "type": ["object", "null"],
        "required": ["run"],
        "additionalProperties": False,
        "properties": {"run": {"description": "Whether the stage runs.", "type": "boolean"}, **properties},
    }


def _seconds(what_for: str, *, most: int, default: str) -> Schema:
    description = f"Seconds {what_for}; by default {default}."
    return {"description": description, "type": ["integer", "null"], "minimum": 1, "maximum": most}
