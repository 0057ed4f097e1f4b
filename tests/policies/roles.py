"""The permissions that each role needs, by logical ID: those for the calls made under it."""

import json
from typing import Any

from tests.policies.calls import Place, needs
from tests.policies.conftest import CHAMPION, PACKAGE, of_deployment
from tests.policies.evaluator import Need
from tests.policies.options import KEY, OPTIONS
from tests.policies.references import ACCOUNT, REGION, resolved

HERE = Place(REGION, ACCOUNT)
ASSETS = f"arn:aws:s3:::cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
WRITES = ("PutObject", "AbortMultipartUpload")
TRACING = [Need(f"xray:{action}", "*") for action in ("PutTraceSegments", "PutTelemetryRecords")]

Call = tuple[str, dict[str, Any]]


def logical_id(template: dict[str, Any], kind: str, prefix: str = "") -> str:
    return next(
        str(name) for name, found in template["Resources"].items() if found["Type"] == kind and name.startswith(prefix)
    )


def arn(template: dict[str, Any], kind: str, prefix: str = "") -> str:
    return str(resolved({"Fn::GetAtt": [logical_id(template, kind, prefix), "Arn"]}, template))


def has_key(template: dict[str, Any]) -> bool:
    return KEY in str(template)


def key(via: str, *actions: str, resource: str = KEY) -> list[Need]:
    """The permissions to use the key through a service."""
    return [Need(f"kms:{action}", resource, {"kms:ViaService": f"{via}.{REGION}.amazonaws.com"}) for action in actions]


def topic_key(template: dict[str, Any]) -> str:
    """The key that encrypts the topic: the deployment's or its own."""
    return KEY if has_key(template) else arn(template, "AWS::KMS::Key", "Notifications")


def publishing(template: dict[str, Any]) -> list[Need]:
    """To the topic: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#sns-what-permissions-for-sse."""
    own = key("sns", "Decrypt", "GenerateDataKey", resource=topic_key(template))
    return [Need("sns:Publish", arn(template, "AWS::SNS::Topic")), *own]


def failures(template: dict[str, Any]) -> list[Need]:
    """Lambda sends what an asynchronous invocation could not do, in the function's name.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    return [Need("sqs:SendMessage", arn(template, "AWS::SQS::Queue", "DeadLetters"))]


def own_log(template: dict[str, Any], construct: str) -> list[Need]:
    stream = arn(template, "AWS::Logs::LogGroup", construct).removesuffix("*") + "log-stream:a"
    return [Need(f"logs:{action}", stream) for action in ("CreateLogStream", "PutLogEvents")]


def starter(template: dict[str, Any]) -> list[Need]:
    """The start Lambda reads the input and starts an execution."""
    bucket = arn(template, "AWS::S3::Bucket")
    return [
        Need("s3:GetObject", f"{bucket}/demo/scripts/input.yaml"),
        Need("s3:ListBucket", bucket),
        Need("states:StartExecution", arn(template, "AWS::StepFunctions::StateMachine")),
        *reuse(template),
        *TRACING,
        *own_log(template, "Starter"),
        *failures(template),
        *(key("s3", "Decrypt") if has_key(template) else ()),
    ]


def reuse(template: dict[str, Any]) -> list[Need]:
    """With reuse, the start Lambda reads the records, lists what jobs read, and looks at what SageMaker keeps."""
    data = [f"sagemaker-sample-data-{REGION}", *(["the-data", "more-data"] if has_key(template) else [])]
    names = ("demo", "demo-b")
    return [
        Need("dynamodb:GetItem", arn(template, "AWS::DynamoDB::Table", "Reuse")),
        *(Need("s3:ListBucket", f"arn:aws:s3:::{bucket}") for bucket in data),
        *(need for name in names for need in HERE.sagemaker("model-package", f"{name}/1", "DescribeModelPackage")),
        *(need for name in names for need in HERE.sagemaker("endpoint", name, "DescribeEndpoint")),
        *HERE.sagemaker("model", "model-mlops-demo-1", "DescribeModel"),
        *HERE.sagemaker("model", "demo-1", "DescribeModel"),
        *(key("dynamodb", "Decrypt") if has_key(template) else ()),
    ]


def gate(template: dict[str, Any]) -> list[Need]:
    """The gate reads reports, and copies what is registered."""
    bucket = arn(template, "AWS::S3::Bucket")
    return [
        Need("s3:GetObject", f"{bucket}/demo/executions/mlops-demo-1/evaluation/evaluation.json"),
        Need("s3:ListBucket", bucket),
        *(Need(f"s3:{action}", f"{bucket}/demo/registered/mlops-demo-1/x") for action in WRITES),
        *TRACING,
        *own_log(template, "Approval"),
        *(key("s3", "Decrypt", "GenerateDataKey") if has_key(template) else ()),
    ]


def monitor(template: dict[str, Any]) -> list[Need]:
    """The monitor finds what is in service and what it has scored, and counts the windows."""
    bucket, table = arn(template, "AWS::S3::Bucket"), arn(template, "AWS::DynamoDB::Table", "Monitor")
    # Those of the shipped input, and those of a user's own names, which begin with the model's.
    reads = {
        "DescribeEndpoint": ("endpoint/demo", "endpoint/demo-b"),
        "DescribeEndpointConfig": ("endpoint-config/mlops-demo-1", "endpoint-config/demo-b"),
        "DescribeModel": ("model/model-mlops-demo-1", "model/demo-b"),
        "ListModelPackages": (
            *("model-package-group/demo", "model-package/demo/1"),
            *("model-package-group/demo-b", "model-package/demo-b/1"),
        ),
        "DescribeModelPackage": ("model-package/demo/1", "model-package/demo-b/1"),
        "DescribeTransformJob": ("transform-job/batch-mlops-demo-1", "transform-job/demo-b"),
    }
    return [
        Need("s3:ListBucket", bucket),
        Need("s3:PutObject", f"{bucket}/demo/executions/mlops-demo-1/window/records.json"),
        Need("sagemaker:ListTransformJobs", "*"),
        *(Need(f"dynamodb:{action}", table) for action in ("GetItem", "UpdateItem")),
        *(
            Need(f"sagemaker:{action}", HERE.arn("sagemaker", name))
            for action, names in reads.items()
            for name in names
        ),
        *TRACING,
        *own_log(template, "Monitor"),
        *([*key("s3", "GenerateDataKey"), *key("dynamodb", "Decrypt")] if has_key(template) else ()),
    ]


def publisher(template: dict[str, Any]) -> list[Need]:
    """The publisher copies the archive of the scripts from the CDK's bucket into the pipeline's."""
    (publication,) = (
        found["Properties"] for found in template["Resources"].values() if "PublishedScripts" in found["Type"]
    )
    bucket = arn(template, "AWS::S3::Bucket")
    return [
        Need("s3:GetObject", f"{ASSETS}/{publication['ArchiveKey']}"),
        Need("s3:PutObject", f"{bucket}/demo/scripts/train.py"),
        Need("s3:ListBucket", bucket, {"s3:prefix": "demo/scripts/"}),
        Need("s3:GetObject", f"{bucket}/demo/scripts/.published.json"),
        *own_log(template, "Scripts"),
        *(key("s3", "Decrypt", "GenerateDataKey") if has_key(template) else ()),
    ]


def execution(template: dict[str, Any]) -> str:
    """The ARN of an execution of the pipeline."""
    machine = arn(template, "AWS::StepFunctions::StateMachine")
    return f"{machine.replace(':stateMachine:', ':execution:')}:mlops-demo-1"


def announcer(template: dict[str, Any]) -> list[Need]:
    """The announcer asks how an execution ended, and where, and publishes it."""
    return [
        *(Need(f"states:{action}", execution(template)) for action in ("DescribeExecution", "GetExecutionHistory")),
        *publishing(template),
        *TRACING,
        *own_log(template, "Announcer"),
        *failures(template),
    ]


def reporter(template: dict[str, Any]) -> list[Need]:
    """The reporter reads executions, what they read and wrote, and a failed job's log, and writes the pages."""
    bucket = arn(template, "AWS::S3::Bucket")
    data = [f"arn:aws:s3:::sagemaker-sample-data-{REGION}"]
    data += ["arn:aws:s3:::the-data", "arn:aws:s3:::more-data"] if has_key(template) else []
    objects = ("executions/mlops-demo-1/evaluation/evaluation.json", "registered/mlops-demo-1/evaluation.json")
    group = HERE.arn("logs", "log-group:/aws/sagemaker/TrainingJobs")
    return [
        Need("states:ListExecutions", arn(template, "AWS::StepFunctions::StateMachine")),
        *(Need(f"states:{action}", execution(template)) for action in ("DescribeExecution", "GetExecutionHistory")),
        Need("s3:ListBucket", bucket),
        *(Need("s3:ListBucketVersions", name) for name in (bucket, *data)),
        *(Need("s3:GetObject", f"{bucket}/demo/{name}") for name in (*objects, "reports/index.html")),
        Need("s3:GetObjectVersion", f"{bucket}/demo/scripts/.published.json"),
        *(Need("s3:PutObject", f"{bucket}/demo/reports/{name}") for name in ("index.html", "report-mlops-demo-1.html")),
        Need("logs:DescribeLogStreams", f"{group}:log-stream:"),
        *(
            Need("logs:GetLogEvents", f"{group}:log-stream:{name}/algo-1-1700000000")
            for name in ("mlops-demo-1", "evaluation-mlops-demo-1", "demo-b")
        ),
        *TRACING,
        *own_log(template, "Reporter"),
        *failures(template),
        *(key("s3", "Decrypt", "GenerateDataKey") if has_key(template) else ()),
    ]


def approvers(template: dict[str, Any]) -> list[Need]:
    """A person reads the request, updates it, answers, and reads the execution and the stack's outputs."""
    table = arn(template, "AWS::DynamoDB::Table", "Approval")
    return [
        Need("dynamodb:GetItem", table),
        Need("dynamodb:UpdateItem", table),
        Need("states:SendTaskSuccess", "*"),
        Need("states:DescribeExecution", execution(template)),
        # By name, as the AWS CLI asks, and by id, to which CloudFormation resolves it.
        *(
            Need("cloudformation:DescribeStacks", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/mlops-demo/{stack}")
            for stack in ("id", "")
        ),
        *(key("dynamodb", "Decrypt") if has_key(template) else ()),
    ]


JOBS_WRITE = (
    *("processing/train/a.csv", "model/mlops-demo-1/output/model.tar.gz"),  # as the sample input has it
    *("evaluation/output/evaluation.json", "batch-output/mlops-demo-1/a.out"),
    *("executions/mlops-demo-1/train/a.csv", "executions/mlops-demo-1/model/mlops-demo-1/output/model.tar.gz"),
)
MODELS_WRITE = ("executions/mlops-demo-1/batch/a.out", "batch-output/mlops-demo-1/a.out", "data-capture/demo/a.jsonl")


def jobs(template: dict[str, Any]) -> list[Need]:
    """Jobs write under the model's prefix."""
    return sagemaker(template, JOBS_WRITE)


def models(template: dict[str, Any]) -> list[Need]:
    """Models write the results of batch transforms, and what endpoints capture."""
    return sagemaker(template, MODELS_WRITE)


def sagemaker(template: dict[str, Any], writes: tuple[str, ...]) -> list[Need]:
    """Jobs and models: https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html."""
    own = arn(template, "AWS::S3::Bucket")
    full = has_key(template)
    read = [f"arn:aws:s3:::sagemaker-sample-data-{REGION}", own]
    read += ["arn:aws:s3:::the-data", "arn:aws:s3:::more-data"] if full else []
    images = _images(full=full)
    group = HERE.arn("logs", "log-group:/aws/sagemaker/TrainingJobs")
    found = [Need("ecr:GetAuthorizationToken", "*")]
    found += [Need(f"s3:{action}", bucket) for bucket in read for action in ("ListBucket", "GetBucketLocation")]
    found += [Need("s3:GetObject", f"{bucket}/demo/x") for bucket in read]
    found += [Need(f"s3:{action}", f"{own}/demo/{name}") for name in writes for action in WRITES]
    pulls = ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")
    found += [Need(f"ecr:{action}", image) for image in images for action in pulls]
    found += [Need(f"logs:{action}", group) for action in ("CreateLogGroup", "DescribeLogStreams")]
    found += [Need(f"logs:{action}", f"{group}:log-stream:a") for action in ("CreateLogStream", "PutLogEvents")]
    found += [Need("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "/aws/sagemaker/TrainingJobs"})]
    return [*found, *encrypted_in_vpc()] if full else found


def encrypted_in_vpc() -> list[Need]:
    changes = [f"{verb}NetworkInterface{what}" for verb in ("Create", "Delete") for what in ("", "Permission")]
    reads = ("DhcpOptions", "NetworkInterfaces", "SecurityGroups", "Subnets", "Vpcs")
    kinds = ("network-interface/eni-1", "subnet/subnet-1", "security-group/sg-1")
    return [
        *(Need(f"kms:{action}", KEY) for action in ("Decrypt", "Encrypt", "GenerateDataKey")),
        Need("kms:CreateGrant", KEY, {"kms:GrantIsForAWSResource": "true"}),
        *(Need(f"ec2:{action}", HERE.arn("ec2", kind)) for action in changes for kind in kinds),
        *(Need(f"ec2:Describe{read}", "*") for read in reads),
    ]


def workflow(template: dict[str, Any], calls: list[Call]) -> list[Need]:
    """The state machine makes the calls of its definition, writes its log, and is traced."""
    # https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html and .../xray-iam.html
    deliveries = [f"{verb}LogDelivery" for verb in ("Create", "Get", "Update", "Delete")]
    logs = [*deliveries, "ListLogDeliveries", "PutResourcePolicy"]
    logs += ["DescribeResourcePolicies", "DescribeLogGroups"]
    grant = {"kms:ViaService": f"sagemaker.{REGION}.amazonaws.com", "kms:GrantIsForAWSResource": "true"}
    return [
        *(need for action, request in calls for need in needs(action, of_deployment(template, request), HERE)),
        # A registered model may have any image that the jobs may run.
        *(
            Need(f"ecr:{action}", image)
            for action in ("BatchGetImage", "DescribeImages")
            for image in _images(full=has_key(template))
        ),
        *TRACING,
        *(Need(f"xray:{action}", "*") for action in ("GetSamplingRules", "GetSamplingTargets")),
        *(Need(f"logs:{action}", "*") for action in logs),
        *publishing(template),
        *(
            [*key("s3", "Decrypt"), *key("dynamodb", "Decrypt"), Need("kms:CreateGrant", KEY, grant)]
            if has_key(template)
            else ()
        ),
    ]


ROLES = {
    "StarterRole": starter,
    "ApprovalRole": gate,
    "MonitorRole": monitor,
    "ScriptsRole": publisher,
    "AnnouncerRole": announcer,
    "ReporterRole": reporter,
    "SageMakerRole": jobs,
    "ServingRole": models,
    "ApprovalApprovers": approvers,
}
"""The needs by logical ID prefix of the role, or of the policy for people."""


def needs_of(template: dict[str, Any], role: str, calls: list[Call]) -> list[Need]:
    return workflow(template, calls) if role == "WorkflowRole" else ROLES[role](template)


def renamed(calls: list[Call]) -> list[Call]:
    """The calls with names that start with the model's."""
    names = {"mlops-demo-": "demo-", "evaluation-demo-": "demo-e-", "model-demo-": "demo-m-", "batch-demo-": "demo-b-"}
    names |= {'"EndpointName": "demo"': '"EndpointName": "demo-b"', "endpoint/demo/": "endpoint/demo-b/"}
    names |= {
        '"ModelPackageGroupName": "demo"': '"ModelPackageGroupName": "demo-b"',
        **{package: package.replace("demo/", "demo-b/") for package in (PACKAGE, CHAMPION)},
    }
    return [(action, _replaced(request, names)) for action, request in calls]


def _replaced(request: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    text = json.dumps(request)
    for old, new in names.items():
        text = text.replace(old, new)
    content: dict[str, Any] = json.loads(text)
    return content


def _images(*, full: bool) -> list[str]:
    """The repositories of SageMaker's images, and the parameter's."""
    images = [f"arn:aws:ecr:{REGION}:683313688378:repository/sagemaker-{name}" for name in ("scikit-learn", "xgboost")]
    return images + ([OPTIONS["IMAGE_REPOSITORY_ARNS"]] if full else [])
