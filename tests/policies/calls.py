"""The permissions that each service integration needs, by its request: written from AWS's documentation, not our code.

- .sync integrations: https://docs.aws.amazon.com/step-functions/latest/dg/sagemaker-iam.html
- actions and resources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html,
  .../list_awsapplicationautoscaling.html, .../list_amazoncloudwatch.html
- tags and roles: https://docs.aws.amazon.com/sagemaker/latest/dg/api-permissions-reference.html
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.policies.evaluator import Need


@dataclass(frozen=True)
class Place:
    """The account and region of the calls."""

    region: str
    account: str

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource in this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def sagemaker(self, kind: str, name: str, *actions: str) -> Iterator[Need]:
        """Actions on a SageMaker resource, whose ARNs have lower-case names."""
        for action in actions:
            yield Need(f"sagemaker:{action}", self.arn("sagemaker", f"{kind}/{name.lower()}"))


Request = dict[str, Any]
Needs = Callable[[Request, Place], Iterator[Need]]


def _job(noun: str, kind: str) -> Needs:
    def needs(request: Request, place: Place) -> Iterator[Need]:
        name = request[f"{noun}Name"]
        yield from place.sagemaker(kind, name, f"Create{noun}", f"Describe{noun}", f"Stop{noun}")
        yield from _tags(kind, name, request, place)
        yield Need("sagemaker:ListTags", "*")
        yield from _role(request)
        rule = place.arn("events", f"rule/StepFunctionsGetEventsForSageMaker{noun}sRule")
        for action in ("PutTargets", "PutRule", "DescribeRule"):
            yield Need(f"events:{action}", rule)

    return needs


def _tags(kind: str, name: str, request: Request, place: Place) -> Iterator[Need]:
    if request.get("Tags"):
        yield from place.sagemaker(kind, name, "AddTags")


def _role(request: Request) -> Iterator[Need]:
    role = request.get("RoleArn") or request.get("ExecutionRoleArn")
    if role:
        yield Need("iam:PassRole", role, {"iam:PassedToService": "sagemaker.amazonaws.com"})


def _model(request: Request, place: Place) -> Iterator[Need]:
    yield from place.sagemaker("model", request["ModelName"], "CreateModel")
    yield from _tags("model", request["ModelName"], request, place)
    yield Need("sagemaker:ListTags", "*")
    yield from _role(request)


def _group(request: Request, place: Place) -> Iterator[Need]:
    yield from place.sagemaker("model-package-group", request["ModelPackageGroupName"], "CreateModelPackageGroup")


def _package(request: Request, place: Place) -> Iterator[Need]:
    group = request["ModelPackageGroupName"]
    yield from place.sagemaker("model-package-group", group, "CreateModelPackage")
    yield from place.sagemaker("model-package", f"{group}/1", "CreateModelPackage")
    yield from _tags("model-package", f"{group}/1", request, place)
    # https://docs.aws.amazon.com/sagemaker/latest/dg/api-permissions-reference.html, CreateModelPackage: the caller's.
    for container in request["InferenceSpecification"]["Containers"]:
        account, _, rest = container["Image"].partition(".dkr.ecr.")
        repository = rest.partition("/")[2].partition(":")[0]
        for action in ("BatchGetImage", "DescribeImages"):
            yield Need(f"ecr:{action}", f"arn:aws:ecr:{place.region}:{account}:repository/{repository}")
    # Tagging a version also tags its group.
    yield from _tags("model-package-group", group, request, place)


def _packages(request: Request, place: Place) -> Iterator[Need]:
    group = request["ModelPackageGroupName"]
    yield from place.sagemaker("model-package-group", group, "ListModelPackages")
    yield from place.sagemaker("model-package", f"{group}/1", "ListModelPackages")


def _one_package(action: str, field: str) -> Needs:
    def needs(request: Request, place: Place) -> Iterator[Need]:
        yield from place.sagemaker("model-package", request[field].partition(":model-package/")[2], action)

    return needs


def _config(action: str) -> Needs:
    def needs(request: Request, place: Place) -> Iterator[Need]:
        yield from place.sagemaker("endpoint-config", request["EndpointConfigName"], action)
        yield from _tags("endpoint-config", request["EndpointConfigName"], request, place)

    return needs


def _endpoint(action: str) -> Needs:
    def needs(request: Request, place: Place) -> Iterator[Need]:
        name = request["EndpointName"]
        yield from place.sagemaker("endpoint", name, action)
        yield from _tags("endpoint", name, request, place)
        if "EndpointConfigName" in request:
            yield from place.sagemaker("endpoint-config", request["EndpointConfigName"], action)
            yield from _tags("endpoint-config", request["EndpointConfigName"], request, place)
        if action == "UpdateEndpoint" and request.get("DeploymentConfig"):
            # Those that the user's DeploymentConfig names to roll back by.
            yield Need("cloudwatch:DescribeAlarms", place.arn("cloudwatch", "alarm:errors"))

    return needs


def _scaling(action: str) -> Needs:
    def needs(request: Request, place: Place) -> Iterator[Need]:
        yield Need(
            f"application-autoscaling:{action}",
            place.arn("application-autoscaling", "scalable-target/0ec51c7e5f8b4a"),
            {"application-autoscaling:service-namespace": request["ServiceNamespace"]},
        )
        name = request["ResourceId"].split("/")[1]
        if action == "RegisterScalableTarget":
            yield from place.sagemaker("endpoint", name, "DescribeEndpoint", "UpdateEndpointWeightsAndCapacities")
            for config in (f"mlops-{name}-1", f"{name}-1"):  # an execution's, and one of the user's own name
                yield from place.sagemaker("endpoint-config", config, "DescribeEndpointConfig")
            service = "sagemaker.application-autoscaling.amazonaws.com"
            role = f"aws-service-role/{service}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
            yield Need(
                "iam:CreateServiceLinkedRole",
                f"arn:aws:iam::{place.account}:role/{role}",
                {"iam:AWSServiceName": service},
            )
        else:
            alarm = place.arn("cloudwatch", f"alarm:TargetTracking-{request['ResourceId']}-AlarmHigh-0123")
            for each in ("PutMetricAlarm", "DescribeAlarms", "DeleteAlarms"):
                yield Need(f"cloudwatch:{each}", alarm)

    return needs


NEEDS: dict[str, Needs] = {
    "createProcessingJob.sync": _job("ProcessingJob", "processing-job"),
    "createTrainingJob.sync": _job("TrainingJob", "training-job"),
    "createTransformJob.sync": _job("TransformJob", "transform-job"),
    "createModel": _model,
    "createModelPackageGroup": _group,
    "createModelPackage": _package,
    "listModelPackages": _packages,
    "describeModelPackage": _one_package("DescribeModelPackage", "ModelPackageName"),
    "updateModelPackage": _one_package("UpdateModelPackage", "ModelPackageArn"),
    "createEndpointConfig": _config("CreateEndpointConfig"),
    "deleteEndpointConfig": _config("DeleteEndpointConfig"),
    "createEndpoint": _endpoint("CreateEndpoint"),
    "updateEndpoint": _endpoint("UpdateEndpoint"),
    "describeEndpoint": _endpoint("DescribeEndpoint"),
    "deleteEndpoint": _endpoint("DeleteEndpoint"),
    "invokeEndpoint": _endpoint("InvokeEndpoint"),
    "registerScalableTarget": _scaling("RegisterScalableTarget"),
    "putScalingPolicy": _scaling("PutScalingPolicy"),
    "invoke": lambda request, _: iter([Need("lambda:InvokeFunction", request["FunctionName"])]),
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
    "putEvents": lambda request, place: iter(
        Need("events:PutEvents", place.arn("events", "event-bus/default"), {"events:source": entry["Source"]})
        for entry in request["Entries"]
    ),
    "publish": lambda request, _: iter([Need("sns:Publish", request["TopicArn"])]),
    "putItem.waitForTaskToken": lambda request, place: iter(
        [Need("dynamodb:PutItem", place.arn("dynamodb", f"table/{request['TableName']}"))]
    ),
    "putItem": lambda request, place: iter(
        [Need("dynamodb:PutItem", place.arn("dynamodb", f"table/{request['TableName']}"))]
    ),
    "getObject": lambda request, _: iter([Need("s3:GetObject", f"arn:aws:s3:::{request['Bucket']}/{request['Key']}")]),
}
"""The needs by the last part of the integration's name."""


def needs(action: str, request: Request, place: Place) -> list[Need]:
    """The permissions that a call needs.

    Args:
        action: the last part of the integration's name: ``createTrainingJob.sync``.
        request: its arguments.
        place: where it is made.
    """
    return list(NEEDS[action](request, place))
