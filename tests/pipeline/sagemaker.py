"""A small fake of SageMaker's jobs."""

from typing import Any

from pipeline.stages import REQUEST_STAGES, RequestStage
from tests.pipeline.machine import Ended, Handler, TaskError

THROTTLED = TaskError("SageMaker.AmazonSageMakerException", "Rate exceeded (Error Code: ThrottlingException)")


class SageMaker:
    """Completes every job, except the first ones of a stage.

    Args:
        failures: what the first calls with a name that begins so, or with this action, fail with.
    """

    def __init__(self, **failures: list[TaskError]) -> None:
        self._failures = failures

    def handlers(self) -> dict[str, Handler]:
        """The handler of each integration."""
        return {stage.integration: self._answer(stage) for stage in REQUEST_STAGES}

    def _answer(self, stage: RequestStage) -> Handler:
        def answer(request: dict[str, Any]) -> dict[str, Any]:
            evaluating = request.get("ProcessingJobName", "").startswith("evaluation-")
            left = self._failures.get("evaluation" if evaluating else stage.action)
            if left:
                raise left.pop(0)
            if stage.action != "createTrainingJob":
                return {}
            uri = f"{request['OutputDataConfig']['S3OutputPath']}/{request['TrainingJobName']}/output/model.tar.gz"
            return {"TrainingJobName": request["TrainingJobName"], "ModelArtifacts": {"S3ModelArtifacts": uri}}

        return answer


def requests_of(ended: Ended, action: str) -> list[Any]:
    """Returns the requests of an action."""
    return [request for name, request in ended.requests if name == action]
