"""A transform job's DataProcessing: filters its records, and joins them with their predictions.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

import csv
import io
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sagemaker_local.errors import aws_error, not_supported

if TYPE_CHECKING:
    from jsonpath import JSONPath

_CSV, _JSON, _JSON_LINES = "text/csv", "application/json", "application/jsonlines"
_WHOLE = "$"
_INPUT, _OUTPUT = "SageMakerInput", "SageMakerOutput"

Invoke = Callable[[bytes], bytes]


class DataProcessingError(Exception):
    """A payload or a prediction cannot be parsed, filtered or joined."""


class DataProcessing:
    """Filters and joins the records of one job.

    Args:
        config: DataProcessing in the request.
        content_type: of the input.
        accept: of the predictions; empty: that of the input.
        by_line: whether a JSON document is a line.

    Raises:
        AwsError: a filter is not a JSONPath.
        TaskFailed: records of this content type cannot be filtered.
    """

    def __init__(self, config: Mapping[str, str], *, content_type: str, accept: str, by_line: bool) -> None:
        self._input_filter = _filter("InputFilter", config)
        self._output_filter = _filter("OutputFilter", config)
        self._joins = config.get("JoinSource", "None") == "Input"
        self._processes = self._joins or self._input_filter is not None or self._output_filter is not None
        self._kind = _kind(content_type)
        if self._processes and self._kind not in (_CSV, _JSON, _JSON_LINES):
            allowed = f"use {_CSV}, {_JSON} or {_JSON_LINES}"
            raise not_supported("TransformInput.ContentType with DataProcessing", content_type, allowed)
        reads_predictions = self._joins or self._output_filter is not None
        if reads_predictions and accept and (_kind(accept) == _CSV) != (self._kind == _CSV):
            raise not_supported("TransformOutput.Accept with DataProcessing", accept, f"use {content_type}")
        if self._kind == _JSON and by_line:
            self._kind = _JSON_LINES

    def around(self, invoke: Invoke) -> Invoke:
        """Returns a function that also filters a payload, and joins and filters its prediction.

        It raises DataProcessingError, and what ``invoke`` raises.
        """
        if not self._processes:
            return invoke

        def process(body: bytes) -> bytes:
            records = self._parse(body, "the input")
            sent = records if self._input_filter is None else [self._select(self._input_filter, one) for one in records]
            answer = invoke(body if self._input_filter is None else self._format(sent))
            if not self._joins and self._output_filter is None:
                return answer
            predictions = self._parse(answer, "the prediction")
            if self._joins:
                predictions = self._joined(records, predictions)
            query = self._output_filter
            return self._format(predictions if query is None else [self._select(query, one) for one in predictions])

        return process

    def _parse(self, body: bytes, what: str) -> list[Any]:
        try:
            text = body.decode()
            if self._kind == _CSV:
                return [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
            if self._kind == _JSON:
                return [json.loads(text)]
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, csv.Error, RecursionError) as error:
            raise DataProcessingError(f"{what} is not {self._kind}: {error}") from error

    def _format(self, records: list[Any]) -> bytes:
        if self._kind != _CSV:
            lines = [json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in records]
            return "".join(lines if self._kind == _JSON else [f"{line}\n" for line in lines]).encode()
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows(records)
        return stream.getvalue().encode()

    def _select(self, query: "JSONPath", record: Any) -> Any:
        """Returns what a filter selects: a value, several members as an object, or else a list of values."""
        found = list(query.finditer(record))
        if not found:
            raise DataProcessingError(f"{query} selects nothing of a record")
        if query.singular_query():
            selected: Any = found[0].obj
        elif all(isinstance(one.parts[-1], str) and one.parts[:-1] == found[0].parts[:-1] for one in found):
            selected = {one.parts[-1]: one.obj for one in found}
        else:
            selected = [one.obj for one in found]
        return [selected] if self._kind == _CSV and not isinstance(selected, list) else selected

    def _joined(self, records: list[Any], predictions: list[Any]) -> list[Any]:
        if len(records) != len(predictions):
            raise DataProcessingError(f"{len(records)} records cannot be joined with {len(predictions)} predictions")
        pairs = zip(records, predictions, strict=True)
        if self._kind == _CSV:
            return [[*record, *prediction] for record, prediction in pairs]
        return [
            (record if isinstance(record, dict) else {_INPUT: record}) | {_OUTPUT: prediction}
            for record, prediction in pairs
        ]


def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _filter(key: str, config: Mapping[str, str]) -> "JSONPath | None":
    """Compiles a filter. Returns None for the default, which selects everything."""
    text = config.get(key, _WHOLE)
    if text == _WHOLE:
        return None
    from jsonpath import JSONPath, JSONPathError, compile  # noqa: A004, PLC0415 - its own name; few jobs need it

    try:
        # SageMaker's documentation writes $.name.['a','b'].
        query = compile(text.replace(".[", "["))
    except JSONPathError as error:
        raise aws_error(f"DataProcessing.{key} is {text!r}, which is not a JSONPath: {error.args[0]}") from error
    if not text.startswith("$") or not isinstance(query, JSONPath):
        raise aws_error(f"DataProcessing.{key} is {text!r}, which is not a JSONPath that begins with $")
    return query
