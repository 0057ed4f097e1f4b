"""Archives of models that tell the scenarios what they want to know, and the input that deploys one."""

import io
import tarfile
from typing import Any

from pipeline.stages import CREATE_MODEL, STAGES

RECORD = "aws-check"
"""What the smoke test sends."""

_ECHO = '''\
"""Answers with what the container received."""


def model_fn(model_dir):
    return "echo"


def input_fn(body, content_type):
    return body if isinstance(body, str) else body.decode()


def predict_fn(body, model):
    return body


def output_fn(body, accept):
    return "received " + body, "text/csv"
'''
_BROKEN = _ECHO.replace("return body if isinstance(body, str) else body.decode()", "raise ValueError('always')")


def echo() -> bytes:
    """A model whose answer is ``received`` and the body of the request."""
    return _archive(_ECHO)


def broken() -> bytes:
    """A model that loads, and fails on every request."""
    return _archive(_BROKEN)


def only(*keys: str) -> dict[str, Any]:
    """Returns the overrides with which only these stages run."""
    return {stage.key: {"run": stage.key in keys} for stage in STAGES}


def deploying(archive: str, *, record: str) -> dict[str, Any]:
    """Returns the overrides that deploy a model, and nothing else.

    Args:
        archive: the URI of its archive.
        record: the URI of the smoke test's record.
    """
    overrides = only(CREATE_MODEL.key, "deployment")
    overrides[CREATE_MODEL.key]["input"] = {"PrimaryContainer": {"ModelDataUrl": archive}}
    overrides["deployment"]["smoke_test"] = {"Body": None, "S3Uri": record}
    return overrides


def _archive(script: str) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        entry = tarfile.TarInfo("code/inference.py")
        entry.size = len(script)
        archive.addfile(entry, io.BytesIO(script.encode()))
    return content.getvalue()
