"""A job that fails, is repaired, and is redriven."""

from collections.abc import Iterator
from typing import Any

from aws_check.assumptions import CONFIRMED, REFUTED, Answer
from aws_check.context import Context, ScenarioError
from aws_check.models import only
from aws_check.price import INSTANCE

_FOLDER = "/opt/ml/processing/repair"
_REDRIVEN = "-r1"


def failed_job(context: Context) -> Iterator[Answer]:
    """Runs a job that fails until a file exists."""
    context.put("repair/readme", b"The job of this check succeeds once there is a file called done.\n")
    failed = context.run(_overrides(context.uri("repair")))
    failed.require("FAILED", error="States.TaskFailed")
    context.put("repair/done", b"")
    redriven = context.redrive(failed)
    name = str(redriven.data.get("preprocessing", {}).get("result", {}).get("ProcessingJobName", ""))
    if redriven.status == "SUCCEEDED" and name.endswith(_REDRIVEN):
        yield Answer(number=4, verdict=CONFIRMED, evidence=f"the redriven job's name is {name}")
    elif "ResourceInUse" in redriven.error:
        yield Answer(number=4, verdict=REFUTED, evidence=f"{redriven.error}: {redriven.cause}")
        raise ScenarioError(f"the redriven job was refused: {redriven.cause}")
    redriven.require("SUCCEEDED")


def _overrides(uri: str) -> dict[str, Any]:
    overrides = only("preprocessing")
    overrides["preprocessing"]["input"] = {
        "AppSpecification": {
            "ContainerEntrypoint": ["/bin/sh", "-c", f"test -e {_FOLDER}/done || {{ echo not yet >&2; exit 1; }}"]
        },
        "ProcessingResources": {"ClusterConfig": {"InstanceType": INSTANCE}},
        "ProcessingInputs": [
            {
                "InputName": "repair",
                "S3Input": {
                    "S3Uri": uri,
                    "LocalPath": _FOLDER,
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                    "S3DataDistributionType": "FullyReplicated",
                },
            }
        ],
        "ProcessingOutputConfig": None,
    }
    return overrides
