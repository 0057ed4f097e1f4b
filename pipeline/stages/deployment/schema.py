"""The JSON Schema of deployment's section."""

from pipeline.stages.deployment import DEFAULT_TIMEOUT
from pipeline.stages.section_schema import TEXT, Requests, Schema, seconds, section

_LONGEST_WAIT = 4 * 3600
_HEADER_LENGTH = 1024
"""The maximum length of ContentType and Accept (SageMaker Runtime's InvokeEndpoint)."""


def deployment_section(requests: Requests) -> Schema:
    """The endpoint and its config, the smoke test, the autoscaling."""
    return section(
        "The endpoint that serves the model: created, or updated in place.",
        input=_endpoint(requests),
        smoke_test=_smoke_test(),
        autoscaling=_autoscaling(),
        timeout_seconds=seconds(
            "within which it must be in service", most=_LONGEST_WAIT, default=f"{DEFAULT_TIMEOUT // 3600} hour"
        ),
    )


def _endpoint(requests: Requests) -> Schema:
    config = requests.request("CreateEndpointConfig", optional=("EndpointConfigName", "ProductionVariants"))
    endpoint = requests.fields("CreateEndpoint")
    return {
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


def _smoke_test() -> Schema:
    return {
        "description": "A record that the endpoint must answer to count as deployed.",
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {
            "S3Uri": {"description": "The record's location.", "pattern": "^(s3://[^/]+/.+)$"} | TEXT,
            "Body": {"description": "The record itself."} | TEXT,
            "ContentType": {"description": "By default text/csv.", "maxLength": _HEADER_LENGTH} | TEXT,
            "Accept": {"description": "The answer's content type.", "maxLength": _HEADER_LENGTH} | TEXT,
        },
    }


def _autoscaling() -> Schema:
    capacity = {"type": "integer", "minimum": 1, "maximum": 1000}
    return {
        "description": "Scales the first variant by its invocations.",
        "type": ["object", "null"],
        "required": ["min_capacity", "max_capacity", "invocations_per_instance"],
        "additionalProperties": False,
        "properties": {
            "min_capacity": {"description": "The minimum number of instances."} | capacity,
            "max_capacity": {"description": "The maximum number of instances."} | capacity,
            "invocations_per_instance": {
                "description": "The target: invocations per instance and minute.",
                "type": "number",
                "minimum": 1,
            },
        },
    }
