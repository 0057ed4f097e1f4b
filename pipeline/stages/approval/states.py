"""Approval: the gate judges the report; then, if asked for, a person answers; the model package says how it ended.

approval: champions   the newest approved version of the group that this execution registered into
approval: champion    where its report lies
approval              the gate: metrics against thresholds, and against the champion's
approval: decided?    to the person, to the registry, or to the end
approval: announce    tells people that an answer is wanted
approval: person      waits for the answer
approval: record      writes the decision to the model package
"""

from typing import Any

from pipeline.asl.jsonata import EXECUTION_NAME, REPORT, jsonata, number_or, or_null, with_more, with_result
from pipeline.asl.resources import Resources
from pipeline.asl.retries import LAMBDA_RETRY, SDK_RETRY, retry
from pipeline.grants import Grants, OwnGrant, sagemaker
from pipeline.stages.approval import CHAMPIONS, DEFAULT_WAIT, REJECTED
from pipeline.stages.registration.states import GROUP_NAME

_CHAMPION_KNOWN = "approval: champion?"
_CHAMPION = "approval: champion"
_GATE = "approval"
_DECIDED = "approval: decided?"
_ANNOUNCE = "approval: announce"
_PERSON = "approval: person"
_RECORD = "approval: record"

_KEPT_FOR = 30 * 24 * 3600
"""Seconds for which a request is kept after that, so that a late answer can be told how it ended."""

_RESULT = "$states.input.approval.result"
_TIMEOUT = number_or("$states.input.approval.timeout_seconds", DEFAULT_WAIT)
_PACKAGE = "$states.input.registration.result.ModelPackageArn"
_REGISTERED = "$states.input.registration.run = true"
_KEPT_REPORT = "$states.input.registration.result.report.S3Uri"
_JUDGED_REPORT = f"({_REGISTERED} and $exists({_KEPT_REPORT}) ? {_KEPT_REPORT} : {or_null(REPORT)})"
"""The report where no job can write, of a registered model; else where the evaluation has written it."""


def approval_states(resources: Resources, *, following: str) -> dict[str, Any]:
    """The stage's states.

    Args:
        resources: what of the deployment they refer to.
        following: the name of the state after them.
    """
    return _champion(resources) | _gate(resources, following) | _person(resources) | _end(resources, following)


def _champion(resources: Resources) -> dict[str, Any]:
    # Never the model itself, which would always be as good as itself.
    others = f"$states.result.ModelPackageSummaryList[ModelPackageArn != {_PACKAGE}]"
    newest = f"{others}[0].ModelPackageArn"
    statistics = "$states.result.ModelMetrics.ModelQuality.Statistics.S3Uri"
    return {
        CHAMPIONS: {
            "Type": "Task",
            "Resource": resources.integration("aws-sdk:sagemaker:listModelPackages"),
            "Arguments": {
                "ModelPackageGroupName": jsonata(GROUP_NAME),
                "ModelApprovalStatus": "Approved",
                "SortBy": "CreationTime",
                "SortOrder": "Descending",
                "MaxResults": 2,
            },
            "Output": jsonata(with_result("approval", f"{{'champion': {{'ModelPackageArn': {newest}}}}}")),
            "Retry": SDK_RETRY,
            "Next": _CHAMPION_KNOWN,
        },
        _CHAMPION_KNOWN: {
            "Type": "Choice",
            "Choices": [{"Condition": jsonata(f"$exists({_RESULT}.champion.ModelPackageArn)"), "Next": _CHAMPION}],
            "Default": _GATE,
        },
        _CHAMPION: {
            "Type": "Task",
            "Resource": resources.integration("aws-sdk:sagemaker:describeModelPackage"),
            "Arguments": {"ModelPackageName": jsonata(f"{_RESULT}.champion.ModelPackageArn")},
            "Output": jsonata(
                with_result(
                    "approval",
                    f"{{'champion': {{'ModelPackageArn': $states.result.ModelPackageArn,"
                    f" 'report': {or_null(statistics)}}}}}",
                )
            ),
            "Retry": SDK_RETRY,
            "Next": _GATE,
        },
    }


def _gate(resources: Resources, following: str) -> dict[str, Any]:
    payload = (
        f"{{'execution': {EXECUTION_NAME}, 'report': {_JUDGED_REPORT},"
        f" 'approval': $sift($states.input.approval, function($v, $k) {{ $k != 'result' }}),"
        f" 'model_package': {_REGISTERED} ? {_PACKAGE} : null,"
        f" 'champion': $exists({_RESULT}.champion.ModelPackageArn) ? {_RESULT}.champion : null}}"
    )
    return {
        _GATE: {
            "Type": "Task",
            "Resource": resources.integration("lambda:invoke"),
            "Arguments": {"FunctionName": resources.gate, "Payload": jsonata(payload)},
            "Output": jsonata(with_result("approval", "$states.result.Payload")),
            "Retry": LAMBDA_RETRY,
            "Next": _DECIDED,
        },
        _DECIDED: {
            "Type": "Choice",
            "Choices": [
                {"Condition": jsonata(f"{_RESULT}.decision = 'Invalid'"), "Next": REJECTED},
                {"Condition": jsonata(f"{_RESULT}.decision = 'Waiting'"), "Next": _ANNOUNCE},
                {"Condition": jsonata(_REGISTERED), "Next": _RECORD},
            ],
            "Default": following,
        },
    }


def _person(resources: Resources) -> dict[str, Any]:
    now = "$floor($millis() / 1000)"
    asked = f"$string($sift({_RESULT}, function($v, $k) {{ $k != 'announcement' }}))"
    item = (
        f"($seconds := {now}; {{'execution': {{'S': {EXECUTION_NAME}}}, 'token': {{'S': $states.context.Task.Token}},"
        f" 'requested': {{'S': $now()}}, 'answer_by': {{'N': $string($seconds + {_TIMEOUT})}},"
        f" 'expires': {{'N': $string($seconds + {_TIMEOUT} + {_KEPT_FOR})}}, 'request': {{'S': {asked}}}}})"
    )
    return {
        _ANNOUNCE: {
            "Type": "Task",
            "Resource": resources.integration("sns:publish"),
            "Arguments": {
                "TopicArn": resources.topic,
                "Subject": jsonata(f"{_RESULT}.announcement.subject"),
                "Message": jsonata(f"{_RESULT}.announcement.message"),
            },
            "Output": jsonata("$states.input"),
            "Retry": retry("States.TaskFailed"),
            "Next": _PERSON,
        },
        _PERSON: {
            "Type": "Task",
            "Resource": resources.integration("aws-sdk:dynamodb:putItem.waitForTaskToken"),
            "Arguments": {
                "TableName": resources.approvals,
                "Item": jsonata(item),
            },
            "TimeoutSeconds": jsonata(_TIMEOUT),
            "Output": jsonata(_answered("$states.result")),
            "Catch": [
                {
                    "ErrorEquals": ["States.Timeout"],
                    "Output": jsonata(
                        _answered(
                            "{'decision': 'Rejected', 'by': null, 'at': $now(),"
                            f" 'reason': 'nobody answered within ' & $string({_TIMEOUT}) & ' seconds'}}"
                        )
                    ),
                    "Next": _DECIDED,
                }
            ],
            "Next": _DECIDED,
        },
    }


def _answered(answer: str) -> str:
    """The data with a person's answer: decision, by, at and reason, which is also the cause of a rejection."""
    return (
        f"($answer := {answer}; $reason := $answer.decision & ' by ' & ($answer.by ? $answer.by : 'nobody')"
        " & ($answer.reason ? ': ' & $answer.reason : ''); "
        + with_more(
            "approval",
            "$merge([$answer, {'reason': $reason, 'cause': $reason, 'error': 'ModelRejected', 'announcement': null}])",
        )
        + ")"
    )


def _end(resources: Resources, following: str) -> dict[str, Any]:
    return {
        _RECORD: {
            "Type": "Task",
            "Resource": resources.integration("aws-sdk:sagemaker:updateModelPackage"),
            "Arguments": {
                "ModelPackageArn": jsonata(_PACKAGE),
                "ModelApprovalStatus": jsonata(f"{_RESULT}.decision"),
                "ApprovalDescription": jsonata(f"$substring({_RESULT}.reason, 0, 1024)"),
            },
            "Output": jsonata("$states.input"),
            "Retry": SDK_RETRY,
            "Next": following,
        },
        REJECTED: {
            "Type": "Fail",
            "Error": jsonata(f"{_RESULT}.error"),
            "Cause": jsonata(f"{_RESULT}.cause"),
        },
    }


GRANTS: Grants = {
    "lambda:invoke": (OwnGrant("lambda:InvokeFunction", "gate"),),
    "sns:publish": (OwnGrant("sns:Publish", "topic"),),
    "aws-sdk:dynamodb:putItem.waitForTaskToken": (OwnGrant("dynamodb:PutItem", "approvals"),),
    "aws-sdk:sagemaker:listModelPackages": sagemaker("ListModelPackages", "model-package", "model-package-group"),
    "aws-sdk:sagemaker:describeModelPackage": sagemaker("DescribeModelPackage", "model-package"),
    "aws-sdk:sagemaker:updateModelPackage": sagemaker("UpdateModelPackage", "model-package"),
}
