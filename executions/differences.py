"""How an execution on this machine differs from the same on AWS."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class StageDifference:
    """One way in which a stage differs from the same stage on AWS."""

    stage: str
    """Its key."""
    field: str
    """The request's field, or a part of the container."""
    here: str
    on_aws: str


@dataclass(frozen=True, kw_only=True)
class SharedDifference:
    """A difference that several stages share."""

    stages: tuple[str, ...]
    fields: tuple[str, ...]
    """The last part of each field that causes it."""
    here: str
    on_aws: str


def shared(differences: Iterable[StageDifference]) -> list[SharedDifference]:
    """Joins the differences that are equal, in the order in which they first appear."""
    groups: dict[tuple[str, str], list[StageDifference]] = {}
    for one in differences:
        groups.setdefault((one.here, one.on_aws), []).append(one)
    return [
        SharedDifference(
            stages=tuple(dict.fromkeys(one.stage for one in group)),
            fields=tuple(dict.fromkeys(one.field.rpartition(".")[2] for one in group)),
            here=here,
            on_aws=on_aws,
        )
        for (here, on_aws), group in groups.items()
    ]
