"""The variables and arguments that the SageMaker training toolkit passes to a training script.

Names and formats are the toolkit's: https://github.com/aws/sagemaker-training-toolkit, ``environment.py``,
``mapping.py``, ``params.py``. Only the toolkit as the container's entry point (script mode) sets them; a job with an
entry point in its request gets only what SageMaker itself sets.
"""

import json
import os
from typing import Any

INPUT = "/opt/ml/input"
MODEL = "/opt/ml/model"
OUTPUT = "/opt/ml/output"
CODE = "/opt/ml/code"
HOST = "algo-1"

_GROUP = "homogeneousCluster"
_LOG_LEVEL = 20  # logging.INFO
# The "sagemaker_" hyperparameters that the toolkit reads itself; it passes on the others as framework parameters.
_TOOLKIT_PARAMETERS = {
    "sagemaker_program",
    "sagemaker_submit_directory",
    "sagemaker_container_log_level",
    "sagemaker_job_name",
    "sagemaker_region",
    "sagemaker_enable_cloudwatch_metrics",
    "sagemaker_s3_output",
}


def parse_hyperparameters(hyperparameters: dict[str, str]) -> dict[str, Any]:
    """Parses hyperparameters, which are strings in the request, as JSON if possible, like the toolkit."""

    def value(text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError:
            return text

    return {name: value(text) for name, text in hyperparameters.items()}


def resource_config(requested: dict[str, Any]) -> dict[str, Any]:
    """Returns the content of ``resourceconfig.json`` for the one host of this machine, which is in the first group.

    Args:
        requested: ResourceConfig, with an instance type or with InstanceGroups.
    """
    group = (requested.get("InstanceGroups") or [requested])[0]
    name, instance_type = group.get("InstanceGroupName", _GROUP), group.get("InstanceType", "local")
    return {
        "current_host": HOST,
        "current_instance_type": instance_type,
        "current_group_name": name,
        "hosts": [HOST],
        "instance_groups": [{"instance_group_name": name, "instance_type": instance_type, "hosts": [HOST]}],
        "network_interface_name": "eth0",
    }


def user_arguments(hyperparameters: dict[str, Any]) -> list[str]:
    """Returns the script's arguments: ``--name value`` for each of the user's hyperparameters, ordered by name."""
    arguments = []
    for name, value in sorted(_user_hyperparameters(hyperparameters).items()):
        text = "" if value is None else str(value)
        if isinstance(value, dict):
            text = ",".join(f"{key}={item}" for key, item in sorted(value.items()))
        arguments += [f"--{name}" if len(name) > 1 else f"-{name}", text]
    return arguments


def variables(
    *,
    hyperparameters: dict[str, Any],
    channels: dict[str, dict[str, Any]],
    resources: dict[str, Any],
    program: str,
    submit_directory: str,
    job_name: str,
    region: str,
) -> dict[str, str]:
    """Returns the ``SM_`` variables, and the others that the toolkit sets.

    Args:
        hyperparameters: the parsed hyperparameters.
        channels: the content of ``inputdataconfig.json``.
        resources: the content of ``resourceconfig.json``.
        program: the user's script.
        submit_directory: the source of the script's code.
        job_name: the training job's name.
        region: the job's region.
    """
    own = _user_hyperparameters(hyperparameters)
    framework = {
        name: value for name, value in hyperparameters.items() if name not in own and name not in _TOOLKIT_PARAMETERS
    }
    directories = {name: f"{INPUT}/data/{name}" for name in channels}
    values = _container(resources) | {
        "hps": own,
        "user_entry_point": program,
        "framework_params": framework,
        "resource_config": resources,
        "input_data_config": channels,
        "channels": sorted(channels),
        "module_name": program.removesuffix(".py"),
        "module_dir": submit_directory,
        "user_args": user_arguments(hyperparameters),
    }
    values["training_env"] = _training_env(values, directories, framework, job_name)
    values |= {f"channel_{name}": path for name, path in directories.items()}
    values |= {f"hp_{name}": value for name, value in own.items()}
    return {f"SM_{name.upper()}": _as_variable(value) for name, value in values.items()} | {
        "CURRENT_HOST": resources["current_host"],
        "SAGEMAKER_JOB_NAME": str(hyperparameters.get("sagemaker_job_name", "")),
        "SAGEMAKER_REGION": str(hyperparameters.get("sagemaker_region", region)),
        "PYTHONPATH": CODE,
    }


def _container(resources: dict[str, Any]) -> dict[str, Any]:
    groups = resources["instance_groups"]
    return {
        "hosts": resources["hosts"],
        "current_host": resources["current_host"],
        "current_instance_type": resources["current_instance_type"],
        "current_instance_group": resources["current_group_name"],
        "current_instance_group_hosts": resources["hosts"],
        "instance_groups": [group["instance_group_name"] for group in groups],
        "instance_groups_dict": {group["instance_group_name"]: group for group in groups},
        "distribution_instance_groups": [],
        "is_hetero": len(groups) > 1,
        "network_interface_name": resources["network_interface_name"],
        "num_cpus": os.cpu_count() or 1,
        "num_gpus": 0,
        "log_level": _LOG_LEVEL,
        "framework_module": None,
        "input_dir": INPUT,
        "input_config_dir": f"{INPUT}/config",
        "output_dir": OUTPUT,
        "output_data_dir": f"{OUTPUT}/data",
        "output_intermediate_dir": f"{OUTPUT}/intermediate",
        "model_dir": MODEL,
    }


def _training_env(
    values: dict[str, Any], directories: dict[str, str], framework: dict[str, Any], job_name: str
) -> dict[str, Any]:
    names = {"hps": "hyperparameters", "framework_params": "additional_framework_parameters"}
    left_out = ("channels", "user_args")
    renamed = {names.get(name, name): value for name, value in values.items() if name not in left_out}
    return renamed | {
        "additional_framework_parameters": framework,
        "channel_input_dirs": directories,
        "job_name": job_name,
        "is_master": True,
        "master_hostname": HOST,
    }


def _user_hyperparameters(hyperparameters: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in hyperparameters.items() if not name.startswith("sagemaker_")}


def _as_variable(value: Any) -> str:
    """Formats a value as ``to_env_vars`` in the toolkit's ``mapping.py`` does: ``true``, not ``True``."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))
