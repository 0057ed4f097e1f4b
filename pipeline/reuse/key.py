"""What a stage's result depends on, and the hash of it. Pure: the listing of S3 is passed in.

A job depends on its request but for names, tags and the places that it writes to; on every object below the S3 URIs
that it reads; and on the executions whose results it reads. Registration, approval and deployment depend on their
sections, and on the executions that made the model and its report.

The key names executions rather than the keys of earlier stages. So results that were made together stay together even
if a script is not deterministic: a stage runs if any stage that it reads from does.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from pipeline.bundle import INPUT_FILE, SOURCE_ARCHIVE
from pipeline.input.errors import Path
from pipeline.input.lineage import URI, is_read, is_write, output_folder, with_sources
from pipeline.input.stage_section import SOURCE, StageSection
from pipeline.input.tokens import EXECUTION_TOKEN, fill_in
from pipeline.places import PUBLISHED, SCRIPTS
from pipeline.reuse import IGNORES, REUSE
from pipeline.s3_uri import bucket_and_key
from pipeline.stages import APPROVAL, BATCH_TRANSFORM, CREATE_MODEL, DEPLOYMENT, REGISTRATION, RequestStage

_VERSION = 1
"""Changes whenever the same inputs would give another result or another key; part of every key."""

_MOST_NAMES = 60
"""How many objects below one URI are described by name; of more, only their number, size and hash are."""

_ETAG_LENGTH = 8

_OWN_FILES = (INPUT_FILE, SOURCE_ARCHIVE, PUBLISHED)
"""Files among the scripts that say nothing new: the input is in the request, the archive has the other files."""

_TOKEN = re.compile(rf"\b{EXECUTION_TOKEN}\b", re.ASCII)

_UNKNOWN_SOURCES = {
    "FileSystemDataSource": "it reads a file system, whose content is not looked at",
    "DatasetDefinition": "it reads a data set of Athena or Redshift, which is not looked at",
    "DatasetSource": "it reads a data set that is not in S3, which is not looked at",
    "CheckpointConfig": "it continues from checkpoints",
}
_MANIFESTS = {"ManifestFile", "AugmentedManifestFile"}


class NotReusableError(Exception):
    """What a stage's result depends on cannot be known; the message says why, as in ``runs: <message>``."""


@dataclass(frozen=True)
class StoredObject:
    """An object in S3."""

    key: str
    etag: str
    """As S3 gives it, without its quotation marks; changes with each byte of the content."""
    size: int


Listing = Callable[[str], Sequence[StoredObject]]
"""Returns the objects below an S3 URI.

Raises:
    NotReusableError: they cannot be listed.
"""


@dataclass(frozen=True)
class Dependencies:
    """What a stage's result depends on."""

    stage: str
    section: dict[str, Any]
    """Its section without what has no effect on its result; URIs that another stage writes have that stage's key."""
    reads: dict[str, Any]
    """The objects below each S3 URI: their number, size and hash, and the beginning of the ETag of each of a few."""
    sources: dict[str, str]
    """The executions whose results it reads, by stage."""

    @property
    def key(self) -> str:
        """The hash of everything."""
        content = [_VERSION, self.stage, self.section, {uri: read["hash"] for uri, read in self.reads.items()}]
        return _hash([*content, self.sources])

    def as_json(self) -> dict[str, Any]:
        """The dependencies as the execution's input has them."""
        return {"section": self.section, "reads": self.reads, "sources": self.sources}


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a stage's section says is to be read with."""

    data: Mapping[str, Any]
    """The parsed file."""
    earlier: Sequence[tuple[StageSection, list[str]]]
    """The sections of the stages before it, each with the URIs that it writes."""
    sources: Mapping[str, str]
    """The execution whose results each earlier stage's are: this one, or an earlier one."""
    tokens: Mapping[str, str]
    """The values of all tokens but the execution's."""

    def resolved(self, use: StageSection) -> dict[str, Any]:
        """A section with its tokens filled in, except the execution's, and markers for the stages that it reads."""
        source = self.data.get(SOURCE)
        marked = {key: _marker(key) for key in self.sources}
        if isinstance(source, str):
            marked = {other.stage.key: source for other, _ in self.earlier} | marked
        filled: dict[str, Any] = fill_in(with_sources(use, self.earlier, marked), dict(self.tokens))
        return filled


def dependencies(use: StageSection, around: Surroundings, listing: Listing) -> Dependencies:
    """Returns what a stage's result depends on.

    Args:
        use: its section of the parsed file, with tokens.
        around: what the section is to be read with.
        listing: lists S3.

    Raises:
        NotReusableError: it depends on what cannot be known.
    """
    if use.stage in RELEASE:
        return _of_release(use, around, listing)
    if use.stage is DEPLOYMENT:
        made = {key: source for key, source in around.sources.items() if key not in _BESIDE_DEPLOYMENT}
        return Dependencies(use.stage.key, _own(use, around), {}, made)
    request = _request(use, around)
    read_from = {key: source for key, source in around.sources.items() if _marker(key) in json.dumps(request)}
    if isinstance(use.stage, RequestStage) and use.stage.model_from and use.stage.model_from.key in around.sources:
        read_from[use.stage.model_from.key] = around.sources[use.stage.model_from.key]
    return Dependencies(use.stage.key, request, _reads(use, request, around, listing), read_from)


def without_nulls(value: Any) -> Any:
    """Returns the value without nulls in mappings, as the state machine drops them."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def result_places(use: StageSection) -> list[str]:
    """Returns the S3 URIs that a job writes its results to, with their tokens.

    Raises:
        NotReusableError: one of them is the same for every execution, or the job has none.
    """
    folder = output_folder(use)
    texts = _texts(use.value, (use.stage.key,))
    places = [folder] if folder else [text for path, text in texts if is_write(path) and text.startswith("s3://")]
    if not places:
        raise NotReusableError("its request names no S3 URI for its results")
    for uri in places:
        if not _TOKEN.search(uri):
            raise NotReusableError(f"it writes to {uri}, as every execution does; put {EXECUTION_TOKEN} in it")
    return places


def _marker(stage: str) -> str:
    return "{" + stage + "}"


def _of_release(use: StageSection, around: Surroundings, listing: Listing) -> Dependencies:
    """The dependencies of registration, approval and the model, which are those of all three together."""
    uses = {stage.key: StageSection.of(around.data, stage) for stage in RELEASE}
    model = uses[CREATE_MODEL.key]
    request = _request(model, around)
    section: dict[str, Any] = {key: _own(each, around) for key, each in uses.items() if each.runs and each is not model}
    transform = StageSection.of(around.data, BATCH_TRANSFORM)
    types = [transform.at("input", field).get(name) for field, name in _TYPES]
    section |= {CREATE_MODEL.key: request, "types": types, SOURCE: around.data.get(SOURCE)}
    return Dependencies(use.stage.key, section, _reads(model, request, around, listing), dict(around.sources))


def _own(use: StageSection, around: Surroundings) -> dict[str, Any]:
    """A section without what only says whether the stage runs."""
    section: dict[str, Any] = without_nulls(around.resolved(use))
    return {key: value for key, value in section.items() if key not in _FLAGS}


def _request(use: StageSection, around: Surroundings) -> dict[str, Any]:
    """A request without its names, tags and places; empty if there is none."""
    if not isinstance(use.value, dict) or not isinstance(use.stage, RequestStage):
        return {}
    request = without_nulls(around.resolved(use).get("input") or {})
    _refuse_unknown(use, request)
    for name in (use.stage.name_field, "Tags"):
        request.pop(name, None)
    found: dict[str, Any] = _without_places(request, (use.stage.key, "input"))
    return found


def _reads(use: StageSection, request: dict[str, Any], around: Surroundings, listing: Listing) -> dict[str, Any]:
    """What is below each S3 URI that a request reads and no stage of this execution writes."""
    patterns = (use.value.get(IGNORES) if isinstance(use.value, dict) else None) or ()
    uris = _external_reads(request, use.stage.key)
    return {uri: _described(uri, listing(uri), patterns, around.tokens) for uri in uris}


RELEASE = (REGISTRATION, APPROVAL, CREATE_MODEL)
"""Stages that are reused together or not at all: a version has one decision, and its model is the registered one."""

_TYPES = (("TransformInput", "ContentType"), ("TransformOutput", "Accept"))
"""The fields of a batch transform's request that registration takes for the version's types."""

_FLAGS = ("run", REUSE, IGNORES)

_BESIDE_DEPLOYMENT = (REGISTRATION.key, APPROVAL.key, BATCH_TRANSFORM.key)
"""Stages whose executions say nothing about the endpoint: the first two are the model's, or do not matter."""


def _refuse_unknown(use: StageSection, request: dict[str, Any]) -> None:
    for path, value in _values(request, ()):
        name = path[-1]
        if name in _UNKNOWN_SOURCES and value:
            raise NotReusableError(_UNKNOWN_SOURCES[str(name)])
        if name == "S3DataType" and value in _MANIFESTS:
            raise NotReusableError(f"it reads a manifest ({value}), whose objects are not looked at")
    for path, text in _texts(request, (use.stage.key, "input")):
        if is_read(path) and _TOKEN.search(text):
            raise NotReusableError(f"it reads {text}, which no stage writes")


def _without_places(value: Any, path: Path) -> Any:
    """A request without the S3 URIs that it writes to, and without a field that the API does not have."""
    if isinstance(value, dict):
        return {
            key: _without_places(item, (*path, key))
            for key, item in value.items()
            if key != "AppManaged" and not _is_place(item, (*path, key))
        }
    if isinstance(value, list):
        return [_without_places(item, (*path, index)) for index, item in enumerate(value)]
    return value


def _is_place(value: Any, path: Path) -> bool:
    return isinstance(value, str) and value.startswith("s3://") and is_write(path)


def _external_reads(request: dict[str, Any], stage: str) -> list[str]:
    """The URIs in the request that no stage of this execution writes, each once."""
    found: dict[str, None] = {}
    for path, text in _texts(request, (stage, "input")):
        if is_write(path):
            continue
        for uri in URI.findall(text):
            if "{" not in uri and not _TOKEN.search(uri):
                found[uri] = None
    return list(found)


def _described(
    uri: str, objects: Sequence[StoredObject], patterns: Sequence[str], tokens: Mapping[str, str]
) -> dict[str, Any]:
    """The objects below a URI, without those that the job does not read."""
    prefix = bucket_and_key(uri)[1]
    scripts = fill_in(f"s3://MLOPS_BUCKET/MODEL_NAME/{SCRIPTS}", dict(tokens)).rstrip("/")
    ignored = (*patterns, *(_OWN_FILES if uri.rstrip("/") == scripts else ()))
    named = ((each.key.removeprefix(prefix).lstrip("/"), each) for each in objects)
    read = sorted(
        (name, each.etag, each.size) for name, each in named if not any(fnmatchcase(name, one) for one in ignored)
    )
    found = {"objects": len(read), "bytes": sum(size for _, _, size in read), "hash": _hash(read)}
    if len(read) <= _MOST_NAMES:
        found["names"] = {name: etag[:_ETAG_LENGTH] for name, etag, _ in read}
    return found


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    for place, item in _values(value, path):
        if isinstance(item, str):
            yield place, item


def _values(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if path:
        yield path, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _values(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _values(item, (*path, index))
