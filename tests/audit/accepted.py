"""The accepted findings of the auditing tools: one resource, one finding, one reason each.

A finding that is not here fails the tests, and so does an entry that no tool finds any more.
"""

from tests.policies.options import OPTIONS
from tests.policies.references import ACCOUNT, REGION

Accepted = dict[tuple[str, str], str]

_BUCKET = "<StorageBucket5CB7C8EA.Arn>"
_LOGGING = (
    "It would need a second bucket just for logs; CloudTrail's data events record who accessed which object, "
    "if the account has them."
)
_OWN_OBJECTS = "The user chooses the keys: input.yaml names data and models in the pipeline's own bucket."
_NO_RESOURCE = (
    "AWS supports no resources for these actions: tracing, log delivery, a login, a metric, an answer, a list."
)
_NAMES = "The names end with execution IDs, which are not known in advance; the model's name in them is the limit."
_KEY_OPTIONAL = "AWS's own key encrypts it or, with the parameter kms-key-arn, the deployment's."
_NO_NETWORK = "It only calls AWS's APIs, over TLS, and needs nothing in a VPC, where each API would need an endpoint."
_CONCURRENCY = "It would be taken from the account's other functions; one start at a time is far below any limit."
_SYNCHRONOUS = "The caller waits for the response and sees the failure."
_DESTINATION = (
    "What it could not do goes to the queue of dead letters by its failure destination, which this check ignores; "
    "it keeps the error beside the event, where the function's own dead-letter queue would have the event alone."
)
_NAMES_ONLY = "It has no secrets, only names and ARNs."
_OWN_EXECUTIONS = "All executions of this state machine only."

_SAGEMAKER_NAMES = (
    *(f"{kind}/{name}" for kind in ("endpoint-config", "model") for name in ("*-demo-*", "demo-*")),
    *(f"{kind}-job/{name}" for kind in ("processing", "training", "transform") for name in ("*-demo-*", "demo-*")),
    *("endpoint/demo-*", "model-package-group/demo-*", "model-package/demo-*", "model-package/demo/*"),
)
_MONITORED_NAMES = (
    *(f"{kind}/{name}" for kind in ("endpoint-config", "model", "transform-job") for name in ("*-demo-*", "demo-*")),
    *("endpoint/demo-*", "model-package-group/demo-*", "model-package/demo-*", "model-package/demo/*"),
)
_MONITOR = "Monitor/Role/DefaultPolicy/Resource"
_WORKFLOW = "Workflow/Role/DefaultPolicy/Resource"
_JOBS = "SageMaker/Role/DefaultPolicy/Resource"
_MODELS = "Serving/Role/DefaultPolicy/Resource"
_BELOW = "The names that SageMaker and the gate write are not known in advance; the prefix is the limit."
_APPROVERS = "Approval/Approvers/Resource"
_ANNOUNCER = "Announcer/Role/DefaultPolicy/Resource"
_REPORTER = "Reporter/Role/DefaultPolicy/Resource"
_EXECUTIONS = (
    f"arn:aws:states:{REGION}:{ACCOUNT}:execution:"
    '{"Fn::Select":[6,{"Fn::Split":[":",{"Fn::GetAtt":["WorkflowStateMachine85C6F4E4","Arn"]}]}]}:*'
)


def _wildcard(resource: str) -> str:
    return f"AwsSolutions-IAM5[Resource::{resource}]"


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


CDK_NAG: Accepted = {
    ("Storage/Bucket/Resource", "AwsSolutions-S1"): _LOGGING,
    **{
        (f"{construct}/Function/Resource", "AwsSolutions-L1"): (
            "Python 3.13 is what the packages that go into the archives are tested with."
        )
        for construct in ("Announcer", "Approval", "Monitor", "Reporter", "Scripts", "Starter")
    },
    ("DeadLetters/Queue/Resource", "AwsSolutions-SQS3"): (
        "It is the dead-letter queue itself; an alarm fires on the first message, which is kept for 14 days."
    ),
    **{
        (f"{construct}/Role/DefaultPolicy/Resource", _wildcard(f"{_BUCKET}/*")): _OWN_OBJECTS
        for construct in ("Approval", "SageMaker", "Serving", "Starter", "Workflow")
    },
    **{(path, _wildcard("*")): _NO_RESOURCE for path in (_JOBS, _MODELS, _WORKFLOW, _APPROVERS)},
    **{
        (f"{construct}/Role/DefaultPolicy/Resource", _wildcard("*")): _NO_RESOURCE
        for construct in ("Announcer", "Approval", "Monitor", "Reporter", "Starter")
    },
    ("Scripts/Role/DefaultPolicy/Resource", _wildcard(f"{_BUCKET}/demo/scripts/*")): (
        "The scripts' names are those of the module's files; the prefix is the limit."
    ),
    **{
        (role, _wildcard(f"arn:aws:s3:::{name}/*")): "Data buckets are readable in full."
        for role in (_JOBS, _MODELS)
        for name in (f"sagemaker-sample-data-{REGION}", "the-data", "more-data")
    },
    **{
        (role, _wildcard(_arn("logs", "log-group:/aws/sagemaker/*"))): (
            "SageMaker names the log groups and streams of jobs and endpoints."
        )
        for role in (_JOBS, _MODELS)
    },
    **{
        (role, _wildcard(f"{_BUCKET}/demo/{prefix}*")): _BELOW
        for role, prefixes in {
            _JOBS: ("",),
            _MODELS: ("batch-output/", "data-capture/", "executions/*/batch/"),
            "Approval/Role/DefaultPolicy/Resource": ("registered/",),
            _MONITOR: ("executions/*/window/",),
            _REPORTER: ("", "reports/"),
        }.items()
        for prefix in prefixes
    },
    **{
        (role, _wildcard(_arn("ec2", f"{kind}/*"))): (
            "SageMaker creates and deletes the interfaces; their IDs are not known in advance."
        )
        for role in (_JOBS, _MODELS)
        for kind in ("network-interface", "security-group", "subnet")
    },
    **{(path, _wildcard(_EXECUTIONS)): _OWN_EXECUTIONS for path in (_APPROVERS, _ANNOUNCER, _REPORTER)},
    **{
        (_REPORTER, _wildcard(_arn("logs", f"log-group:/aws/sagemaker/*Jobs:{streams}"))): (
            "SageMaker names a stream after its job; the model's name in it is the limit. Listing shows names only."
        )
        for streams in ("*", "log-stream:demo-*", "log-stream:*-demo-*")
    },
    (_APPROVERS, _wildcard(_arn("cloudformation", "stack/mlops-demo/*"))): (
        "This stack only: its ID, which ends the ARN, is not part of the name by which people ask."
    ),
    **{(_WORKFLOW, _wildcard(_arn("sagemaker", name))): _NAMES for name in _SAGEMAKER_NAMES},
    **{(_MONITOR, _wildcard(_arn("sagemaker", name))): _NAMES for name in _MONITORED_NAMES},
    **{
        (_WORKFLOW, _wildcard(_arn("cloudwatch", f"alarm:TargetTracking-endpoint/{name}"))): _NAMES
        for name in ("demo-*", "demo/*")
    },
    (_WORKFLOW, _wildcard(_arn("cloudwatch", "alarm:*"))): (
        "Only DescribeAlarms: a DeploymentConfig may name any alarm of the account to roll an update back by."
    ),
    (_WORKFLOW, _wildcard(_arn("application-autoscaling", "scalable-target/*"))): (
        "AWS generates a target's ID; a condition limits the statement to SageMaker."
    ),
    **{
        (
            "Starter/Role/DefaultPolicy/Resource",
            _wildcard(_arn("sagemaker", name)),
        ): "With reuse, it describes what an earlier execution made, whose name is not known in advance."
        for name in (
            "model/demo-*",
            "model/*-demo-*",
            "model-package/demo/*",
            "model-package/demo-*",
            "endpoint/demo-*",
        )
    },
}
"""By construct path and rule."""

_STARTER, _ANNOUNCING = "StarterFunction5B184374", "AnnouncerFunctionEE093E77"
_REPORTING = "ReporterFunction1B906D63"
_MONITORING = "MonitorFunction39E4128B"
_FUNCTIONS = ("ApprovalFunction19EE0FBE", "ScriptsFunctionFBEBAB0F", _STARTER, _ANNOUNCING, _REPORTING, _MONITORING)
_LOGS = (
    *(
        "AnnouncerLogs41460739",
        "ApprovalLogs1F32F00B",
        "MonitorLogsA2A2A44B",
        "ReporterLogsCE976834",
        "ScriptsLogs3419F6BB",
        "StarterLogs21778E9A",
    ),
    "WorkflowLogs8B0907C7",
)

CHECKOV: Accepted = {
    ("StorageBucket5CB7C8EA", "CKV_AWS_18"): _LOGGING,
    **{(function, "CKV_AWS_117"): _NO_NETWORK for function in _FUNCTIONS},
    **{(function, "CKV_AWS_115"): _CONCURRENCY for function in _FUNCTIONS},
    **{(function, "CKV_AWS_116"): _SYNCHRONOUS for function in ("ApprovalFunction19EE0FBE", _MONITORING)},
    ("ScriptsFunctionFBEBAB0F", "CKV_AWS_116"): f"{_SYNCHRONOUS} Here that is CloudFormation.",
    **{(function, "CKV_AWS_116"): _DESTINATION for function in (_STARTER, _ANNOUNCING, _REPORTING)},
    **{
        (function, "CKV_AWS_173"): _NAMES_ONLY
        for function in (_STARTER, _ANNOUNCING, _REPORTING, "ApprovalFunction19EE0FBE", _MONITORING)
    },
    **{(log, "CKV_AWS_158"): _KEY_OPTIONAL for log in _LOGS},
    **{
        (table, "CKV_AWS_119"): _KEY_OPTIONAL
        for table in ("ApprovalRequests512F7F89", "MonitorWindows957D272E", "ReuseRecordsCA0C3E65")
    },
    ("DeadLettersQueue631681B1", "CKV_AWS_27"): (
        "It is encrypted with SQS's own keys, which this check does not count. With a KMS key, an event would be lost "
        "where the key's policy forgets EventBridge."
    ),
}
"""By logical ID and check; of the template with the defaults, and of that with every parameter."""

PARLIAMENT: Accepted = {
    (who, f"RESOURCE_MISMATCH states:{action}"): (
        "Its list of AWS's actions is older than the service's: a standard execution is arn:...:execution:..., and "
        "executions are listed of a state machine, arn:...:stateMachine:..., "
        "https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html"
    )
    for who, action in (
        ("AnnouncerRole", "DescribeExecution"),
        ("ApprovalApprovers", "DescribeExecution"),
        ("ReporterRole", "DescribeExecution"),
        ("ReporterRole", "ListExecutions"),
    )
}
"""By role and finding."""

CLOUDSPLAINING: Accepted = {
    (role, "credentials_exposure ecr:GetAuthorizationToken"): (
        "The login with which an image is pulled; it gives no more than the role's own permissions on ECR, two "
        "repositories at most of which are named."
    )
    for role in ("SageMakerRole", "ServingRole")
}
"""By role and finding."""

PARAMETERS = {name.lower().replace("_", "-"): value for name, value in OPTIONS.items()}
"""Every parameter that affects permissions, as CDK context."""
