"""Uploads the user's table to where an ``input.yaml`` reads it in the pipeline's own bucket.

The shipped input reads SageMaker's public bucket of sample data, which ``local.data`` fills before the deployment. An
input of one's own reads ``<model-name>/data/`` in the pipeline's bucket, which exists only afterwards.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from executions.inputs import inputs
from local.data import files_of
from local.state import State
from pipeline.bundle import INPUT_FILE
from pipeline.input.execution import execution_input
from pipeline.input.samples import SAMPLE_TOKENS
from pipeline.places import DATA


def place(data: Path, state: State, files: Mapping[str, bytes], *, overrides: dict[str, Any]) -> None:
    """Uploads the data, and deletes other data there; does nothing if the input reads its data elsewhere.

    Args:
        data: a file, or a folder with files.
        state: the environment.
        files: the scripts and their ``input.yaml``, which is valid.
        overrides: merged over the input.
    """
    bucket, prefix = state.metadata.bucket, f"{state.model_name}/{DATA}"
    tokens = SAMPLE_TOKENS | {"MLOPS_BUCKET": bucket, "MODEL_NAME": state.model_name}
    made = execution_input(files[INPUT_FILE], tokens=tokens, event_id="data", overrides=overrides)
    request = (made.content.get("preprocessing") or {}).get("input") or {}
    if not any(f"{uri.rstrip('/')}/" == f"s3://{bucket}/{prefix}" for _, uri in inputs(request)):
        return
    s3 = state.connection.client("s3")
    wanted = {prefix + name: file for name, file in files_of(data).items()}
    for key, file in wanted.items():
        s3.upload_file(str(file), bucket, key)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for key in {item["Key"] for page in pages for item in page.get("Contents", ())} - wanted.keys():
        s3.delete_object(Bucket=bucket, Key=key)
