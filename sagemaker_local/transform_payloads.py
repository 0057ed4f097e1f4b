"""Splits a batch transform job's input file into payloads.

See https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html, and ``BatchStrategy``, ``MaxPayloadInMB`` and
``SplitType`` of CreateTransformJob.
"""

from collections.abc import Iterator
from io import BufferedIOBase


class PayloadTooLargeError(Exception):
    """A record, or an unsplit file, exceeds MaxPayloadInMB."""


def payloads(stream: BufferedIOBase, *, by_line: bool, single: bool, limit: int) -> Iterator[bytes]:
    """Yields an input file's payloads in order.

    Args:
        stream: the file.
        by_line: whether SplitType is Line; otherwise it is None.
        single: whether BatchStrategy is SingleRecord, with one line per payload; requires ``by_line``.
        limit: maximum bytes of a payload; 0: unlimited.

    Raises:
        PayloadTooLargeError: a record, or an unsplit file, exceeds the limit.
    """
    if not by_line or not (limit or single):
        yield from _whole(stream, limit)
    elif single:
        yield from _lines(stream, limit)
    else:
        yield from _blocks(stream, limit)


def _whole(stream: BufferedIOBase, limit: int) -> Iterator[bytes]:
    content = stream.read(limit + 1 if limit else -1)
    if limit and len(content) > limit:
        raise PayloadTooLargeError(f"the file is larger than MaxPayloadInMB = {limit >> 20} and is not split")
    yield content


def _lines(stream: BufferedIOBase, limit: int) -> Iterator[bytes]:
    for line in stream:
        if limit and len(line) > limit:
            raise PayloadTooLargeError(f"a record is larger than MaxPayloadInMB = {limit >> 20}")
        if line.strip():
            yield line


def _blocks(stream: BufferedIOBase, limit: int) -> Iterator[bytes]:
    """Yields payloads of as many whole lines as fit. Reads blocks, because a file may have millions of lines."""
    rest = b""
    while block := rest + stream.read(limit + 1 - len(rest)):
        if len(block) <= limit:
            yield block
            return
        end = block.rfind(b"\n", 0, limit) + 1
        if end == 0:
            raise PayloadTooLargeError(f"a record is larger than MaxPayloadInMB = {limit >> 20}")
        yield block[:end]
        rest = block[end:]
