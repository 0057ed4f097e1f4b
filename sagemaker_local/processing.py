"""Processing jobs: downloads the inputs, runs the entry point, uploads the outputs.

The container's files are those of https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html.
Outputs in the mode Continuous are uploaded while the job runs, and whatever becomes of it.
"""

import os
from typing import Any

from sagemaker_local.errors import FailureReasonError, aws_error, not_supported
from sagemaker_local.job import Job
from sagemaker_local.requests import require_s3_type
from sagemaker_local.s3_cache import in_parallel

_ROOT = "/opt/ml/processing/"
_DEFAULT_MAX_RUNTIME = 86_400


class ProcessingJob(Job):
    """One processing job."""

    noun = "Processing"

    def prepare(self) -> None:
        """See ``Job.prepare``."""
        specification = self.request["AppSpecification"]
        self.image = self.context.image(*self.image_field())
        if not specification.get("ContainerEntrypoint"):
            raise not_supported(
                "AppSpecification.ContainerEntrypoint",
                None,
                "set it, because the image's own entry point cannot run here",
            )
        for number, source in enumerate(self.request.get("ProcessingInputs", [])):
            key = f"ProcessingInputs[{number}]"
            if "S3Input" not in source:
                raise not_supported(key, sorted(source), "use S3Input")
            require_s3_type(f"{key}.S3Input.S3DataType", source["S3Input"]["S3DataType"])
            mode = source["S3Input"].get("S3InputMode", "File")
            if mode != "File":
                raise not_supported(f"{key}.S3Input.S3InputMode", mode, "use File")
            _require_local_path(f"{key}.S3Input", source, source["S3Input"])
        for number, output in enumerate(self._outputs()):
            key = f"ProcessingOutputConfig.Outputs[{number}]"
            if "S3Output" not in output:
                raise not_supported(key, sorted(output), "use S3Output")
            _require_local_path(f"{key}.S3Output", output, output["S3Output"])

    def image_field(self) -> tuple[str, str | None]:
        """See ``Job.image_field``."""
        return "AppSpecification.ImageUri", self.request["AppSpecification"]["ImageUri"]

    def instance_count(self) -> int:
        """See ``Job.instance_count``."""
        return int(self.request["ProcessingResources"]["ClusterConfig"].get("InstanceCount", 1))

    def work(self) -> None:
        """See ``Job.work``."""
        self._write_config()
        in_parallel(self._download, _not_app_managed(self.request.get("ProcessingInputs", [])))
        for output in _not_app_managed(self._outputs()):
            self._make_folder(output["S3Output"]["LocalPath"])
        self.container.path("/opt/ml/output").mkdir()
        with self.uploads({place["LocalPath"]: place["S3Uri"] for place in self._s3_outputs("Continuous")}):
            self._process()
        for place in self._s3_outputs("EndOfJob"):
            self.upload(place["LocalPath"], place["S3Uri"])

    def _download(self, source: dict[str, Any]) -> None:
        given = source["S3Input"]
        items = self.context.s3.items(given["S3Uri"], data_type=given["S3DataType"])
        self.context.s3.get(items, self.container.path(given["LocalPath"]), check=self.check)

    def _process(self) -> None:
        specification = self.request["AppSpecification"]
        command = [*specification["ContainerEntrypoint"], *specification.get("ContainerArguments", [])]
        offline = self.request.get("NetworkConfig", {}).get("EnableNetworkIsolation", False)
        self.start(command, self.request.get("Environment", {}), offline=offline)
        limit = self.request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", _DEFAULT_MAX_RUNTIME)
        outcome = self.finish(limit)
        if outcome.code != 0:
            raise self.algorithm_error(self.message("message"), outcome.code)

    def _make_folder(self, path: str) -> None:
        try:
            self.container.path(path).mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise FailureReasonError(
                f"ClientError: {path} cannot be the folder of an output: an input has a file there"
            ) from error

    def describe(self, status: str, reason: str | None = None) -> dict[str, Any]:
        """See ``Job.describe``."""
        described = super().describe(status, reason) | {"LastModifiedTime": self.ended or self.started or self.created}
        message = self.message("message") if "ProcessingEndTime" in described else ""
        return described | ({"ExitMessage": message} if message else {})

    def _outputs(self) -> list[dict[str, Any]]:
        outputs: list[dict[str, Any]] = self.request.get("ProcessingOutputConfig", {}).get("Outputs", [])
        return outputs

    def _s3_outputs(self, mode: str) -> list[dict[str, Any]]:
        """Returns the S3Output of each output that SageMaker uploads in a mode."""
        places = [output["S3Output"] for output in _not_app_managed(self._outputs())]
        return [place for place in places if place.get("S3UploadMode", "EndOfJob") == mode]

    def _write_config(self) -> None:
        cluster = self.request["ProcessingResources"]["ClusterConfig"]
        content = {key: value for key, value in self.request.items() if key != "Tags"} | {"ProcessingJobArn": self.arn}
        self.write_config("/opt/ml/config/processingjobconfig.json", content)
        hosts = {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "eth0"}
        hosts |= {"current_instance_type": cluster.get("InstanceType", "local")}
        self.write_config("/opt/ml/config/resourceconfig.json", hosts)


def _not_app_managed(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the inputs or outputs that SageMaker transfers; the application transfers the others itself."""
    return [part for part in parts if not part.get("AppManaged")]


def _require_local_path(key: str, part: dict[str, Any], place: dict[str, Any]) -> None:
    path = place.get("LocalPath", "")
    if not part.get("AppManaged") and not f"{os.path.normpath(path)}/".startswith(_ROOT):
        raise aws_error(f"Value '{path}' at '{key}.LocalPath' failed to satisfy constraint: it must begin with {_ROOT}")
