"""Publishes the scripts of a run below ``<model-name>/scripts/``."""

import hashlib
from pathlib import Path

from local.errors import LocalError
from local.state import PROJECT, State
from pipeline.bundle import INPUT_FILE, LinkError, published_files


def publish(state: State, *, model_name: str, scripts: Path | None, input_file: Path | None) -> None:
    """Puts the user's scripts and input over those of the module, and takes away what an earlier run left beside them.

    Args:
        state: the environment, with the module's own scripts published as they were when it was deployed.
        model_name: names the prefix.
        scripts: the user's folder; None: the module's own.
        input_file: the user's ``input.yaml``; None: that of the scripts.

    Raises:
        LocalError: a link is among the scripts.
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
    there = {
        item["Key"].removeprefix(prefix): item["ETag"].strip('"') for page in pages for item in page.get("Contents", ())
    }
    for name, content in wanted.items():
        # Uploaded in one piece and not encrypted with KMS, an object's ETag is its MD5
        # (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html).
        if there.pop(name, None) != hashlib.md5(content, usedforsecurity=False).hexdigest():
            s3.put_object(Bucket=bucket, Key=prefix + name, Body=content)
    for name in there:
        s3.delete_object(Bucket=bucket, Key=prefix + name)
