"""How a batch transform job cuts an input file into payloads.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html and ``BatchStrategy``, ``MaxPayloadInMB`` and
``SplitType`` of CreateTransformJob.
"""

from collections.abc import Iterator
from io import BufferedIOBase


class PayloadTooLargeError(Exception):
    """A record, or a file that is not split, is larger than a payload may be."""


def payloads(stream: BufferedIOBase, *, by_line: bool, single: bool, limit: int) -> Iterator[bytes]:
    """The payloads of one input file, in its order.

    Args:
        stream: the file.
        by_line: SplitType Line; None otherwise.
        single: BatchStrategy SingleRecord: one line each. It takes SplitType Line.
        limit: bytes that a payload may have; 0: any number.

    Raises:
        PayloadTooLargeError: something that cannot be split is larger.
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
        raise PayloadTooLargeError(f"the file is larger than MaxPayloadInMB = {limit >> 20}, and it is not split")
    yield content


def _lines(stream: BufferedIOBase, limit: int) -> Iterator[bytes]:
    for line in stream:
        if limit and len(line) > limit:
            raise PayloadTooLargeError(f"a record is larger than MaxPayloadInMB = {limit >> 20}")
        if line.strip():
            yield line


def _blocks(stream: BufferedIOBase, limit: int) -> Iterator[bytes]:
    """As many whole lines as fit, read in blocks: a file may have millions of lines."""
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
