"""The requests of the deployment stage, each an expression: what the user gave, and what the run fills in."""

import json

from pipeline.asl.jsonata import EXECUTION_NAME, MODEL_NAME, given_object, text_or, without_nulls
from pipeline.stages.deployment import DEFAULT_VARIANT

_INPUT = "$states.input.deployment.input"
_RESULT = "$states.input.deployment.result"
_SMOKE_TEST = "$states.input.deployment.smoke_test"
_AUTOSCALING = "$states.input.deployment.autoscaling"

ENDPOINT_NAME = text_or(f"{_INPUT}.EndpointName", "$states.input.model_id")
CONFIG_NAME = text_or(f"{_INPUT}.EndpointConfig.EndpointConfigName", EXECUTION_NAME)

_VARIANTS = (
    f"[$map($exists({_INPUT}.EndpointConfig.ProductionVariants[0]) ? {_INPUT}.EndpointConfig.ProductionVariants"
    f" : [{json.dumps(DEFAULT_VARIANT)}],"
    f" function($v) {{ $merge([{{'ModelName': {MODEL_NAME}}}, $without_nulls($v)]) }})]"
)


def config_request() -> str:
    """CreateEndpointConfig: the user's, in which each variant has a model."""
    return without_nulls(
        f"$merge([{{'EndpointConfigName': {CONFIG_NAME}}}, {given_object(f'{_INPUT}.EndpointConfig')},"
        f" {{'ProductionVariants': {_VARIANTS}}}])"
    )


def create_request() -> str:
    """CreateEndpoint. A DeploymentConfig is about updates, but kept for the endpoint's own later ones."""
    return without_nulls(f"$merge([{_names()}, {_given('DeploymentConfig')}, {_given('Tags')}])")


def update_request() -> str:
    """UpdateEndpoint. Where the endpoint scales, it keeps the number of instances that it has come to."""
    return without_nulls(
        f"$merge([{_names()}, {_given('DeploymentConfig')},"
        f" $type({_AUTOSCALING}) = 'object' ? {{'RetainAllVariantProperties': true}} : {{}}])"
    )


def smoke_test_request() -> str:
    """InvokeEndpoint with the user's record."""
    return without_nulls(
        f"$merge([{{'EndpointName': {_RESULT}.EndpointName, 'ContentType': 'text/csv'}},"
        f" $sift($without_nulls({_SMOKE_TEST}), function($v, $k) {{ $k != 'S3Uri' }}),"
        f" $exists({_RESULT}.record) ? {{'Body': {_RESULT}.record}} : {{}}])"
    )


def target_request() -> str:
    """RegisterScalableTarget for the first variant."""
    return (
        f"$merge([{_scaled()}, {{'MinCapacity': {_AUTOSCALING}.min_capacity,"
        f" 'MaxCapacity': {_AUTOSCALING}.max_capacity}}])"
    )


def policy_request() -> str:
    """PutScalingPolicy: target tracking of the invocations per instance and minute."""
    return (
        f"$merge([{_scaled()}, {{'PolicyName': 'invocations-per-instance', 'PolicyType': 'TargetTrackingScaling',"
        " 'TargetTrackingScalingPolicyConfiguration': {"
        f"'TargetValue': {_AUTOSCALING}.invocations_per_instance,"
        " 'PredefinedMetricSpecification': {'PredefinedMetricType': 'SageMakerVariantInvocationsPerInstance'}}}])"
    )


def _names() -> str:
    return f"{{'EndpointName': {_RESULT}.EndpointName, 'EndpointConfigName': {_RESULT}.EndpointConfigName}}"


def _given(field: str) -> str:
    path = f"{_INPUT}.{field}"
    return f"$exists({path}) and {path} != null ? {{'{field}': $without_nulls({path})}} : {{}}"


def _scaled() -> str:
    variant = text_or(
        f"{_INPUT}.EndpointConfig.ProductionVariants[0].VariantName", f"'{DEFAULT_VARIANT['VariantName']}'"
    )
    return (
        "{'ServiceNamespace': 'sagemaker', 'ScalableDimension': 'sagemaker:variant:DesiredInstanceCount',"
        f" 'ResourceId': 'endpoint/' & {_RESULT}.EndpointName & '/variant/' & {variant}}}"
    )
