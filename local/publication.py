"""Uploads the scripts of a run to ``<model-name>/scripts/``."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from executions.defaults import PROJECT
from local.errors import LocalError
from local.state import State
from pipeline.bundle import INPUT_FILE, LinkError, etag, published_files
from pipeline.commit import Commit
from pipeline.input.errors import InvalidFileError
from pipeline.input.execution import execution_input
from pipeline.input.samples import SAMPLE_TOKENS
from pipeline.places import PUBLISHED, SCRIPTS


def published(*, scripts: Path | None, input_file: Path | None) -> dict[str, bytes]:
    """Returns the files of a run by name: the module's scripts and input, overridden by the user's.

    Args:
        scripts: the user's folder. With an ``input.yaml`` it takes the place of the module's scripts, as the parameter
            ``scripts-folder`` does; without one, its files are added to the module's. None for the module's only.
        input_file: the user's ``input.yaml``; None for the one among the scripts.

    Raises:
        LocalError: the scripts include a link.
    """
    try:
        wanted = {} if _base(scripts) == scripts else published_files(PROJECT / "scripts")
        if scripts:
            wanted |= published_files(scripts)
    except LinkError as error:
        raise LocalError(str(error)) from error
    if input_file:
        wanted[INPUT_FILE] = input_file.read_bytes()
    return wanted


def commit_of(*, scripts: Path | None, input_file: Path | None) -> Commit | None:
    """Returns the commit of a run's files; None if it is not known.

    It is that of the folder whose ``input.yaml`` is in effect; files from elsewhere count as uncommitted changes to it.

    Args:
        scripts: as for ``published``.
        input_file: as for ``published``.
    """
    base = _base(scripts)
    commit = Commit.of(base)
    if commit is None:
        return None
    other_scripts = scripts not in (None, base)
    other_input = input_file is not None and input_file.read_bytes() != (base / INPUT_FILE).read_bytes()
    return replace(commit, is_changed=commit.is_changed or other_scripts or other_input)


def _base(scripts: Path | None) -> Path:
    """The folder to which others' files are added: the user's if it is whole, else the module's."""
    return scripts if scripts is not None and (scripts / INPUT_FILE).is_file() else PROJECT / "scripts"


def check_input(overrides: dict[str, Any], *, scripts: Path | None, input_file: Path | None) -> None:
    """Checks the run's ``input.yaml`` as the start Lambda does, before anything is started.

    Raises:
        LocalError: it is invalid; has every issue on a line of its own.
    """
    content = published(scripts=scripts, input_file=input_file)[INPUT_FILE]
    own = scripts / INPUT_FILE if scripts else None
    file = input_file or (own if own and own.is_file() else PROJECT / "scripts" / INPUT_FILE)
    try:
        execution_input(content, tokens=SAMPLE_TOKENS, event_id="check", overrides=overrides)
    except InvalidFileError as error:
        problems = "\n".join(problem.located(os.path.relpath(file)) for problem in error.problems)
        raise LocalError(f"nothing was started: {problems}") from error


def publish(state: State, wanted: dict[str, bytes], commit: Commit | None) -> int:
    """Uploads a run's files and the record of them, as a deployment does, and deletes other files of earlier runs.

    Args:
        state: the environment.
        wanted: the files, as ``published`` returns them.
        commit: their commit.

    Returns:
        The number of files that were new, changed or deleted.
    """
    s3 = state.connection.client("s3")
    bucket, prefix = state.metadata.bucket, f"{state.model_name}/{SCRIPTS}"
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    present = {
        item["Key"].removeprefix(prefix): item["ETag"].strip('"') for page in pages for item in page.get("Contents", ())
    }
    present.pop(PUBLISHED, None)
    changed = 0
    for name, content in wanted.items():
        if present.pop(name, None) != etag(content):
            s3.put_object(Bucket=bucket, Key=prefix + name, Body=content)
            changed += 1
    for name in present:
        s3.delete_object(Bucket=bucket, Key=prefix + name)
    record = {name: f'"{etag(content)}"' for name, content in wanted.items()}  # as S3 returns it, with quotes
    s3.put_object(
        Bucket=bucket,
        Key=prefix + PUBLISHED,
        Body=json.dumps(record, indent=2).encode(),
        Metadata=commit.metadata() if commit else {},
    )
    return changed + len(present)
