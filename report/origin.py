"""Lists a model's inputs and outputs: data, hyperparameters, artifact, names, images."""

from collections.abc import Iterator
from typing import Any

from executions import evaluation
from pipeline.stages import STAGES
from pipeline.version import version
from report.facts import Facts
from report.sections import Rows

_WITHIN_CHANNEL = {"DataSource", "S3DataSource", "S3Uri", "S3Input", "S3Output"}
"""Fields between a channel and its URI that add nothing to its name."""


def data(facts: Facts) -> list[tuple[str, str, str]]:
    """The S3 URIs in the stages' requests: stage, channel, URI."""
    rows = []
    for key in facts.stages:
        if facts.stages[key].started is None:
            continue
        request = facts.section(key).get("input")
        rows += [(key, name, uri) for name, uri in _uris(request, "")]
    return rows


def _uris(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """The S3 URIs in a request, each with the name of its channel, output or field."""
    if isinstance(value, str) and value.startswith("s3://"):
        yield name, value
    elif isinstance(value, list):
        for item in value:
            yield from _uris(item, name)
    elif isinstance(value, dict):
        own = next((value[key] for key in ("ChannelName", "InputName", "OutputName") if value.get(key)), None)
        for key, item in value.items():
            yield from _uris(item, str(own or (name if key in _WITHIN_CHANNEL and name else key)))


def model(facts: Facts) -> Rows:
    """The model's artifact and names."""
    artifact = facts.artifact
    values = {
        "Model artifact": artifact.uri if artifact else None,
        "Size": f"{artifact.size:,} bytes" if artifact else None,
        "ETag": artifact.etag if artifact else None,
        "Version": artifact.version if artifact else None,
    }
    for stage in STAGES:
        values |= stage.report_rows(facts.result(stage.key))
    return [(name, str(value)) for name, value in values.items() if value]


def hyperparameters(facts: Facts) -> Rows:
    """The hyperparameters that took effect, as the model's metadata has them; otherwise those that were given."""
    effective = evaluation.training(facts.evaluation or {}).get("hyperparameters")
    if isinstance(effective, dict) and effective:
        return [(str(name), str(value)) for name, value in effective.items()]
    given = (facts.section("training").get("input") or {}).get("HyperParameters") or {}
    return [(str(name), str(value)) for name, value in given.items()] if isinstance(given, dict) else []


def versions(facts: Facts) -> Rows:
    """The container images of the run, what ran in their place on this machine, and the version of this report."""
    images = {
        str(image): None
        for key in facts.stages
        for image in _images(facts.section(key).get("input"))
        if facts.stages[key].started
    }
    return [
        *(row for image in images for row in _image_rows(image, facts.runtimes.get(image, ()))),
        ("Execution", facts.arn),
        ("Report written by", f"mlops-stepfunctions {version()}"),
        ("Report written at", facts.made.strftime("%Y-%m-%d %H:%M:%S UTC")),
    ]


def _image_rows(image: str, runtimes: tuple[str, ...]) -> Rows:
    return [("Container image", image), *(("Ran on this machine", runtime) for runtime in runtimes)]


def _images(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _images(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in {"ImageUri", "TrainingImage", "Image"} and isinstance(item, str):
                yield item
            else:
                yield from _images(item)
