"""Training jobs: downloads the channels, runs the entry point, packs and uploads the model and the output.

The container's files are those of
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html.
Without an entry point in the request, the job is in script mode and runs what the SageMaker training toolkit would run:
the hyperparameters ``sagemaker_program`` and ``sagemaker_submit_directory``, or variables of these names, say what.
"""

import contextlib
import math
import os
import re
import shlex
import shutil
from typing import Any

from sagemaker_local import training_env
from sagemaker_local.archives import pack, unpack
from sagemaker_local.environments import REQUIREMENTS_LENGTH
from sagemaker_local.errors import FailureReasonError, PackageBuildError, aws_error, not_supported
from sagemaker_local.job import Job, now
from sagemaker_local.job_files import is_inside
from sagemaker_local.mounts import PROGRAM
from sagemaker_local.requests import require_file_mode, require_s3_source
from sagemaker_local.s3_cache import NothingFoundError, S3CacheError, S3Object, in_parallel, join_uri

_DEFAULT_MAX_RUNTIME = 86_400
_CHECKPOINTS, _TENSORBOARD = "/opt/ml/checkpoints", "/opt/ml/output/tensorboard"


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
        specification = self._specification()
        self.image = self.context.image(*self.image_field())
        # AWS runs "docker run IMAGE train" if a request names no program.
        entry_point = specification.get("ContainerEntrypoint") or (() if self.program else self.image.train)
        if not entry_point and not self.program:
            raise not_supported(
                "AlgorithmSpecification.ContainerEntrypoint",
                None,
                "set it or HyperParameters.sagemaker_program, or name the image's own training program in images.yaml: "
                f"{{{self.image.name}: {{packages: [...], folder: my-image, train: [python, {PROGRAM}/train]}}}}",
            )
        self.entry_point = [*entry_point, *specification.get("ContainerArguments", [])] if entry_point else None
        for folder in self._continuous_outputs():
            if not f"{os.path.normpath(folder)}/".startswith("/opt/ml/"):
                raise not_supported("LocalPath", folder, "use a folder below /opt/ml")
        self._metrics = dict(map(_metric, specification.get("MetricDefinitions", [])))
        self._final_metrics: dict[str, dict[str, Any]] = {}
        _require_distinct([channel["ChannelName"] for channel in self._input_data_config()])
        self.channels = [self._channel(number, channel) for number, channel in enumerate(self._input_data_config())]

    def image_field(self) -> tuple[str, str | None]:
        """See ``Job.image_field``."""
        specification = self.request.get("AlgorithmSpecification", {})
        return "AlgorithmSpecification.TrainingImage", specification.get("TrainingImage")

    def instance_count(self) -> int:
        """See ``Job.instance_count``."""
        resources = self.request.get("ResourceConfig", {})
        groups = resources.get("InstanceGroups") or [resources]
        return sum(int(group.get("InstanceCount", 1)) for group in groups)

    def work(self) -> None:
        """See ``Job.work``."""
        self._write_inputs()
        try:
            with self.uploads(self._continuous_outputs()):
                self._train()
        except FailureReasonError as error:
            if error.exceeded:  # SageMaker uploads what a job saved before it timed out
                self._upload()
            raise
        self._upload()

    def read_line(self, line: str) -> None:
        """Reads the values of MetricDefinitions from a line; the last value of each counts."""
        for name, pattern in self._metrics.items():
            for found in pattern.finditer(line):
                with contextlib.suppress(ValueError):
                    value = float(found[1] if pattern.groups else found[0])
                    if math.isfinite(value):
                        self._final_metrics[name] = {"MetricName": name, "Value": value, "Timestamp": now()}

    def _continuous_outputs(self) -> dict[str, str]:
        """Returns the S3 URI of each folder that SageMaker uploads while the job runs.

        Where TensorBoard's output lies below its S3OutputPath is in the Python SDK's ``estimator.py``, as
        ``latest_job_tensorboard_artifacts_path``.
        """
        found = {}
        if checkpoints := self.request.get("CheckpointConfig"):
            found[_checkpoint_folder(checkpoints)] = checkpoints["S3Uri"]
        if tensorboard := self.request.get("TensorBoardOutputConfig"):
            uri = join_uri(tensorboard["S3OutputPath"], self.name, "tensorboard-output")
            found[tensorboard.get("LocalPath", _TENSORBOARD)] = uri
        return found

    def _download_checkpoints(self) -> None:
        """Downloads the checkpoints of an earlier job, if there are any."""
        for folder in self._continuous_outputs():
            self.container.path(folder).mkdir(parents=True, exist_ok=True)
        config = self.request.get("CheckpointConfig")
        if config is not None:
            with contextlib.suppress(NothingFoundError):
                items = self.context.s3.items(join_uri(config["S3Uri"], ""))
                self.context.s3.get(items, self.container.path(_checkpoint_folder(config)), check=self.check)

    def _train(self) -> None:
        options: dict[str, Any] = {
            "cwd": None if self.entry_point else training_env.CODE,
            "offline": self.request.get("EnableNetworkIsolation", False),
            "protected": [
                f"{training_env.INPUT}/data/{channel['ChannelName']}"
                for channel in self._input_data_config()
                if self._input_mode(channel) == "FastFile"
            ],
        }
        requirements = self._requirements()
        try:
            self.start(self._command(), self._variables(), requirements=requirements, **options)
        except PackageBuildError:
            self._start_after_pip(requirements, options)
        limit = self.request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", _DEFAULT_MAX_RUNTIME)
        outcome = self.finish(limit)
        if outcome.code != 0:
            raise self.algorithm_error(self._failure_message(outcome.code), outcome.code)

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
        if self._final_metrics:
            described["FinalMetricDataList"] = list(self._final_metrics.values())
        if status == "Completed" or exceeded:
            described["ModelArtifacts"] = {"S3ModelArtifacts": self._model_uri()}
        return described

    def _specification(self) -> dict[str, Any]:
        """Returns AlgorithmSpecification. Raises TaskFailed without one; the message about both fields is ours."""
        specification: dict[str, Any] | None = self.request.get("AlgorithmSpecification")
        if specification is None and "ServerlessJobConfig" not in self.request:
            raise aws_error("One of AlgorithmSpecification and ServerlessJobConfig must be specified.")
        if specification is None:
            raise not_supported("ServerlessJobConfig", "given", "use AlgorithmSpecification")
        return specification

    def _input_data_config(self) -> list[dict[str, Any]]:
        channels: list[dict[str, Any]] = self.request.get("InputDataConfig", [])
        return channels

    def _input_mode(self, channel: dict[str, Any]) -> str:
        specification = self.request["AlgorithmSpecification"]
        return str(channel.get("InputMode", specification.get("TrainingInputMode", "File")))

    def _channel(self, number: int, channel: dict[str, Any]) -> tuple[str, list[S3Object]]:
        key = f"InputDataConfig[{number}]"
        require_file_mode(f"{key}.InputMode", self._input_mode(channel))
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

    def _download(self, channel: tuple[str, list[S3Object]]) -> None:
        name, items = channel
        folder = self.container.path(f"{training_env.INPUT}/data/{name}")
        folder.mkdir(parents=True, exist_ok=True)
        self.context.s3.get(items, folder, check=self.check)

    def _write_inputs(self) -> None:
        in_parallel(self._download, self.channels)
        for folder in (training_env.MODEL, f"{training_env.OUTPUT}/data", training_env.CODE):
            self.container.path(folder).mkdir(parents=True, exist_ok=True)
        self.channel_config = {
            channel["ChannelName"]: _channel_config(channel) for channel in self._input_data_config()
        }
        self.resources = training_env.resource_config(self.request.get("ResourceConfig", {}))
        for name, content in (
            ("hyperparameters", self.request.get("HyperParameters", {})),
            ("inputdataconfig", self.channel_config),
            ("resourceconfig", self.resources),
        ):
            self.write_config(f"{training_env.INPUT}/config/{name}.json", content)
        self._download_checkpoints()
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

    def _start_after_pip(self, requirements: str, options: dict[str, Any]) -> None:
        """Has the job install its packages itself, as the toolkit does: they may run code when they are built."""
        install = "python -m pip install -r requirements.txt || exit 1"
        command = ["/bin/sh", "-c", f'{install}; exec "$0" "$@"', *self._command()]
        self.start(command, self._variables(), installs=requirements, **options)

    def _command(self) -> list[str]:
        if self.entry_point is not None:
            return self.entry_point
        arguments = training_env.user_arguments(self.hyperparameters)
        if self.program.endswith(".sh"):
            return ["/bin/sh", "-c", f"./{shlex.quote(self.program)} {shlex.join(arguments)}"]
        return ["python", self.program, *arguments]

    def _variables(self) -> dict[str, str]:
        """Returns the request's variables and SageMaker's; in script mode the toolkit's, too.

        SageMaker's are in
        https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html.
        """
        variables = {"TRAINING_JOB_NAME": self.name, "TRAINING_JOB_ARN": self.arn}
        if self.entry_point is None:
            variables |= training_env.variables(
                hyperparameters=self.hyperparameters,
                channels=self.channel_config,
                resources=self.resources,
                program=self.program,
                submit_directory=self.submit_directory,
                job_name=self.name,
                region=self.context.region,
            )
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


def _checkpoint_folder(config: dict[str, str]) -> str:
    return config.get("LocalPath", _CHECKPOINTS)


def _metric(definition: dict[str, str]) -> tuple[str, re.Pattern[str]]:
    """Returns the name and the compiled regular expression of a metric. Raises AwsError if it is invalid."""
    try:
        return definition["Name"], re.compile(definition["Regex"])
    except re.error as error:
        raise aws_error(f"The regular expression {definition['Regex']!r} of {definition['Name']}: {error}") from error


def _require_distinct(names: list[str]) -> None:
    """Raises AwsError if a channel's name is given twice; the message is ours."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise aws_error(f"InputDataConfig has more than one channel with the name {', '.join(twice)}.")


def _channel_config(channel: dict[str, Any]) -> dict[str, str]:
    source = channel["DataSource"]["S3DataSource"]
    config = {
        "ContentType": channel.get("ContentType"),
        "TrainingInputMode": "File",  # for FastFile too, as SageMaker writes it
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    return {key: value for key, value in config.items() if value is not None}
