"""Training jobs: downloads the channels, runs the entry point, packs and uploads the model and the output.

The container's files are those of
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html.
Without an entry point in the request, the job is in script mode and runs what the SageMaker training toolkit would run:
the hyperparameters ``sagemaker_program`` and ``sagemaker_submit_directory``, or variables of these names, say what.
"""

import contextlib
import os
import shlex
import shutil
from typing import Any

from sagemaker_local import training_env
from sagemaker_local.archives import pack, unpack
from sagemaker_local.environments import REQUIREMENTS_LENGTH, is_plain
from sagemaker_local.errors import FailureReasonError, PackageBuildError, aws_error, not_supported
from sagemaker_local.job import Job, now
from sagemaker_local.job_files import is_inside
from sagemaker_local.mounts import PROGRAM
from sagemaker_local.requests import require_file_mode, require_s3_source
from sagemaker_local.s3_cache import NothingFoundError, S3CacheError, S3Object, join_uri

_DEFAULT_MAX_RUNTIME = 86_400


class TrainingJob(Job):
    """One training job."""

    noun = "Training"

    def prepare(self) -> None:
        """See ``Job.prepare``."""
        self.hyperparameters = training_env.parse_hyperparameters(self.request.get("HyperParameters", {}))
        environment = self.request.get("Environment", {})
        program = self.hyperparameters.get("sagemaker_program", environment.get("SAGEMAKER_PROGRAM"))
        self.program = "" if program is None else str(program)
        self.submit_directory = str(
            self.hyperparameters.get(
                "sagemaker_submit_directory", environment.get("SAGEMAKER_SUBMIT_DIRECTORY", training_env.CODE)
            )
        )
        specification = self.request.get("AlgorithmSpecification", {})
        self.image = self.context.image("AlgorithmSpecification.TrainingImage", specification.get("TrainingImage"))
        # AWS runs "docker run IMAGE train" where a request names no program.
        entry_point = specification.get("ContainerEntrypoint") or (() if self.program else self.image.train)
        if not entry_point and not self.program:
            raise not_supported(
                "AlgorithmSpecification.ContainerEntrypoint",
                None,
                "set it or HyperParameters.sagemaker_program, or name the image's own training program in images.yaml: "
                f"{{{self.image.name}: {{packages: [...], folder: my-image, train: [python, {PROGRAM}/train]}}}}",
            )
        self.entry_point = [*entry_point, *specification.get("ContainerArguments", [])] if entry_point else None
        self.channels = [self._channel(number, channel) for number, channel in enumerate(self._input_data_config())]

    def instance_count(self) -> int:
        """See ``Job.instance_count``."""
        return int(self.request.get("ResourceConfig", {}).get("InstanceCount", 1))

    def work(self) -> None:
        """See ``Job.work``."""
        self._write_inputs()
        options = {
            "cwd": None if self.entry_point else training_env.CODE,
            "offline": self.request.get("EnableNetworkIsolation", False),
        }
        requirements = self._requirements()
        if not is_plain(requirements):
            self._start_after_pip(options)
        else:
            try:
                self.start(self._command(), self._variables(), requirements=requirements, **options)
            except PackageBuildError:
                self._start_after_pip(options)
        limit = self.request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", _DEFAULT_MAX_RUNTIME)
        try:
            outcome = self.finish(limit)
        except FailureReasonError:
            # SageMaker uploads what a job saved before it timed out.
            self._upload()
            raise
        if outcome.code != 0:
            raise FailureReasonError(
                f"AlgorithmError: {self._failure_message(outcome.code)}, exit code: {outcome.code}"
            )
        self._upload()

    def describe(self, status: str, reason: str | None = None) -> dict[str, Any]:
        """See ``Job.describe``."""
        described = super().describe(status, reason)
        for switch in ("NetworkIsolation", "InterContainerTrafficEncryption", "ManagedSpotTraining"):
            described.setdefault(f"Enable{switch}", False)
        if "TrainingEndTime" not in described:
            secondary = self._progress() if status == "InProgress" else status
            return described | {"SecondaryStatus": secondary, "LastModifiedTime": self.started or self.created}
        seconds = (described["TrainingEndTime"] - (self.started or self.created)) // 1000
        exceeded = status == "Stopped" and reason is not None
        secondary = "MaxRuntimeExceeded" if exceeded else status
        described |= {
            "SecondaryStatus": secondary,
            "SecondaryStatusTransitions": self._transitions(secondary, reason),
            "LastModifiedTime": described["TrainingEndTime"],
            "TrainingTimeInSeconds": seconds,
            "BillableTimeInSeconds": seconds,
        }
        if status == "Completed" or exceeded:
            described["ModelArtifacts"] = {"S3ModelArtifacts": self._model_uri()}
        return described

    def _input_data_config(self) -> list[dict[str, Any]]:
        channels: list[dict[str, Any]] = self.request.get("InputDataConfig", [])
        return channels

    def _channel(self, number: int, channel: dict[str, Any]) -> tuple[str, list[S3Object]]:
        key = f"InputDataConfig[{number}]"
        specification = self.request.get("AlgorithmSpecification", {})
        require_file_mode(f"{key}.InputMode", channel.get("InputMode", specification.get("TrainingInputMode", "File")))
        source = require_s3_source(key, channel["DataSource"])
        try:
            return channel["ChannelName"], self.context.s3.items(source["S3Uri"], data_type=source["S3DataType"])
        except NothingFoundError as error:
            # SageMaker checks this before it accepts the request; the message is SageMaker's.
            raise aws_error(
                f"{error} Please ensure that the bucket exists in the selected region ({self.context.region}), that "
                f'objects exist under that S3 prefix, and that the role "{self.request["RoleArn"]}" has '
                '"s3:ListBucket" permissions on the bucket.'
            ) from error
        except S3CacheError as error:
            raise aws_error(str(error)) from error

    def _write_inputs(self) -> None:
        for name, items in self.channels:
            self.context.s3.get(items, self.container.path(f"{training_env.INPUT}/data/{name}"), check=self.check)
        for folder in (training_env.MODEL, f"{training_env.OUTPUT}/data", training_env.CODE):
            self.container.path(folder).mkdir(parents=True, exist_ok=True)
        self.channel_config = {
            channel["ChannelName"]: _channel_config(channel) for channel in self._input_data_config()
        }
        self.resources = training_env.resource_config(
            self.request.get("ResourceConfig", {}).get("InstanceType", "local")
        )
        for name, content in (
            ("hyperparameters", self.request.get("HyperParameters", {})),
            ("inputdataconfig", self.channel_config),
            ("resourceconfig", self.resources),
        ):
            self.write_config(f"{training_env.INPUT}/config/{name}.json", content)
        if self.entry_point is None:
            self._fetch_code()

    def _fetch_code(self) -> None:
        if not is_inside(self.program):
            raise FailureReasonError(
                f"ClientError: sagemaker_program is {self.program!r}; it must be a path in the source directory"
            )
        folder = self.container.path(training_env.CODE)
        if self.submit_directory.startswith("s3://"):
            for item in self.context.s3.items(self.submit_directory):
                unpack(self.context.s3.cached(item), folder, uri=self.submit_directory)
        elif self.submit_directory != training_env.CODE:
            self._copy_code(self.submit_directory.removeprefix("file://"))
        with contextlib.suppress(FileNotFoundError), self.files.open(f"{training_env.CODE}/{self.program}") as program:
            os.fchmod(program.fileno(), 0o755)  # as the toolkit does, for shell scripts

    def _copy_code(self, path: str) -> None:
        try:
            source = self.container.path(path)
        except ValueError as error:
            raise FailureReasonError(f"ClientError: sagemaker_submit_directory: {error}") from error
        if source.is_dir():
            shutil.copytree(source, self.container.path(training_env.CODE), dirs_exist_ok=True)
        else:
            unpack(source, self.container.path(training_env.CODE), uri=path)

    def _requirements(self) -> str:
        """The ``requirements.txt`` of the source directory, which the training toolkit installs in script mode."""
        if self.entry_point is not None:
            return ""
        return self.files.text(f"{training_env.CODE}/requirements.txt", REQUIREMENTS_LENGTH)

    def _start_after_pip(self, options: dict[str, Any]) -> None:
        """Has the job install its packages itself, as the toolkit does: they may run code when they are built."""
        install = "python -m pip install -r requirements.txt || exit 1"
        command = ["/bin/sh", "-c", f'{install}; exec "$0" "$@"', *self._command()]
        self.start(command, self._variables(), **options)

    def _command(self) -> list[str]:
        if self.entry_point is not None:
            return self.entry_point
        arguments = training_env.user_arguments(self.hyperparameters)
        if self.program.endswith(".sh"):
            return ["/bin/sh", "-c", f"./{shlex.quote(self.program)} {shlex.join(arguments)}"]
        return ["python", self.program, *arguments]

    def _variables(self) -> dict[str, str]:
        variables = training_env.variables(
            hyperparameters=self.hyperparameters,
            channels=self.channel_config,
            resources=self.resources,
            program=self.program or None,
            submit_directory=self.submit_directory,
            job_name=self.name,
        )
        variables |= {"TRAINING_JOB_NAME": self.name, "TRAINING_JOB_ARN": self.arn, "CURRENT_HOST": training_env.HOST}
        if self.entry_point is None:
            variables["PYTHONPATH"] = training_env.CODE
        given: dict[str, str] = self.request.get("Environment", {})
        return variables | given

    def _failure_message(self, code: int) -> str:
        """Returns the failure file's content or, in script mode without one, what the toolkit would write there."""
        message = self.message("failure")
        if message or self.entry_point is not None:
            return message
        error = "\n".join(self.container.last_lines[-10:])
        return (
            f'ExecuteUserScriptError:\nExitCode {code}\nErrorMessage "{error}"\nCommand "{shlex.join(self._command())}"'
        )

    def _output_uri(self) -> str:
        return join_uri(self.request["OutputDataConfig"]["S3OutputPath"], self.name, "output")

    def _compressed(self) -> bool:
        return bool(self.request["OutputDataConfig"].get("CompressionType", "GZIP") == "GZIP")

    def _model_uri(self) -> str:
        return join_uri(self._output_uri(), "model.tar.gz" if self._compressed() else "model/")

    def _upload(self) -> None:
        for name, folder in (("model", training_env.MODEL), ("output", f"{training_env.OUTPUT}/data")):
            if not self._compressed():
                self.upload(folder, join_uri(self._output_uri(), name))
                continue
            archive = self.folder / f"{name}.tar.gz"
            if pack(self.files, folder, archive, log=self.container.log_line):
                self.context.s3.put(archive, join_uri(self._output_uri(), archive.name), adopt=True)

    def _progress(self) -> str:
        """Returns the secondary status of a job in progress."""
        if self.started is None:
            return "Downloading"
        return "Training" if self.ended is None else "Uploading"

    def _transitions(self, secondary: str, reason: str | None) -> list[dict[str, Any]]:
        started, ended = self.started or self.created, self.ended or now()
        spans = (
            ("Starting", self.created, self.created, "Preparing the instances for training"),
            ("Downloading", self.created, started, "Downloading input data"),
            ("Training", started, ended, "Training job in progress."),
            (secondary, ended, now(), reason or "Training job completed"),
        )
        return [
            {"Status": status, "StartTime": start, "EndTime": end, "StatusMessage": message}
            for status, start, end, message in spans
        ]


def _channel_config(channel: dict[str, Any]) -> dict[str, str]:
    source = channel["DataSource"]["S3DataSource"]
    config = {
        "ContentType": channel.get("ContentType"),
        "TrainingInputMode": "File",  # for FastFile too, as SageMaker writes it
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    return {key: value for key, value in config.items() if value is not None}
