"""The approval stage's states."""

from typing import Any

import pytest

from tests.pipeline.machine import EXECUTION, Ended, Handler, TaskError, run

PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/demo/7"
CHAMPION = "arn:aws:sagemaker:us-east-1:123456789012:model-package/demo/3"
REPORT = "s3://mlops-bucket/evaluation/evaluation.json"


def verdict(decision: str, **more: Any) -> dict[str, Any]:
    """Returns the gate's verdict."""
    return {
        "decision": decision,
        "error": {"Rejected": "ModelRejected", "Invalid": "MetricMissing"}.get(decision),
        "reason": f"the gate says {decision}",
        "cause": f"auc 0.8, minimum 0.9: {decision}",
        "metrics": [{"name": "auc", "value": 0.8, "passed": False}],
        "report": REPORT,
    } | more


WAITING = verdict("Waiting", announcement={"subject": "approve?", "message": "mlops approve"})


@pytest.fixture
def judge(last_steps: dict[str, Any]) -> Any:
    """Runs registration and approval with this verdict and these other responses."""
    last_steps["deployment"]["run"] = last_steps["CreateModel"]["run"] = False
    last_steps["evaluation"]["run"] = True
    outputs = last_steps["evaluation"]["input"]["ProcessingOutputConfig"]["Outputs"]
    outputs[0]["S3Output"]["S3Uri"] = "s3://mlops-bucket/evaluation"

    def judged(given: dict[str, Any], *, registered: bool = True, **handlers: Handler) -> Ended:
        last_steps["registration"]["run"] = registered
        answers: dict[str, Handler] = {
            "createProcessingJob.sync": lambda _request: {},
            "createModelPackageGroup": lambda _request: {},
            "createModelPackage": lambda _request: {"ModelPackageArn": PACKAGE},
            "listModelPackages": lambda _request: {"ModelPackageSummaryList": []},
            "updateModelPackage": lambda _request: {},
            "publish": lambda _request: {"MessageId": "1"},
            "invoke": lambda _request: {"StatusCode": 200, "Payload": given},
        }
        return run(last_steps, answers | handlers)

    return judged


def calls(ended: Ended, action: str) -> list[Any]:
    """Returns the requests of an action."""
    return [request for name, request in ended.requests if name == action and "keep" not in request.get("Payload", {})]


def test_an_approved_model_continues(judge: Any) -> None:
    """The model package becomes Approved with the gate's reason, and the verdict stays in the output."""
    ended = judge(verdict("Approved"))
    assert ended.status == "SUCCEEDED"
    (update,) = calls(ended, "updateModelPackage")
    assert update == {
        "ModelPackageArn": PACKAGE,
        "ModelApprovalStatus": "Approved",
        "ApprovalDescription": "the gate says Approved",
    }
    assert ended.output["approval"]["result"] == verdict("Approved")


def test_a_rejected_model_ends_the_execution(judge: Any) -> None:
    """The model package becomes Rejected, and the execution fails as ModelRejected with the gate's cause."""
    ended = judge(verdict("Rejected"))
    assert (ended.status, ended.error) == ("FAILED", "ModelRejected")
    assert ended.cause == "auc 0.8, minimum 0.9: Rejected"
    assert calls(ended, "updateModelPackage")[0]["ModelApprovalStatus"] == "Rejected"


def test_a_missing_metric_has_its_own_error(judge: Any) -> None:
    """The execution fails with the gate's error, and the model package stays undecided."""
    ended = judge(verdict("Invalid"))
    assert (ended.status, ended.error) == ("FAILED", "MetricMissing")
    assert calls(ended, "updateModelPackage") == []


@pytest.mark.parametrize(("decision", "status"), [("Approved", "SUCCEEDED"), ("Rejected", "FAILED")])
def test_without_a_registration_nothing_is_recorded(decision: str, status: str, judge: Any) -> None:
    """A model that was not registered has no package to update, and no champion."""
    ended = judge(verdict(decision), registered=False)
    assert ended.status == status
    assert calls(ended, "updateModelPackage") == calls(ended, "listModelPackages") == []
    (gate,) = calls(ended, "invoke")
    assert gate["Payload"]["model_package"] is None


def test_the_request_to_the_gate(judge: Any) -> None:
    """The gate gets the report's location, the user's section, the model package and the champion's report."""
    ended = judge(
        verdict("Approved"),
        listModelPackages=lambda _request: {"ModelPackageSummaryList": [{"ModelPackageArn": CHAMPION}]},
        describeModelPackage=lambda request: {
            "ModelPackageArn": request["ModelPackageName"],
            "ModelMetrics": {"ModelQuality": {"Statistics": {"S3Uri": "s3://b/champion.json"}}},
        },
    )
    (gate,) = calls(ended, "invoke")
    assert gate["FunctionName"] == "GATE"
    payload = gate["Payload"]
    assert payload.pop("approval")["metrics"] == [{"name": "better_than_constant.skill.value", "minimum": 0.1}]
    assert payload == {
        "execution": EXECUTION,
        "report": REPORT.replace("s3://", "s3://kept/"),
        "model_package": PACKAGE,
        "champion": {"ModelPackageArn": CHAMPION, "report": "s3://b/champion.json"},
    }


def test_a_champion_without_metrics(judge: Any) -> None:
    """The champion's report is null; a group without an approved version has no champion."""
    ended = judge(
        verdict("Approved"),
        listModelPackages=lambda _request: {"ModelPackageSummaryList": [{"ModelPackageArn": CHAMPION}]},
        describeModelPackage=lambda _request: {"ModelPackageArn": CHAMPION},
    )
    assert calls(ended, "invoke")[0]["Payload"]["champion"] == {"ModelPackageArn": CHAMPION, "report": None}
    assert calls(judge(verdict("Approved")), "invoke")[0]["Payload"]["champion"] is None


def answer(decision: str) -> Handler:
    """A person's answer."""
    given = {"decision": decision, "by": "arn:aws:iam::1:user/me", "at": "2026-11-23T10:00:00Z", "reason": "I know"}
    return lambda _request: given


@pytest.mark.parametrize(("decision", "status"), [("Approved", "SUCCEEDED"), ("Rejected", "FAILED")])
def test_a_person_answers(decision: str, status: str, judge: Any) -> None:
    """People are notified; output, cause and model package record who answered, when and why."""
    ended = judge(WAITING, **{"putItem.waitForTaskToken": answer(decision)})
    assert ended.status == status
    assert calls(ended, "publish") == [{"TopicArn": "TOPIC", "Subject": "approve?", "Message": "mlops approve"}]
    reason = f"{decision} by arn:aws:iam::1:user/me: I know"
    (update,) = calls(ended, "updateModelPackage")
    assert update["ModelApprovalStatus"] == decision
    assert update["ApprovalDescription"] == reason
    if status == "FAILED":
        assert (ended.error, ended.cause) == ("ModelRejected", reason)
    else:
        result = ended.output["approval"]["result"]
        assert (result["decision"], result["by"], result["at"]) == (
            "Approved",
            "arn:aws:iam::1:user/me",
            "2026-11-23T10:00:00Z",
        )
        assert result["metrics"] == WAITING["metrics"]


def test_the_request_is_kept_with_its_token(judge: Any) -> None:
    """The table's item has the token, the model to judge, and the deadline for an answer."""
    ended = judge(WAITING, **{"putItem.waitForTaskToken": answer("Approved")})
    (put,) = calls(ended, "putItem.waitForTaskToken")
    item = put["Item"]
    assert put["TableName"] == "APPROVALS"
    assert item["execution"] == {"S": EXECUTION}
    assert item["token"] == {"S": "token"}
    assert float(item["expires"]["N"]) - float(item["answer_by"]["N"]) == 30 * 24 * 3600
    assert '"decision":"Waiting"' in item["request"]["S"]
    assert "announcement" not in item["request"]["S"]


def test_nobody_answers(judge: Any) -> None:
    """After the timeout, the model is rejected, with that reason."""

    def nobody(_request: dict[str, Any]) -> Any:
        raise TaskError("States.Timeout")

    ended = judge(WAITING, **{"putItem.waitForTaskToken": nobody})
    assert (ended.status, ended.error) == ("FAILED", "ModelRejected")
    assert ended.cause == "Rejected by nobody: nobody answered within 604800 seconds"
    assert calls(ended, "updateModelPackage")[0]["ModelApprovalStatus"] == "Rejected"


def test_a_model_is_not_its_own_champion(judge: Any) -> None:
    """If the model's own version is the newest approved one, the version before it is the champion."""
    versions = [{"ModelPackageArn": PACKAGE}, {"ModelPackageArn": CHAMPION}]
    for listed, expected in ((versions, CHAMPION), (versions[:1], None)):
        ended = judge(
            verdict("Approved"),
            listModelPackages=lambda _request, listed=listed: {"ModelPackageSummaryList": listed},
            describeModelPackage=lambda request: {"ModelPackageArn": request["ModelPackageName"]},
        )
        (gate,) = calls(ended, "invoke")
        assert (gate["Payload"]["champion"] or {}).get("ModelPackageArn") == expected
