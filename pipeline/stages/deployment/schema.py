"""The JSON Schema of deployment's section."""

from pipeline.stages.deployment import DEFAULT_TIMEOUT, INSTEAD, NOT_SERVERLESS
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
            | {"description": "CreateEndpointConfig; by default one serverless variant, in a VPC an instance."}
            | _without_serverless(),
            "DeploymentConfig": endpoint["DeploymentConfig"],
            "Tags": endpoint["Tags"],
        },
    }


_GIVEN = {"type": "object"}
_TRUE = {"const": True}


def serverless_rules() -> Schema:
    """Rejects serverless variants of this run's model if CreateModel gives it a VPC or isolates it."""
    rules: Schema = {}
    for field, value in (("EnableNetworkIsolation", _TRUE), ("VpcConfig", _GIVEN)):
        config = _no_serverless(f"CreateModel.input.{field}", own_model=True)
        deployment = {"properties": {"input": {"properties": {"EndpointConfig": config}}}}
        model = {"required": ["input"], "properties": {"input": _has(field, value)}}
        both = {
            "CreateModel": _and(model, {"run": _TRUE}),
            "deployment": {"type": "object", "required": ["run"], "properties": {"run": _TRUE}},
        }
        rule = {"if": {"required": list(both), "properties": both}, "then": {"properties": {"deployment": deployment}}}
        rules = rule | ({"else": rules} if rules else {})
    return rules


def _without_serverless() -> Schema:
    """Rejects serverless variants next to a field of the endpoint config that they do not support."""
    rules: Schema = {}
    for field, value in (
        ("ProductionVariants", {"type": "array", "minItems": 2}),
        ("EnableNetworkIsolation", _TRUE),
        ("VpcConfig", _GIVEN),
        ("DataCaptureConfig", _GIVEN),
    ):
        named = "a second variant" if field == "ProductionVariants" else f"EndpointConfig.{field}"
        rules = {"if": _has(field, value), "then": _no_serverless(named)} | ({"else": rules} if rules else {})
    return rules


def _has(field: str, value: Schema) -> Schema:
    return {"type": "object", "required": [field], "properties": {field: value}}


def _and(schema: Schema, properties: Schema) -> Schema:
    return {
        "type": "object",
        "required": [*schema["required"], *properties],
        "properties": schema["properties"] | properties,
    }


def _no_serverless(other: str, *, own_model: bool = False) -> Schema:
    message = f"{NOT_SERVERLESS.format(other)}; {INSTEAD}"
    none = {"properties": {"ServerlessConfig": {"type": "null", "errorMessage": message}}}
    item = {"if": {"properties": {"ModelName": {"type": "null"}}}, "then": none} if own_model else none
    return {"properties": {"ProductionVariants": {"items": item}}}


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
