"""The services that a state machine, or an AWS SDK, reaches here, and what answers each of their actions."""

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
    """One of the services that the AWS SDK integrations reach here."""

    name: str
    """As botocore has it."""
    java: str
    """As the AWS SDK for Java, and therefore Step Functions' error names, have it."""
    malformed: str = "ValidationException"
    """The error code for a malformed request."""


SAGEMAKER = Service(name="sagemaker", java="SageMaker")
RUNTIME = Service(name="sagemaker-runtime", java="SageMakerRuntime", malformed="ValidationError")
S3 = Service(name="s3", java="S3")
SCALING = Service(name="application-autoscaling", java="ApplicationAutoScaling")


def functions(
    context: JobContext, registry: Registry, models: Models, endpoints: Endpoints, jobs: Jobs
) -> dict[str, tuple[Service, Function]]:
    """The service of each action, by the action's name as in ``aws-sdk:<service>:<action>``, and what answers it.

    Each function takes a checked request and gives the response; it raises ``errors.Refused`` or ``errors.JobFailed``.
    """
    scaling = Scaling(context, endpoints)
    of_services: dict[Service, dict[str, Function]] = {
        SAGEMAKER: jobs.functions
        | {
            "createModel": models.create,
            "createModelPackageGroup": registry.create_group,
            "describeModelPackageGroup": registry.describe_group,
            "listModelPackageGroups": registry.list_groups,
            "createModelPackage": registry.create_package,
            "describeModelPackage": registry.describe_package,
            "listModelPackages": registry.list_packages,
            "updateModelPackage": registry.update_package,
            "createEndpointConfig": endpoints.create_config,
            "describeEndpointConfig": endpoints.describe_config,
            "deleteEndpointConfig": endpoints.delete_config,
            "createEndpoint": endpoints.create,
            "updateEndpoint": endpoints.update,
            "describeEndpoint": endpoints.describe,
            "listEndpoints": endpoints.list,
            "deleteEndpoint": endpoints.delete,
        },
        RUNTIME: {"invokeEndpoint": Runtime(context, endpoints).invoke},
        S3: {"getObject": functools.partial(get_object, context.objects)},
        SCALING: {
            "registerScalableTarget": scaling.register,
            "putScalingPolicy": scaling.put_policy,
            "describeScalableTargets": scaling.describe_targets,
            "describeScalingPolicies": scaling.describe_policies,
        },
    }
    return {action: (service, function) for service, of in of_services.items() for action, function in of.items()}
