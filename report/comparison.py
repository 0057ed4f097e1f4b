"""Compares executions: what differs in their input, data and code, and which has the best metrics. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from typing import Any

from executions.evaluation import metrics
from executions.overrides import leaves
from executions.progress import reused_stages
from pipeline.bundle import SOURCE_ARCHIVE
from pipeline.input import OVERRIDES
from pipeline.input.tokens import EXECUTION_TOKEN
from pipeline.numbers import number
from pipeline.reuse import DEPENDS, RECORD, REUSED, UNRECORDED
from pipeline.stages import CREATE_MODEL
from report.facts import Facts, StoredObject
from report.outcome import FIRST_METRICS, short_name

LOWER_IS_BETTER = frozenset(
    {"mae", "mse", "rmse", "brier_score", "log_loss", "false_positive_rate", "false_negative_rate"}
)
"""Names of metrics; of all others a higher value is better, unless the approval gives them a maximum only."""

_ETAG = 8
"""How many digits of an ETag to show."""
_FILES = 5
"""Files that differ below one prefix are named up to this number; more are shown as one hash of the prefix."""
_ABSENT = "–"
_NO_SETTINGS = dict.fromkeys(("result", RECORD, DEPENDS, REUSED, UNRECORDED))
"""Keys of a section that say what an execution did."""
_DEFAULT_MODEL = f"{CREATE_MODEL.name_prefix}{EXECUTION_TOKEN}"
"""The model's name that the state machine fills in, or the start function if the model is reused."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A value of every execution."""

    path: str
    """Its full name."""
    title: str
    """Its shortest name that no other column has."""
    values: tuple[Any, ...]
    """By execution; None where it has none. Numbers in columns of metrics, else strings."""
    best: frozenset[int] = frozenset()
    """The positions of the best values; empty if all are equal, or if it is not known which is better."""

    @property
    def is_file(self) -> bool:
        """Whether its values are hashes of a file or of a folder in S3."""
        return self.path.startswith("s3://")

    def text(self, position: int) -> str:
        """The value as text."""
        value = self.values[position]
        if value is None:
            return _ABSENT
        return value if isinstance(value, str) else f"{value:.4f}"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What executions have in which they differ, and their metrics."""

    runs: tuple[Facts, ...]
    differences: tuple[Column, ...]
    """Values of the input and hashes of files that are not the same in all executions."""
    metrics: tuple[Column, ...]
    """Every metric, the important ones first."""

    def column(self, name: str) -> Column | None:
        """Returns the column with a title or path; None if there is none."""
        found = (*self.metrics, *self.differences)
        return next((column for column in found if name in {column.title, column.path}), None)

    def sorted_by(self, column: Column, *, lower_first: bool) -> "Comparison":
        """Returns the comparison with the executions in the order of a column; those without a value come last.

        Args:
            column: one of its columns.
            lower_first: whether a lower value comes first; text is always sorted ascending.
        """
        numbers = [as_number(value) for value in column.values]
        numeric = all(value is None or found is not None for value, found in zip(column.values, numbers, strict=True))

        def key(position: int) -> tuple[bool, Any]:
            value = column.values[position]
            if value is None:
                return True, 0
            found = numbers[position]
            return False, str(value) if not numeric or found is None else found if lower_first else -found

        order = sorted(range(len(self.runs)), key=key)
        return compare([self.runs[position] for position in order])


def compare(runs: Sequence[Facts]) -> Comparison:
    """Compares executions, in the given order.

    Args:
        runs: the facts of each, as ``Collector.compared`` gathers them.
    """
    return Comparison(runs=tuple(runs), differences=_differences(runs), metrics=_metrics(runs))


def lower_is_better(path: str, runs: Iterable[Facts]) -> bool:
    """Whether a lower value of a metric is better: the approval gives it a maximum only, or it is known to be."""
    for run in runs:
        for limit in run.section("approval").get("metrics") or ():
            if isinstance(limit, dict) and limit.get("name") == path:
                return limit.get("maximum") is not None and limit.get("minimum") is None
    return short_name(path).rpartition(".")[2] in LOWER_IS_BETTER


def _metrics(runs: Sequence[Facts]) -> tuple[Column, ...]:
    found = [{metric.path: metric.value for metric in metrics(run.evaluation or {})} for run in runs]
    checked = [
        str(limit["name"])
        for run in runs
        for limit in run.section("approval").get("metrics") or ()
        if isinstance(limit, dict) and "name" in limit
    ]
    paths = list(dict.fromkeys(path for values in found for path in values))
    known = [path for name in FIRST_METRICS for path in paths if short_name(path) == name]
    ordered = [path for path in dict.fromkeys([*checked, *known, *paths]) if path in paths]
    titles = _titles({path: [path.partition(".")[0], short_name(path)] for path in ordered})
    return tuple(
        Column(
            path=path,
            title=titles[path],
            values=tuple(values.get(path) for values in found),
            best=_best([values.get(path) for values in found], min if lower_is_better(path, runs) else max),
        )
        for path in ordered
    )


def _best(values: Sequence[float | None], choose: Callable[..., float]) -> frozenset[int]:
    known = [value for value in values if value is not None]
    if len(set(known)) < 2:  # noqa: PLR2004 - nothing to choose from
        return frozenset()
    best = choose(known)
    return frozenset(position for position, value in enumerate(values) if value == best)


def _differences(runs: Sequence[Facts]) -> tuple[Column, ...]:
    columns = {
        path: values
        for path, values in [*_table([_settings(run) for run in runs]), *_files(runs)]
        if len(set(values)) > 1
    }
    titles = _titles({path: _parts(path) for path in columns})
    return tuple(Column(path=path, title=titles[path], values=values) for path, values in columns.items())


def _settings(run: Facts) -> dict[str, str]:
    """The values of the execution's input, by their dotted paths, with the token in place of its name.

    A reused stage counts as one that ran: the names of the executions whose results it has are the token, too.
    """
    given = {
        key: section | _NO_SETTINGS | ({"run": True} if REUSED in section else {})
        if isinstance(section, dict)
        else section
        for key, section in run.content.items()
        if key != OVERRIDES
    }
    names = {run.name, *reused_stages(run.content).values()}
    found = {}
    for path, text in leaves(given):
        value = text
        for name in names:
            value = value.replace(name, EXECUTION_TOKEN)
        if value != _DEFAULT_MODEL:
            found[path] = value
    return found


def _files(runs: Sequence[Facts]) -> Iterator[tuple[str, tuple[str | None, ...]]]:
    """The hashes of the files that executions read: of each file that differs or, if they are many, of their prefix."""
    found = [{stored.uri: stored for stored in (*run.published, *run.data)} for run in runs]
    uris = sorted({uri for files in found for uri in files})
    for prefix, below in groupby(uris, key=lambda uri: uri.rpartition("/")[0]):
        names = [uri for uri in below if uri != f"{prefix}/{SOURCE_ARCHIVE}"]  # has the files next to it
        columns = [(uri, tuple(_etag(files.get(uri)) for files in found)) for uri in names]
        differing = [(uri, values) for uri, values in columns if len(set(values)) > 1]
        if len(differing) <= _FILES:
            yield from differing
        else:
            yield f"{prefix}/", tuple(_hash(values) for values in zip(*(values for _, values in columns), strict=True))


def _etag(stored: StoredObject | None) -> str | None:
    return stored.etag[:_ETAG] if stored else None


def _hash(etags: tuple[str | None, ...]) -> str | None:
    if not any(etags):
        return None
    return sha256(" ".join(etag or "" for etag in etags).encode()).hexdigest()[:_ETAG]


def _table(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The columns of rows, in the order of their first appearance."""
    for path in dict.fromkeys(path for row in rows for path in row):
        yield path, tuple(row.get(path) for row in rows)


def _titles(parts: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Gives each path the shortest end of its parts that no other path has."""
    titles: dict[str, str] = {}
    for path, own in parts.items():
        ends = (".".join(own[-length:]) for length in range(1, len(own) + 1))
        others = [".".join(other) for name, other in parts.items() if name != path]
        titles[path] = next((end for end in ends if not any(f".{name}".endswith(f".{end}") for name in others)), path)
    return titles


def _parts(path: str) -> Sequence[str]:
    """The parts of a setting's path; of a file or a folder in S3 its name."""
    if path.startswith("s3://"):
        return [path.rstrip("/").rpartition("/")[2] + ("/" if path.endswith("/") else "")]
    return path.split(".")


def as_number(value: Any) -> float | None:
    """Returns the number that a value is or spells; None if it is none."""
    if isinstance(value, str):
        try:
            return number(float(value))
        except ValueError:
            return None
    return number(value)
