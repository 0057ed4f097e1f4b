"""Uploads the scripts of a run to ``<model-name>/scripts/``."""

import hashlib
from pathlib import Path

from executions.defaults import PROJECT
from local.errors import LocalError
from local.state import State
from pipeline.bundle import INPUT_FILE, LinkError, published_files
from pipeline.places import PUBLISHED


def publish(state: State, *, model_name: str, scripts: Path | None, input_file: Path | None) -> None:
    """Uploads the module's scripts and input, overridden by the user's, and deletes other files of earlier runs.

    Args:
        state: the environment.
        model_name: the first part of the prefix.
        scripts: the user's folder of scripts; None for the module's scripts only.
        input_file: the user's ``input.yaml``; None for the one among the scripts.

    Raises:
        LocalError: the scripts include a link.
    """
    try:
        wanted = published_files(PROJECT / "scripts")
        if scripts:
            wanted |= published_files(scripts)
    except LinkError as error:
        raise LocalError(str(error)) from error
    if input_file:
        wanted[INPUT_FILE] = input_file.read_bytes()
    s3 = state.connection.client("s3")
    bucket, prefix = state.metadata.bucket, f"{model_name}/scripts/"
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    present = {
        item["Key"].removeprefix(prefix): item["ETag"].strip('"') for page in pages for item in page.get("Contents", ())
    }
    for name, content in wanted.items():
        # The ETag of an object that was uploaded in one part and not encrypted with KMS is its MD5
        # (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html).
        if present.pop(name, None) != hashlib.md5(content, usedforsecurity=False).hexdigest():
            s3.put_object(Bucket=bucket, Key=prefix + name, Body=content)
    for name in present.keys() - {PUBLISHED}:
        s3.delete_object(Bucket=bucket, Key=prefix + name)
