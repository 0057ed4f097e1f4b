"""Filters, sorts and pages the results of List actions; formats times as the AWS SDK integrations return them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from botocore.utils import parse_to_aware_datetime

from sagemaker_local.errors import aws_error

_PAGE = 10
"""The default of MaxResults (API_ListEndpoints)."""

Document = dict[str, Any]


def timestamp() -> str:
    """Returns the current time as in an AWS SDK integration's response: ``2026-11-23T10:00:00.000Z``."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def select_page(
    documents: list[Document],
    request: Document,
    *,
    name: str,
    keys: dict[str, Callable[[Document], Any]] | None = None,
) -> tuple[list[Document], Document]:
    """Selects the page that a List request asks for.

    Args:
        documents: all documents, oldest first.
        request: may have SortBy, SortOrder, MaxResults, NextToken, NameContains, CreationTimeAfter and the like.
        name: the field to which NameContains and ``SortBy: Name`` refer.
        keys: the sort keys of further SortBy values.

    Returns:
        The page, and ``{"NextToken": ...}`` or, on the last page, ``{}``.

    Raises:
        AwsError: NextToken is invalid.
    """
    found = [document for document in documents if _wanted(document, request, name)]
    orders = {"Name": lambda document: document[name], "CreationTime": lambda document: document["CreationTime"]}
    found.sort(key=(orders | (keys or {}))[request.get("SortBy", "CreationTime")])  # stable: the older one first
    if request.get("SortOrder", "Descending") == "Descending":
        found.reverse()
    token = request.get("NextToken", "0")
    if not token.isdecimal():
        raise aws_error("Invalid NextToken.")
    start, end = int(token), int(token) + request.get("MaxResults", _PAGE)
    return found[start:end], {"NextToken": str(end)} if end < len(found) else {}


def without(document: Document, *names: str) -> Document:
    """Returns a copy of the document without the named members and without members that are None."""
    return {name: value for name, value in document.items() if name not in names and value is not None}


def only(document: Document, *names: str) -> Document:
    """Returns a copy with only the named members, as far as they exist and are not None."""
    return {name: document[name] for name in names if document.get(name) is not None}


def _wanted(document: Document, request: Document, name: str) -> bool:
    if request.get("NameContains", "").lower() not in document[name].lower():
        return False
    for field in ("CreationTime", "LastModifiedTime"):
        for word, sign in (("After", 1), ("Before", -1)):
            limit = request.get(f"{field}{word}")
            if limit is None:
                continue
            behind = parse_to_aware_datetime(document[field]) - parse_to_aware_datetime(limit)
            if behind.total_seconds() * sign <= 0:
                return False
    return True
