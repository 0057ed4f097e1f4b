"""Splitting a batch transform job's input file into payloads."""

import io

import pytest

from sagemaker_local.transform_payloads import PayloadTooLargeError, payloads


@pytest.mark.parametrize(
    ("text", "limit", "single", "expected"),
    [
        (b"", 10, False, []),
        (b"a\nb\nc\n", 4, False, [b"a\nb\n", b"c\n"]),
        (b"a\nb\nc", 4, False, [b"a\nb\n", b"c"]),
        (b"a\nb\nc\n", 6, False, [b"a\nb\nc\n"]),
        (b"aaaa\nb", 5, False, [b"aaaa\n", b"b"]),
        (b"a\nb", 0, False, [b"a\nb"]),
        (b"a\n\nb", 0, True, [b"a\n", b"b"]),
    ],
)
def test_payloads(text: bytes, limit: int, *, single: bool, expected: list[bytes]) -> None:
    """A payload has as many whole lines as fit, or one line; no line is lost or split."""
    assert list(payloads(io.BytesIO(text), by_line=True, single=single, limit=limit)) == expected


@pytest.mark.parametrize(("by_line", "single"), [(True, False), (True, True), (False, False)])
def test_payload_too_large(*, by_line: bool, single: bool) -> None:
    """A record, or an unsplit file, that exceeds the limit is an error."""
    with pytest.raises(PayloadTooLargeError):
        list(payloads(io.BytesIO(b"a\nbbbbbb\n"), by_line=by_line, single=single, limit=4))
