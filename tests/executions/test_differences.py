"""Joining the differences that stages share."""

from executions.differences import SharedDifference, StageDifference, shared


def test_equal_differences_are_joined() -> None:
    """Differences that are equal here and on AWS are one, with all stages and with the last part of each field."""

    def difference(stage: str, field: str, here: str = "a") -> StageDifference:
        return StageDifference(stage=stage, field=field, here=here, on_aws="b")

    found = shared(
        [
            difference("preprocessing", "AppSpecification.ImageUri"),
            difference("preprocessing", "RoleArn", "c"),
            difference("training", "AlgorithmSpecification.TrainingImage"),
            difference("evaluation", "AppSpecification.ImageUri"),
        ]
    )
    assert found == [
        SharedDifference(
            stages=("preprocessing", "training", "evaluation"),
            fields=("ImageUri", "TrainingImage"),
            here="a",
            on_aws="b",
        ),
        SharedDifference(stages=("preprocessing",), fields=("RoleArn",), here="c", on_aws="b"),
    ]
