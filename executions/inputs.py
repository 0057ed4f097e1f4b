"""Reads which S3 locations a job's request names as its inputs."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

CODE = "code"
"""The input with the scripts."""


def inputs(request: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields the name and the S3 URI of each input; a transform job's has no name.

    Args:
        request: a Create...Job request.
    """
    transform = request.get("TransformInput")
    given = [*(request.get("ProcessingInputs") or ()), *(request.get("InputDataConfig") or ())]
    for each in [*given, transform] if transform else given:
        source = each.get("S3Input") or (each.get("DataSource") or {}).get("S3DataSource") or {}
        uri = source.get("S3Uri") or ""
        if urlsplit(uri).netloc:
            yield str(each.get("InputName") or each.get("ChannelName") or ""), uri
