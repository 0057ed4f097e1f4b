"""The names of an execution's jobs."""

from executions.jobs import job_names

CONTENT = {"training": {"run": True, "input": {"TrainingJobName": "mine"}}, "evaluation": None, "batchTransform": {}}


def test_names_of_jobs() -> None:
    """A job has the name that the input gives it, else one derived from the execution's name."""
    assert job_names(CONTENT, "one") == {
        "preprocessing": ("createProcessingJob", "one"),
        "training": ("createTrainingJob", "mine"),
        "evaluation": ("createProcessingJob", "evaluation-one"),
        "batchTransform": ("createTransformJob", "batch-one"),
        "monitoring": ("createProcessingJob", "monitoring-one"),
    }
