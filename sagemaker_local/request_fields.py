"""What this machine does with each field of a request that creates something: the table behind ``differences``.

The tables have the shape of the requests: a structure, or a list of structures, is a dict of its members. Each other
field is ``HONOURED``, ``Harmless``, ``Refused`` or ``Different``; the last three may also stand for all of a structure.
A test compares the tables with botocore's service model, so that a field that a newer botocore adds cannot be
overlooked. What the fields mean on AWS is in the API reference, from which botocore's model has its texts.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Honoured:
    """The field has the effect that it has on AWS."""


@dataclass(frozen=True)
class Harmless:
    """The field has no effect here, and the job, its results and the user's calls are the same without."""

    why: str


@dataclass(frozen=True)
class Refused:
    """A request with the field is rejected with ``Local.NotSupported``."""


@dataclass(frozen=True, kw_only=True)
class Different:
    """The field has another effect here than on AWS."""

    here: str
    """What happens here; ``{value}`` is the field's value."""
    on_aws: str
    """What happens on AWS; ``{value}`` is the field's value."""
    when: Callable[[Any], bool] = bool
    """Whether a value makes a difference; a field that is not set never does."""
    unless_isolated: bool = False
    """Whether it is honoured where this machine isolates jobs."""


Treatment = Honoured | Harmless | Refused | Different
Fields = Mapping[str, "Treatment | Fields"]

HONOURED = Honoured()
_REFUSED = Refused()


def _all(treatment: Treatment, *names: str) -> dict[str, Treatment]:
    return dict.fromkeys(names, treatment)


def _more_than_one(count: int) -> bool:
    return count > 1


def _needs_more_than_one_cpu_host(groups: Sequence[Mapping[str, Any]]) -> bool:
    """Whether instance groups have more than one instance, or one with an accelerator."""
    accelerated = any(_has_accelerator(group.get("InstanceType", "")) for group in groups)
    return accelerated or sum(group.get("InstanceCount", 1) for group in groups) > 1


def _has_accelerator(instance_type: str) -> bool:
    """Whether instances of a type have GPUs or AWS's own accelerators."""
    return re.match(r"ml\.(g|p|trn|inf)\d", instance_type) is not None


_TAGS = Harmless("the AWS account's own bookkeeping")
_KEY = Harmless("nothing is encrypted here; what is read and written is the same")
_DISK = Harmless("the size of this machine's disk")
_CAPACITY = Harmless("how AWS finds, reserves or bills instances")
_PULL = Harmless("how AWS pulls the image")
_READ_ONLY = Harmless("read-only: AWS sets it in its descriptions")
_KEPT = Harmless("kept and described, and nothing more on AWS")
_PROCESSORS = "the processors of this machine"
_INSTANCE_TYPE = Different(here=_PROCESSORS, on_aws="the accelerators of {value}", when=_has_accelerator)
_HOSTS = Different(here="one host", on_aws="{value} hosts", when=_more_than_one)
_ROLE = Different(here="S3 without IAM: no request is denied", on_aws="what the role allows")
_VPC = Different(here="the network of this machine", on_aws="the network of the VPC")
_ISOLATION = Different(here="ignored: the network can be reached", on_aws="no network", unless_isolated=True)
_EXPERIMENT = Different(here="not tracked", on_aws="tracked in SageMaker Experiments")
_PREFERENCES = Different(here=_PROCESSORS, on_aws="the first of these instance types that is available")

_PROCESSING: Fields = {
    **_all(HONOURED, "ProcessingJobName", "Environment"),
    "ProcessingInputs": {
        **_all(HONOURED, "InputName", "AppManaged"),
        "S3Input": {
            **_all(HONOURED, "S3Uri", "LocalPath", "S3DataType", "S3InputMode", "S3DataDistributionType"),
            "S3CompressionType": Harmless("only for Pipe mode, which is refused"),
        },
        "DatasetDefinition": _REFUSED,
    },
    "ProcessingOutputConfig": {
        "Outputs": {
            **_all(HONOURED, "OutputName", "AppManaged"),
            "S3Output": _all(HONOURED, "S3Uri", "LocalPath", "S3UploadMode"),
            "FeatureStoreOutput": _REFUSED,
        },
        "KmsKeyId": _KEY,
    },
    "ProcessingResources": {
        "ClusterConfig": {
            "InstanceCount": _HOSTS,
            "InstanceType": _INSTANCE_TYPE,
            "VolumeSizeInGB": _DISK,
            "VolumeKmsKeyId": _KEY,
            "InstancePreferences": _PREFERENCES,
            **_all(_READ_ONLY, "SelectedInstanceType", "SelectedInstanceCount"),
        }
    },
    "StoppingCondition": {"MaxRuntimeInSeconds": HONOURED},
    "AppSpecification": _all(HONOURED, "ImageUri", "ContainerEntrypoint", "ContainerArguments"),
    "NetworkConfig": {
        "EnableInterContainerTrafficEncryption": Harmless("no traffic leaves this machine"),
        "EnableNetworkIsolation": _ISOLATION,
        "VpcConfig": _VPC,
    },
    "RoleArn": _ROLE,
    "Tags": _TAGS,
    "ExperimentConfig": _EXPERIMENT,
}

_TRAINING: Fields = {
    **_all(HONOURED, "TrainingJobName", "HyperParameters", "Environment"),
    "AlgorithmSpecification": {
        **_all(HONOURED, "TrainingImage", "ContainerEntrypoint", "ContainerArguments"),
        "AlgorithmName": _REFUSED,
        "TrainingInputMode": HONOURED,  # FastFile is laid out as File: the same files, read from the disk
        "MetricDefinitions": _all(HONOURED, "Name", "Regex"),
        "EnableSageMakerMetricsTimeSeries": Different(here="no time series", on_aws="time series of the metrics"),
        "TrainingImageConfig": _PULL,
    },
    "RoleArn": _ROLE,
    "InputDataConfig": {
        **_all(HONOURED, "ChannelName", "ContentType", "RecordWrapperType", "InputMode"),
        "DataSource": {
            "S3DataSource": {
                **_all(HONOURED, "S3DataType", "S3Uri", "S3DataDistributionType"),
                "AttributeNames": Harmless("only for AugmentedManifestFile, which is refused"),
                "InstanceGroupNames": Different(here="read by the one host", on_aws="read by these groups' hosts"),
                "ModelAccessConfig": Harmless("the user's consent to a licence"),
                "HubAccessConfig": Different(here="S3Uri is read as it is", on_aws="access through the model hub"),
            },
            "FileSystemDataSource": _REFUSED,
            "DatasetSource": _REFUSED,
        },
        "CompressionType": Harmless("only for Pipe mode, which is refused"),
        "ShuffleConfig": Harmless("the order of streamed data; files have none"),
    },
    "OutputDataConfig": {"KmsKeyId": _KEY, **_all(HONOURED, "S3OutputPath", "CompressionType")},
    "ResourceConfig": {
        "InstanceType": _INSTANCE_TYPE,
        "InstanceCount": _HOSTS,
        "VolumeSizeInGB": _DISK,
        "VolumeKmsKeyId": _KEY,
        "InstanceGroups": Different(
            here="one host in one group", on_aws="the hosts of these groups", when=_needs_more_than_one_cpu_host
        ),
        "InstancePreferences": _PREFERENCES,
        **_all(_CAPACITY, "KeepAlivePeriodInSeconds", "TrainingPlanArn", "InstancePlacementConfig"),
        **_all(_READ_ONLY, "SelectedInstanceType", "SelectedInstanceCount"),
    },
    "VpcConfig": _VPC,
    "StoppingCondition": {
        "MaxRuntimeInSeconds": HONOURED,
        **_all(_CAPACITY, "MaxWaitTimeInSeconds", "MaxPendingTimeInSeconds"),
    },
    "Tags": _TAGS,
    "EnableNetworkIsolation": _ISOLATION,
    "EnableInterContainerTrafficEncryption": Harmless("no traffic leaves this machine"),
    "EnableManagedSpotTraining": Different(here="never interrupted", on_aws="may be interrupted and started again"),
    "CheckpointConfig": _all(HONOURED, "S3Uri", "LocalPath"),
    "DebugHookConfig": Different(here="nothing is uploaded", on_aws="what the hook writes is uploaded"),
    "DebugRuleConfigurations": Different(here="no rule is evaluated", on_aws="rules are evaluated"),
    "TensorBoardOutputConfig": _all(HONOURED, "LocalPath", "S3OutputPath"),
    "ExperimentConfig": _EXPERIMENT,
    "ProfilerConfig": Different(
        here="no profile", on_aws="a profile in S3", when=lambda config: not config.get("DisableProfiler", False)
    ),
    "ProfilerRuleConfigurations": Different(here="no rule is evaluated", on_aws="rules are evaluated"),
    "RetryStrategy": Harmless("only after SageMaker's own errors"),
    "RemoteDebugConfig": Harmless("access to the container on AWS"),
    "InfraCheckConfig": Harmless("checks of AWS's own machines"),
    "SessionChainingConfig": Different(here="no IAM", on_aws="session tags limit the job's access"),
    "ServerlessJobConfig": Different(here="a job of its image", on_aws="a serverless job"),
    "MlflowConfig": Different(here="not tracked", on_aws="tracked in MLflow"),
    "ModelPackageConfig": Different(here="no model package", on_aws="a model package of the result"),
}

_TRANSFORM: Fields = {
    **_all(HONOURED, "TransformJobName", "ModelName", "MaxConcurrentTransforms", "MaxPayloadInMB", "BatchStrategy"),
    "ModelClientConfig": _all(HONOURED, "InvocationsTimeoutInSeconds", "InvocationsMaxRetries"),
    "Environment": HONOURED,
    "TransformInput": {
        "DataSource": {"S3DataSource": _all(HONOURED, "S3DataType", "S3Uri")},
        **_all(HONOURED, "ContentType", "CompressionType", "SplitType"),
    },
    "TransformOutput": {**_all(HONOURED, "S3OutputPath", "Accept", "AssembleWith"), "KmsKeyId": _KEY},
    "DataCaptureConfig": _REFUSED,
    "TransformResources": {
        "InstanceType": _INSTANCE_TYPE,
        "InstanceCount": _HOSTS,
        "VolumeKmsKeyId": _KEY,
        "TransformAmiVersion": Harmless("the drivers of AWS's own machines"),
    },
    "DataProcessing": _all(HONOURED, "InputFilter", "OutputFilter", "JoinSource"),
    "Tags": _TAGS,
    "ExperimentConfig": _EXPERIMENT,
}

_CONTAINER: Fields = {
    "ContainerHostname": Harmless("ignored for a single container"),
    **_all(HONOURED, "Image", "Mode", "ModelDataUrl", "Environment", "ModelPackageName"),
    "ImageConfig": _PULL,
    "ModelDataSource": {
        "S3DataSource": {
            **_all(HONOURED, "S3Uri", "S3DataType", "CompressionType"),
            "ModelAccessConfig": Harmless("the user's consent to a licence"),
            "HubAccessConfig": Different(here="S3Uri is read as it is", on_aws="access through the model hub"),
            "ManifestS3Uri": Different(here="all objects below S3Uri", on_aws="the objects that the manifest lists"),
            **_all(Different(here="not compared", on_aws="the object with this ETag"), "ETag", "ManifestEtag"),
        }
    },
    "AdditionalModelDataSources": Different(here="not downloaded", on_aws="downloaded for the model"),
    "InferenceSpecificationName": Different(
        here="the model package's InferenceSpecification", on_aws="its inference specification {value}"
    ),
    "MultiModelConfig": Harmless("only for the mode MultiModel, which is refused"),
    "ContainerMetricsConfig": Different(here="no metrics", on_aws="the container's metrics in CloudWatch"),
}

_MODEL: Fields = {
    "ModelName": HONOURED,
    "PrimaryContainer": _CONTAINER,
    "Containers": _CONTAINER,
    "InferenceExecutionConfig": Harmless("only for several containers, which are refused"),
    "ExecutionRoleArn": _ROLE,
    "Tags": _TAGS,
    "VpcConfig": _VPC,
    "EnableNetworkIsolation": _ISOLATION,
}

_VARIANT: Fields = {
    **_all(HONOURED, "VariantName", "ModelName", "InitialVariantWeight", "ContainerStartupHealthCheckTimeoutInSeconds"),
    "InitialInstanceCount": _HOSTS,
    "InstanceType": _INSTANCE_TYPE,
    "InstancePools": Different(here="one host with the variant's model", on_aws="the instances of these pools"),
    "AcceleratorType": Harmless("no longer supported on AWS"),
    "CoreDumpConfig": Different(here="no core dump", on_aws="a core dump in S3 after a crash"),
    "ServerlessConfig": Different(
        here="all of this machine's memory, and any number of requests at a time",
        on_aws="{value[MemorySizeInMB]} MB of memory, and {value[MaxConcurrency]} requests at a time",
    ),
    "VolumeSizeInGB": _DISK,
    "ModelDataDownloadTimeoutInSeconds": Harmless("the model is read from this machine's S3"),
    "EnableSSMAccess": Harmless("access to the container on AWS"),
    "ManagedInstanceScaling": Different(
        here="one host", on_aws="instances as they are needed", when=lambda scaling: scaling.get("Status") == "ENABLED"
    ),
    "RoutingConfig": Harmless("how requests are shared among several instances"),
    "InferenceAmiVersion": Harmless("the drivers of AWS's own machines"),
    **_all(_CAPACITY, "VariantInstanceProvisionTimeoutInSeconds", "CapacityReservationConfig"),
}

_ENDPOINT_CONFIG: Fields = {
    "EndpointConfigName": HONOURED,
    "ProductionVariants": _VARIANT,
    "DataCaptureConfig": {
        **_all(HONOURED, "EnableCapture", "InitialSamplingPercentage", "DestinationS3Uri"),
        "KmsKeyId": _KEY,
        "CaptureOptions": {"CaptureMode": HONOURED},
        "CaptureContentTypeHeader": _all(HONOURED, "CsvContentTypes", "JsonContentTypes"),
    },
    "Tags": _TAGS,
    "KmsKeyId": _KEY,
    **_all(_REFUSED, "AsyncInferenceConfig", "ExplainerConfig", "ShadowProductionVariants"),
    "ExecutionRoleArn": _ROLE,
    "VpcConfig": _VPC,
    "EnableNetworkIsolation": Different(here="as each model has it", on_aws="no model has a network"),
    "MetricsConfig": Different(here="no metrics", on_aws="metrics in CloudWatch"),
}

_DEPLOYMENT: Fields = {
    "BlueGreenUpdatePolicy": Different(here="all traffic moves at once", on_aws="traffic moves by this policy"),
    "RollingUpdatePolicy": Different(here="all traffic moves at once", on_aws="traffic moves by this policy"),
    "AutoRollbackConfiguration": Different(here="no alarm is watched", on_aws="an alarm rolls the update back"),
}

_SPECIFICATION: Fields = {
    "Containers": {
        **_all(HONOURED, "Image", "ModelDataUrl", "Environment"),
        "ContainerHostname": Harmless("ignored for a single container"),
        "ModelDataSource": _CONTAINER["ModelDataSource"],
        "ImageDigest": Different(here="the packages of the image's tag", on_aws="the image with this digest"),
        **_all(_KEPT, "ProductId", "ModelInput", "Framework", "FrameworkVersion", "NearestModelName"),
        **_all(
            Different(here="not downloaded", on_aws="downloaded for the model"),
            "AdditionalModelDataSources",
            "AdditionalS3DataSource",
        ),
        **_all(_KEPT, "ModelDataETag", "IsCheckpoint", "BaseModel"),
    },
    **_all(_KEPT, "SupportedTransformInstanceTypes", "SupportedRealtimeInferenceInstanceTypes"),
    **_all(_KEPT, "SupportedContentTypes", "SupportedResponseMIMETypes"),
}

_PACKAGE: Fields = {
    **_all(HONOURED, "ModelPackageGroupName", "ModelApprovalStatus", "ClientToken"),
    "ModelPackageName": _REFUSED,
    "InferenceSpecification": _SPECIFICATION,
    "ValidationSpecification": Different(here="no transform job tests the package", on_aws="transform jobs test it"),
    "Tags": _TAGS,
    "SecurityConfig": _KEY,
    **_all(_KEPT, "ModelPackageDescription", "ModelPackageRegistrationType", "SourceAlgorithmSpecification"),
    **_all(_KEPT, "CertifyForMarketplace", "MetadataProperties", "ModelMetrics", "Domain", "Task", "SamplePayloadUrl"),
    **_all(_KEPT, "CustomerMetadataProperties", "DriftCheckBaselines", "AdditionalInferenceSpecifications"),
    **_all(_KEPT, "SkipModelValidation", "SourceUri", "ModelCard", "ModelLifeCycle", "ManagedStorageType"),
}

_PACKAGE_UPDATE: Fields = {
    **_all(HONOURED, "ModelPackageArn", "ModelApprovalStatus", "CustomerMetadataPropertiesToRemove"),
    "InferenceSpecification": _SPECIFICATION,
    "ClientToken": Harmless("an update that is repeated has the same result"),
    **_all(_KEPT, "ModelPackageRegistrationType", "ApprovalDescription", "CustomerMetadataProperties"),
    **_all(_KEPT, "AdditionalInferenceSpecificationsToAdd", "SourceUri", "ModelCard", "ModelLifeCycle"),
}

_SCALABLE_TARGET: Fields = {
    **_all(HONOURED, "ServiceNamespace", "ResourceId", "ScalableDimension"),
    "MinCapacity": Different(here="one host", on_aws="at least {value} hosts", when=_more_than_one),
    "MaxCapacity": Different(here="one host", on_aws="up to {value} hosts", when=_more_than_one),
    "RoleARN": Harmless("AWS replaces it by its own role for SageMaker"),
    "SuspendedState": Harmless("nothing is scaled here"),
    "Tags": _TAGS,
}

_SCALING_POLICY: Fields = {
    **_all(HONOURED, "PolicyName", "ServiceNamespace", "ResourceId", "ScalableDimension", "PolicyType"),
    **_all(
        Different(here="stored", on_aws="followed"),
        "StepScalingPolicyConfiguration",
        "TargetTrackingScalingPolicyConfiguration",
        "PredictiveScalingPolicyConfiguration",
    ),
}

FIELDS: Mapping[str, Fields] = {
    "CreateProcessingJob": _PROCESSING,
    "CreateTrainingJob": _TRAINING,
    "CreateTransformJob": _TRANSFORM,
    "CreateModel": _MODEL,
    "CreateEndpointConfig": _ENDPOINT_CONFIG,
    "CreateEndpoint": {
        **_all(HONOURED, "EndpointName", "EndpointConfigName"),
        "DeploymentConfig": Harmless("for updates; a new endpoint has no traffic to move"),
        "Tags": _TAGS,
    },
    "UpdateEndpoint": {
        **_all(HONOURED, "EndpointName", "EndpointConfigName"),
        "RetainAllVariantProperties": Different(
            here="the new configuration's weights and counts", on_aws="the weights and counts of before"
        ),
        "ExcludeRetainedVariantProperties": Harmless("only with RetainAllVariantProperties"),
        "DeploymentConfig": _DEPLOYMENT,
        "RetainDeploymentConfig": Different(here="no deployment configuration is used", on_aws="the last one is used"),
    },
    "CreateModelPackageGroup": {
        "ModelPackageGroupName": HONOURED,
        "ModelPackageGroupDescription": _KEPT,
        "Tags": _TAGS,
        "ManagedConfiguration": _KEPT,
    },
    "CreateModelPackage": _PACKAGE,
    "UpdateModelPackage": _PACKAGE_UPDATE,
    "RegisterScalableTarget": _SCALABLE_TARGET,
    "PutScalingPolicy": _SCALING_POLICY,
}
"""The fields of each request that creates or updates something, by the operation's name."""
