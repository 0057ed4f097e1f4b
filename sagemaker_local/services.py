"""The services and their actions that a state machine or an AWS SDK can call."""

import functools
from dataclasses import dataclass

from sagemaker_local.endpoints import Endpoints
from sagemaker_local.job import JobContext
from sagemaker_local.jobs import Function, Jobs
from sagemaker_local.model import Models
from sagemaker_local.registry import Registry
from sagemaker_local.runtime import Runtime
from sagemaker_local.scaling import Scaling
from sagemaker_local.storage import get_object


@dataclass(frozen=True, kw_only=True)
class Service:
    """One of the services."""

    name: str
    """botocore's name."""
    java: str
    """The name in the AWS SDK for Java, and therefore in Step Functions' error names."""
    malformed: str = "ValidationException"
    """The error code for a malformed request."""


SAGEMAKER = Service(name="sagemaker", java="SageMaker")
RUNTIME = Service(name="sagemaker-runtime", java="SageMakerRuntime", malformed="ValidationError")
S3 = Service(name="s3", java="S3")
SCALING = Service(name="application-autoscaling", java="ApplicationAutoScaling")


def functions(
    context: JobContext, registry: Registry, models: Models, endpoints: Endpoints, jobs: Jobs
) -> dict[str, tuple[Service, Function]]:
    """Returns the service and function of each action, by the action's name as in ``aws-sdk:<service>:<action>``.

    A function takes a validated request and returns the response; it raises ``AwsError`` or ``TaskFailed``.
    """
    scaling = Scaling(context, endpoints)
    of_services: dict[Service, dict[str, Function]] = {
        SAGEMAKER: jobs.functions
        | {
            "createModel": models.create,
            "listModels": models.list_models,
            "describeModel": models.describe,
            "deleteModel": models.delete,
            "createModelPackageGroup": registry.create_group,
            "describeModelPackageGroup": registry.describe_group,
            "listModelPackageGroups": registry.list_groups,
            "deleteModelPackageGroup": registry.delete_group,
            "createModelPackage": registry.create_package,
            "describeModelPackage": registry.describe_package,
            "listModelPackages": registry.list_packages,
            "updateModelPackage": registry.update_package,
            "deleteModelPackage": registry.delete_package,
            "createEndpointConfig": endpoints.create_config,
            "describeEndpointConfig": endpoints.describe_config,
            "listEndpointConfigs": endpoints.list_configs,
            "deleteEndpointConfig": endpoints.delete_config,
            "createEndpoint": endpoints.create,
            "updateEndpoint": endpoints.update,
            "describeEndpoint": endpoints.describe,
            "listEndpoints": endpoints.list,
            "deleteEndpoint": endpoints.delete,
        },
        RUNTIME: {"invokeEndpoint": Runtime(context, endpoints).invoke},
        S3: {"getObject": functools.partial(get_object, context.s3)},
        SCALING: {
            "registerScalableTarget": scaling.register,
            "putScalingPolicy": scaling.put_policy,
            "describeScalableTargets": scaling.describe_targets,
            "describeScalingPolicies": scaling.describe_policies,
        },
    }
    return {action: (service, function) for service, of in of_services.items() for action, function in of.items()}
