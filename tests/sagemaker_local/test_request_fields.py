"""Every field of a request that creates something is honoured, harmless, refused or a known difference."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from sagemaker_local.request_fields import FIELDS, Fields, Harmless, Honoured, Treatment
from sagemaker_local.requests import service_model


def members_of(shape: Any) -> dict[str, Any]:
    """The members of a structure, or of the structures in a list or map; empty for other shapes."""
    while shape.type_name in ("list", "map"):
        shape = shape.member if shape.type_name == "list" else shape.value
    return dict(shape.members) if shape.type_name == "structure" else {}


def mismatches(members: dict[str, Any], fields: Fields, path: str) -> Iterator[str]:
    """What is in the service model and not in the table, or the other way round, by the field's path."""
    for name in sorted({*members, *fields}):
        field = f"{path}.{name}"
        if name not in fields:
            yield f"{field}: not in the table"
        elif name not in members:
            yield f"{field}: not in the service model"
        else:
            yield from _mismatches_below(members_of(members[name]), fields[name], field)


def _mismatches_below(members: dict[str, Any], given: "Treatment | Fields", field: str) -> Iterator[str]:
    if isinstance(given, Mapping):
        yield from mismatches(members, given, field)
    elif members and isinstance(given, Honoured):
        yield f"{field}: an honoured structure must list its members"


def members_of_request(operation: str) -> dict[str, Any]:
    """The fields of an operation's request."""
    service = "application-autoscaling" if "Scal" in operation else "sagemaker"
    return members_of(service_model(service).operation_model(operation).input_shape)


@pytest.mark.parametrize("operation", sorted(FIELDS))
def test_every_field_is_in_the_table(operation: str) -> None:
    """The table has exactly the fields of botocore's request shapes, at every depth."""
    assert list(mismatches(members_of_request(operation), FIELDS[operation], operation)) == []


def test_new_field_is_reported_by_its_path() -> None:
    """A field that a newer botocore adds deep in a request is reported by its path."""
    members = members_of_request("CreateTrainingJob")
    known = FIELDS["CreateTrainingJob"]
    output = known["OutputDataConfig"]
    assert isinstance(output, Mapping)
    older = {**known, "OutputDataConfig": {name: output[name] for name in output if name != "CompressionType"}}
    path = "CreateTrainingJob.OutputDataConfig.CompressionType"
    assert list(mismatches(members, older, "CreateTrainingJob")) == [f"{path}: not in the table"]


def test_removed_field_is_reported_by_its_path() -> None:
    """A field that botocore no longer has is reported by its path."""
    members = members_of_request("CreateModel")
    more = {**FIELDS["CreateModel"], "Gone": Harmless("not there")}
    assert list(mismatches(members, more, "CreateModel")) == ["CreateModel.Gone: not in the service model"]
