"""Endpoint data capture: writes sampled requests and responses to S3 in SageMaker's layout.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

import base64
import json
import queue
import random
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_local.model_server_client import ModelResponse
from sagemaker_local.s3_cache import S3Cache, S3CacheError, join_uri, split_uri

_SECONDS = 1.0
"""Seconds until a captured invocation is in S3."""
_PARTS = {"Input": "endpointInput", "Output": "endpointOutput"}

_Event = tuple[str, datetime, str]
"""The variant, when it was invoked, and the line to write."""


class DataCapture:
    """Captures the invocations of one endpoint configuration, until ``close``. Safe to use from several threads.

    Args:
        config: DataCaptureConfig, which has ``EnableCapture`` on by default.
        endpoint: the endpoint's name.
        s3: the S3 to write to.
        log: called with a line if something could not be written.
    """

    def __init__(self, config: Mapping[str, Any], *, endpoint: str, s3: S3Cache, log: Callable[[str], None]) -> None:
        self._modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
        self._percentage: int = config["InitialSamplingPercentage"]
        self._encodings = _encodings(config.get("CaptureContentTypeHeader", {}))
        self._uri = join_uri(config["DestinationS3Uri"], endpoint)
        self._s3 = s3
        self._log = log
        self._events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def record(
        self, variant: str, body: bytes, content_type: str, answer: ModelResponse, inference_id: str | None = None
    ) -> None:
        """Captures an invocation, if it is among those sampled, and returns; another thread writes it.

        Args:
            variant: the name of the variant that answered.
            body: the request's body.
            content_type: the request's content type.
            answer: the model's prediction.
            inference_id: the client's, which is captured, too
                (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html).
        """
        if random.random() * 100 >= self._percentage:  # noqa: S311 - a sample, not a secret
            return
        at = datetime.now(UTC)
        content = {"Input": (body, content_type), "Output": (answer.body, answer.content_type)}
        event = {
            "captureData": {
                _PARTS[mode]: self._part(mode, *content[mode])
                for mode in _PARTS
                if self._modes & {mode, "InputAndOutput"}
            },
            "eventMetadata": {
                "eventId": str(uuid.uuid4()),
                **({"inferenceId": inference_id} if inference_id else {}),
                "inferenceTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
            "eventVersion": "0",
        }
        self._events.put((variant, at, json.dumps(event, separators=(",", ":"))))

    def close(self) -> None:
        """Writes what is not written yet."""
        self._closed.set()
        self._thread.join()

    def _part(self, mode: str, content: bytes, content_type: str) -> dict[str, str]:
        encoding = self._encodings.get(content_type.partition(";")[0].strip().lower(), "BASE64")
        data = base64.b64encode(content).decode() if encoding == "BASE64" else content.decode("utf-8", "replace")
        return {"observedContentType": content_type, "mode": mode.upper(), "data": data, "encoding": encoding}

    def _run(self) -> None:
        while not self._closed.wait(_SECONDS):
            self._write()
        self._write()

    def _write(self) -> None:
        """Writes one file for each variant and hour."""
        files: dict[str, list[_Event]] = defaultdict(list)
        while not self._events.empty():
            variant, at, line = self._events.get()
            files[join_uri(self._uri, variant, at.strftime("%Y/%m/%d/%H"))].append((variant, at, line))
        for folder, events in files.items():
            first = events[0][1]
            name = f"{first:%M-%S}-{first.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
            try:
                bucket, key = split_uri(join_uri(folder, name))
                body = "".join(f"{line}\n" for _, _, line in events).encode()
                self._s3.client.put_object(Bucket=bucket, Key=key, Body=body)
            except (BotoCoreError, ClientError, S3CacheError) as error:
                self._log(f"{len(events)} captured invocations could not be written to {folder}: {error}")


def _encodings(headers: Mapping[str, list[str]]) -> dict[str, str]:
    """Returns the encoding for each content type that is not encoded as base64."""
    lists = {"CSV": headers.get("CsvContentTypes", []), "JSON": headers.get("JsonContentTypes", [])}
    return {content_type.lower(): encoding for encoding, types in lists.items() for content_type in types}
