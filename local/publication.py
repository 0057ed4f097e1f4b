"""Reads the scripts of a run, checks their ``input.yaml``, and uploads them to ``<model-name>/scripts/``."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from executions.defaults import PROJECT
from local.errors import LocalError
from local.state import State
from pipeline.bundle import INPUT_FILE, LinkError, published_files
from pipeline.input.errors import InvalidFileError, located
from pipeline.input.execution import execution_input
from pipeline.input.stand_ins import STAND_INS
from pipeline.places import PUBLISHED, SCRIPTS

SHIPPED = PROJECT / "scripts"


def read_scripts(scripts: Path | None, input_file: Path | None) -> dict[str, bytes]:
    """Returns the files to publish, by their name below the prefix.

    Args:
        scripts: the user's folder. With an ``input.yaml`` it takes the place of the module's scripts, as the parameter
            ``scripts-folder`` does; without one, its files are added to the module's. None for the module's only.
        input_file: the user's ``input.yaml``; None for the one among the scripts.

    Raises:
        LocalError: the scripts include a link.
    """
    try:
        wanted = {} if scripts and (scripts / INPUT_FILE).is_file() else published_files(SHIPPED)
        if scripts:
            wanted |= published_files(scripts)
    except LinkError as error:
        raise LocalError(str(error)) from error
    if input_file:
        wanted[INPUT_FILE] = input_file.read_bytes()
    return wanted


def check_input(content: bytes, *, file: Path, model_name: str, overrides: Mapping[str, Any]) -> None:
    """Checks an ``input.yaml`` before anything starts.

    Args:
        content: the file's content.
        file: its path, for messages.
        model_name: the module's parameter.
        overrides: merged over the file.

    Raises:
        LocalError: it is invalid; has every issue, on a line each.
    """
    try:
        execution_input(content, tokens=STAND_INS | {"MODEL_NAME": model_name}, event_id=str(file), overrides=overrides)
    except InvalidFileError as error:
        lines = [located(os.path.relpath(file), problem) for problem in error.problems]
        raise LocalError("nothing was started: " + "\n".join(lines)) from error


def publish(state: State, files: Mapping[str, bytes], *, model_name: str) -> int:
    """Uploads files that are new or changed, and deletes other files of earlier runs.

    Args:
        state: the environment.
        files: the files, by their name below the prefix.
        model_name: the first part of the prefix.

    Returns:
        How many files it uploaded or deleted.
    """
    s3 = state.connection.client("s3")
    bucket, prefix = state.metadata.bucket, f"{model_name}/{SCRIPTS}"
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    present = {
        item["Key"].removeprefix(prefix): item["ETag"].strip('"') for page in pages for item in page.get("Contents", ())
    }
    present.pop(PUBLISHED, None)
    # The ETag of an object that was uploaded in one part and not encrypted with KMS is its MD5
    # (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html).
    changed = {
        name: content
        for name, content in files.items()
        if present.get(name) != hashlib.md5(content, usedforsecurity=False).hexdigest()
    }
    for name, content in changed.items():
        s3.put_object(Bucket=bucket, Key=prefix + name, Body=content)
    gone = present.keys() - files.keys()
    for name in gone:
        s3.delete_object(Bucket=bucket, Key=prefix + name)
    return len(changed) + len(gone)
