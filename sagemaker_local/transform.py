"""Batch transform jobs: serves the model in a container, sends it the input files, uploads the predictions.

Follows https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html and
https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html: if an input file fails, the job fails, and every
file but that one has an output file. The log lines are SageMaker's.
"""

import gzip
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from sagemaker_local.data_processing import DataProcessing, DataProcessingError, Invoke
from sagemaker_local.differences import Difference
from sagemaker_local.errors import FailureReasonError, aws_error, not_supported
from sagemaker_local.job import Job, JobContext
from sagemaker_local.model import Models, download_model, requirements_of
from sagemaker_local.model_server_client import BadResponseError, ModelServer
from sagemaker_local.requests import require_s3_source
from sagemaker_local.s3_cache import S3Object, file_name_errors, join_uri
from sagemaker_local.transform_payloads import PayloadTooLargeError, payloads

_DEFAULT_PAYLOAD_MB = 6
_TOTAL_MB = 100
_DEFAULT_TIMEOUT = 600
_SPLIT_TYPES = ("None", "Line")


class TransformJob(Job):
    """One batch transform job.

    Args:
        request: the validated request.
        context: the environment that it runs in.
        models: has its model.
    """

    noun = "Transform"

    def __init__(self, request: dict[str, Any], context: JobContext, models: Models) -> None:
        super().__init__(request, context)
        self._models = models
        self._input = request["TransformInput"]
        self._output = request["TransformOutput"]

    def prepare(self) -> None:
        """See ``Job.prepare``."""
        self._source = require_s3_source("TransformInput", self._input["DataSource"])
        self._require_payloads_fit()
        if "DataCaptureConfig" in self.request:
            raise not_supported("DataCaptureConfig", self.request["DataCaptureConfig"], "leave it out")
        split = self._input.get("SplitType", "None")
        if split not in _SPLIT_TYPES:
            raise not_supported("TransformInput.SplitType", split, f"one of {', '.join(_SPLIT_TYPES)}")
        self._processing = DataProcessing(
            self.request.get("DataProcessing", {}),
            content_type=self._input.get("ContentType", ""),
            accept=self._output.get("Accept", ""),
            by_line=split == "Line",
        )
        if self._input.get("CompressionType", "None") == "Bzip2":
            raise not_supported("TransformInput.CompressionType", "Bzip2", "None or Gzip")
        self._definition = self._models.container(self.request["ModelName"])
        self.offline = self._models.is_isolated(self.request["ModelName"])
        self.image = self.context.image(f"Image of model {self.request['ModelName']}", self._definition.get("Image"))

    def _require_payloads_fit(self) -> None:
        """Raises AwsError if the requests in flight could have more than SageMaker allows them together.

        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html; the message is ours.
        """
        total = self._payload_mb() * self._width()
        if total > _TOTAL_MB:
            raise aws_error(f"MaxConcurrentTransforms * MaxPayloadInMB is {total}; it cannot exceed {_TOTAL_MB} MB")

    def start(self, command: Sequence[str], environment: dict[str, str], **options: Any) -> None:
        """See ``Job.start``; the model's packages are those of its own ``requirements.txt``, too."""
        requirements = "" if self.image.serve else requirements_of(self.container)
        super().start(command, environment, requirements=requirements, **options)

    def image_field(self) -> tuple[str, str | None]:
        """See ``Job.image_field``."""
        return self._models.image_field(self.request["ModelName"]), self._definition.get("Image")

    def request_differences(self, *, isolated: bool) -> tuple[Difference, ...]:
        """See ``Job.request_differences``; those of its model count, too."""
        own = super().request_differences(isolated=isolated)
        return own + self._models.differences(self.request["ModelName"], isolated=isolated)

    def instance_count(self) -> int:
        """See ``Job.instance_count``."""
        return int(self.request["TransformResources"]["InstanceCount"])

    def work(self) -> None:
        """See ``Job.work``."""
        items = self.context.s3.items(self._source["S3Uri"], data_type=self._source["S3DataType"])
        download_model(self._definition, self.container, self.context.s3)
        width = self._width()
        with self._server() as server, ThreadPoolExecutor(width) as pool:
            self.container.log_line(
                f"[sagemaker logs]: MaxConcurrentTransforms={width}, MaxPayloadInMB={self._payload_mb()}, "
                f"BatchStrategy={'SINGLE_RECORD' if self._single() else 'MULTI_RECORD'}"
            )
            failures = [self._transform(item, server, pool, width) for item in items]
        first = next((failure for failure in failures if failure is not None), None)
        if first is not None:
            raise first

    def _transform(
        self, item: S3Object, server: ModelServer, pool: ThreadPoolExecutor, width: int
    ) -> FailureReasonError | None:
        """Sends one input file and uploads the predictions. Returns this file's failure, or None."""
        self.check()
        file = self.folder / "answers" / f"{item.relative}.out"
        with file_name_errors(item):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        source = f"{item.bucket}/{item.key}"
        invoke = self._processing.around(server.invoke)
        try:
            with self._open(self.context.s3.cached(item)) as stream, file.open("wb") as out:
                for answer in _in_order(self._payloads(stream), invoke, pool, width):
                    out.write(answer)
                    if self._output.get("AssembleWith") == "Line" and not answer.endswith(b"\n"):
                        out.write(b"\n")
        except BadResponseError as error:
            self.check()
            return self._file_failed(error.blame, source, str(error), *error.text.splitlines())
        except (PayloadTooLargeError, DataProcessingError) as error:
            return self._file_failed("ClientError", source, str(error))
        self.context.s3.put(file, join_uri(self._output["S3OutputPath"], f"{item.relative}.out"), adopt=True)
        return None

    def _file_failed(self, blame: str, source: str, *lines: str) -> FailureReasonError:
        for line in lines:
            self.container.log_line(f"[sagemaker logs]: {source}: {line}")
        return FailureReasonError(f"{blame}: See job logs for more information ({source}: {lines[0]})")

    def _open(self, file: Path) -> BufferedIOBase:
        return gzip.GzipFile(file) if self._input.get("CompressionType") == "Gzip" else file.open("rb")

    def _payloads(self, stream: BufferedIOBase) -> Iterator[bytes]:
        by_line = self._input.get("SplitType") == "Line"
        return payloads(stream, by_line=by_line, single=by_line and self._single(), limit=self._payload_mb() << 20)

    def _single(self) -> bool:
        return bool(self.request.get("BatchStrategy") == "SingleRecord")

    def _width(self) -> int:
        return max(1, int(self.request.get("MaxConcurrentTransforms", 1)))

    def _payload_mb(self) -> int:
        return int(self.request.get("MaxPayloadInMB", _DEFAULT_PAYLOAD_MB))

    def _server(self) -> AbstractContextManager[ModelServer]:
        headers = {"Content-Type": self._input.get("ContentType"), "Accept": self._output.get("Accept")}
        client = self.request.get("ModelClientConfig", {})
        return ModelServer.started(
            self,
            self._environment(),
            headers={name: value for name, value in headers.items() if value},
            timeout=client.get("InvocationsTimeoutInSeconds", _DEFAULT_TIMEOUT),
            retries=client.get("InvocationsMaxRetries", 0),
        )

    def _environment(self) -> dict[str, str]:
        variables: dict[str, str] = {"SAGEMAKER_BATCH": "true"}
        if "MaxPayloadInMB" in self.request:
            variables["SAGEMAKER_MAX_PAYLOAD_IN_MB"] = str(self.request["MaxPayloadInMB"])
        if "BatchStrategy" in self.request:
            variables["SAGEMAKER_BATCH_STRATEGY"] = "SINGLE_RECORD" if self._single() else "MULTI_RECORD"
        if "MaxConcurrentTransforms" in self.request:
            variables["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"] = str(self.request["MaxConcurrentTransforms"])
        variables = self.request.get("Environment", {}) | variables
        model: dict[str, str] = self._definition.get("Environment", {})
        return model | variables


def _in_order(bodies: Iterator[bytes], invoke: Invoke, pool: ThreadPoolExecutor, width: int) -> Iterator[bytes]:
    """Yields the predictions in the payloads' order, with at most ``width`` requests in flight."""
    in_flight: deque[Future[bytes]] = deque()
    for body in bodies:
        in_flight.append(pool.submit(invoke, body))
        if len(in_flight) > width:
            yield in_flight.popleft().result()
    while in_flight:
        yield in_flight.popleft().result()
