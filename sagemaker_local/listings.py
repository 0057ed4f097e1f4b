"""What all List actions have in common: filters, order, pages; and times as the AWS SDK integrations give them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from botocore.utils import parse_to_aware_datetime

from sagemaker_local.errors import refused

_PAGE = 10
"""What MaxResults is unless given (API_ListEndpoints)."""

Document = dict[str, Any]


def timestamp() -> str:
    """Now, as Step Functions gives the times in an AWS SDK integration's answer: ``2026-11-23T10:00:00.000Z``."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def listed(
    documents: list[Document],
    request: Document,
    *,
    name: str,
    keys: dict[str, Callable[[Document], Any]] | None = None,
) -> tuple[list[Document], Document]:
    """Does what the request of a List action says of filters, order and pages.

    Args:
        documents: all there are, the oldest first.
        request: with SortBy, SortOrder, MaxResults, NextToken, NameContains, CreationTimeAfter and the like.
        name: the field that NameContains and ``SortBy: Name`` are about.
        keys: further values of SortBy, and what they sort by.

    Returns:
        The page, and ``{"NextToken": ...}`` where there is more; empty otherwise.

    Raises:
        Refused: NextToken is none of ours.
    """
    found = [document for document in documents if _wanted(document, request, name)]
    orders = {"Name": lambda document: document[name], "CreationTime": lambda document: document["CreationTime"]}
    found.sort(key=(orders | (keys or {}))[request.get("SortBy", "CreationTime")])  # stable: the older one first
    if request.get("SortOrder", "Descending") == "Descending":
        found.reverse()
    token = request.get("NextToken", "0")
    if not token.isdecimal():
        raise refused("Invalid NextToken.")
    start, end = int(token), int(token) + request.get("MaxResults", _PAGE)
    return found[start:end], {"NextToken": str(end)} if end < len(found) else {}


def without(document: Document, *names: str) -> Document:
    """The document without some of its members, and without those that are None."""
    return {name: value for name, value in document.items() if name not in names and value is not None}


def only(document: Document, *names: str) -> Document:
    """Some members of a document, those it has."""
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
