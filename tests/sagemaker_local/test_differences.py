"""How jobs and endpoints differ from the same on AWS, and what they really run in."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sagemaker_local.differences import Difference, of_container, of_image, of_request, runtime
from sagemaker_local.environments import PythonEnvironment
from sagemaker_local.images import KNOWN, Image, Images
from tests.image_lock import locked_version
from tests.sagemaker_local.demo_endpoint import wait_until_settled
from tests.sagemaker_local.sandbox import IMAGE, SHOUT, Sandbox, needs_namespaces

MINE = Image(
    name="mine:1",
    python="3.9",
    packages={"scikit-learn": "1.2.1", "Pandas": "1.1.3"},
    requirements="scikit-learn==1.2.1\npandas==1.5.3 ; python_full_version >= '3.10'\n",
    locked=True,
)

SERVERLESS = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}


def installed(python: str = "3.11.7", **packages: str) -> PythonEnvironment:
    """An environment with these packages; ``_`` in a name means a hyphen."""
    names = {name.replace("_", "-"): version for name, version in packages.items()}
    return PythonEnvironment(folder="/e", python=python, base="/usr", executable="/usr/bin/python3", packages=names)


def fields(differences: tuple[Difference, ...]) -> dict[str, tuple[str, str]]:
    """What happens here and on AWS, by field."""
    return {one.field: (one.here, one.on_aws) for one in differences}


def test_versions_that_differ_from_the_image() -> None:
    """Only Python and packages whose version differs are listed, by the names that the image's table has."""
    found = of_image("Image", MINE, installed(scikit_learn="1.2.1", pandas="1.5.3"))
    assert fields(found) == {"Image": ("Python 3.11.7, Pandas 1.5.3", "Python 3.9, Pandas 1.1.3")}


def test_no_difference_if_the_image_is_installed_exactly() -> None:
    """The image's own Python and versions are no difference, whatever Python's patch version."""
    assert of_image("Image", MINE, installed("3.9.21", scikit_learn="1.2.1", pandas="1.1.3")) == ()


def test_python_is_compared_by_its_minor_version() -> None:
    """Python 3.9 and 3.90 are different."""
    found = of_image("Image", MINE, installed("3.90.1", scikit_learn="1.2.1", pandas="1.1.3"))
    assert fields(found) == {"Image": ("Python 3.90.1", "Python 3.9")}


def test_package_missing_here() -> None:
    """A package of the image that is not installed here is a difference."""
    assert fields(of_image("Image", MINE, installed("3.9.1", scikit_learn="1.2.1"))) == {
        "Image": ("Pandas missing", "Pandas 1.1.3")
    }


@pytest.mark.parametrize("name", [f"{known.repository}:{tag}" for known in KNOWN for tag in known.tags])
def test_packages_of_aws_images_are_not_missing(name: str) -> None:
    """What is installed for an image of AWS's has all its main packages, if some by the name of a build for CPUs."""
    image = Images().find(f"registry/{name}")
    pinned = dict(re.findall(r"^([\w.-]+)==([\w.]+)", image.requirements, re.MULTILINE))
    assert "missing" not in str(of_image("Image", image, replace(installed(), packages=pinned)))
    assert set(runtime("", image, replace(installed(), packages=pinned)).packages) == set(image.packages)


@pytest.mark.parametrize(
    ("requirements", "pandas"), [("PANDAS >= 2", "2.3.0"), ("pandas", "1.5.3"), ("# newer\nshap", "2.3.0")]
)
def test_packages_replaced_by_requirements(requirements: str, pandas: str) -> None:
    """A version that a requirements.txt has put in place of the image's is no difference: AWS installs it, too."""
    found = of_image("Image", MINE, installed("3.9.1", scikit_learn="1.2.1", pandas=pandas), requirements=requirements)
    assert found == ()


def test_own_image_whose_versions_are_unknown() -> None:
    """An image of images.yaml, which names packages without versions, has no known difference."""
    assert of_image("Image", Image(name="mine", requirements="pandas\n"), installed(pandas="3.0.0")) == ()


@pytest.mark.parametrize(
    ("image", "requirements", "packages"),
    [
        (MINE, "", {"scikit-learn": "1.2.1", "Pandas": "1.5.3"}),
        (MINE, "Requests>2", {"scikit-learn": "1.2.1", "Pandas": "1.5.3", "requests": "2.32.0"}),
        (Image(name="own", requirements="pandas>1\n"), "", {"pandas": "1.5.3"}),
    ],
)
def test_runtime(image: Image, requirements: str, packages: dict[str, str]) -> None:
    """What ran: Python, the image's main packages and those of the requirements.txt, as installed."""
    python = installed(scikit_learn="1.2.1", pandas="1.5.3", requests="2.32.0", numpy="1.24.1")
    found = runtime("registry/own:1", image, python, requirements=requirements)
    assert (found.image, found.python, found.packages) == ("registry/own:1", "3.11.7", packages)


@pytest.mark.parametrize(
    ("operation", "request_", "field"),
    [
        (
            "CreateProcessingJob",
            {"ProcessingResources": {"ClusterConfig": {"InstanceCount": 2}}},
            "ProcessingResources.ClusterConfig.InstanceCount",
        ),
        ("CreateTrainingJob", {"ResourceConfig": {"InstanceType": "ml.g5.xlarge"}}, "ResourceConfig.InstanceType"),
        ("CreateTrainingJob", {"EnableManagedSpotTraining": True}, "EnableManagedSpotTraining"),
        (
            "CreateTrainingJob",
            {"ResourceConfig": {"InstanceGroups": [{"InstanceCount": 1}, {"InstanceCount": 1}]}},
            "ResourceConfig.InstanceGroups",
        ),
        ("CreateTrainingJob", {"ProfilerConfig": {"S3OutputPath": "s3://b/p"}}, "ProfilerConfig"),
        (
            "CreateTrainingJob",
            {"InputDataConfig": [{}, {"DataSource": {"S3DataSource": {"InstanceGroupNames": ["a"]}}}]},
            "InputDataConfig[1].DataSource.S3DataSource.InstanceGroupNames",
        ),
        ("CreateModel", {"ExecutionRoleArn": "arn:aws:iam::1:role/mine"}, "CreateModel.ExecutionRoleArn"),
        (
            "CreateEndpointConfig",
            {"ProductionVariants": [{"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 2}}]},
            "CreateEndpointConfig.ProductionVariants[0].ServerlessConfig",
        ),
        (
            "UpdateEndpoint",
            {"DeploymentConfig": {"RollingUpdatePolicy": {"WaitIntervalInSeconds": 1}}},
            "UpdateEndpoint.DeploymentConfig.RollingUpdatePolicy",
        ),
    ],
)
def test_fields_that_differ(operation: str, request_: dict[str, Any], field: str) -> None:
    """A field that is set to a value with another effect on AWS is a difference."""
    assert [one.field for one in of_request(operation, request_, isolated=True)] == [field]


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("CreateTrainingJob", {"ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1}}),
        (
            "CreateTrainingJob",
            {"ResourceConfig": {"InstanceGroups": [{"InstanceCount": 1, "InstanceType": "ml.m5.large"}]}},
        ),
        ("CreateTrainingJob", {"EnableManagedSpotTraining": False, "ProfilerConfig": {"DisableProfiler": True}}),
        ("CreateTrainingJob", {"Tags": [{"Key": "a", "Value": "b"}], "OutputDataConfig": {"KmsKeyId": "k"}}),
        ("CreateModel", {"VpcConfig": None, "PrimaryContainer": None, "Added": "by a newer SageMaker"}),
    ],
)
def test_fields_that_do_not_differ(operation: str, request_: dict[str, Any]) -> None:
    """Fields that are harmless, unset, or set to what happens here are no difference."""
    assert of_request(operation, request_, isolated=True) == ()


def test_values_are_named() -> None:
    """A difference names the value of the request, even one with braces."""
    (found,) = of_request("CreateTrainingJob", {"ResourceConfig": {"InstanceCount": 3}}, isolated=True)
    assert (found.here, found.on_aws) == ("one host", "3 hosts")
    container = {"PrimaryContainer": {"InferenceSpecificationName": "{value}"}}
    (named,) = of_request("CreateModel", container, isolated=True)
    assert named.on_aws == "its inference specification {value}"


def test_network_isolation_without_namespaces() -> None:
    """EnableNetworkIsolation is a difference only where this machine cannot isolate jobs."""
    request = {"EnableNetworkIsolation": True}
    assert of_request("CreateTrainingJob", request, isolated=True) == ()
    assert "EnableNetworkIsolation" in fields(of_request("CreateTrainingJob", request, isolated=False))


@pytest.mark.parametrize(
    ("view", "expected"), [("isolated", set()), ("layout", {"isolation"}), ("prefix", {"isolation", "/opt/ml"})]
)
def test_view_of_the_container(view: str, expected: set[str]) -> None:
    """Missing isolation and a missing /opt/ml are differences."""
    assert set(fields(of_container(view))) == expected


def test_differences_of_a_job(sandbox: Sandbox, processing_request: Callable[..., dict[str, Any]]) -> None:
    """A finished job has its differences, and what it ran in, even if it failed."""
    sandbox.put("scripts/job.py", "raise SystemExit(3)")
    sandbox.put("data/1.csv", "1\n")
    sandbox.fail("createProcessingJob", processing_request())
    job = sandbox.last_job
    assert job.runtime is not None
    sklearn = locked_version("scikit-learn", job.runtime.python)
    assert (job.runtime.image, job.runtime.packages["scikit-learn"]) == (IMAGE, sklearn)
    assert str(job.runtime).startswith(f"Python {job.runtime.python}, scikit-learn {sklearn}, numpy ")
    found = fields(job.differences)
    assert found["RoleArn"] == ("S3 without IAM: no request is denied", "what the role allows")
    assert set(found) <= {"AppSpecification.ImageUri", "RoleArn", "isolation", "/opt/ml"}


def test_differences_without_namespaces(
    prefix_sandbox: Sandbox, processing_request: Callable[..., dict[str, Any]]
) -> None:
    """Without namespaces, the missing isolation and /opt/ml are differences of each job."""
    prefix_sandbox.put("scripts/job.py", "")
    prefix_sandbox.put("data/1.csv", "1\n")
    prefix_sandbox.run("createProcessingJob", processing_request(NetworkConfig={"EnableNetworkIsolation": True}))
    expected = {"isolation", "/opt/ml", "NetworkConfig.EnableNetworkIsolation"}
    assert expected <= set(fields(prefix_sandbox.last_job.differences))


def test_packages_that_a_training_job_installs(
    sandbox: Sandbox, training_request: Callable[..., dict[str, Any]]
) -> None:
    """A requirements.txt that the job itself installs names no difference for the packages in it."""
    sandbox.put("data/train.csv", "1,2\n")
    sandbox.put("scripts/none", "")
    sandbox.archive("source.tar.gz", train_py="", requirements_txt="--no-index\nsix\npandas\nscipy\n")
    request = training_request(
        HyperParameters={"sagemaker_program": "train.py", "sagemaker_submit_directory": "s3://bucket/source.tar.gz"}
    )
    del request["AlgorithmSpecification"]["ContainerEntrypoint"]
    sandbox.run("createTrainingJob", request)
    here = dict(fields(sandbox.last_job.differences)).get("AlgorithmSpecification.TrainingImage", ("", ""))[0]
    assert "pandas" not in here


@needs_namespaces
def test_differences_of_a_model_in_a_transform_job(
    sandbox: Sandbox, model_request: Callable[..., dict[str, Any]], transform_request: Callable[..., dict[str, Any]]
) -> None:
    """A transform job has the differences of its model, whose fields have their operation's name."""
    sandbox.put("in/1.csv", "a\n")
    sandbox.archive("source.tar.gz", inference_py=SHOUT)
    sandbox.archive("model.tar.gz", mark_txt="!")
    sandbox.run("createModel", model_request(InferenceSpecificationName="other"))
    sandbox.run("createTransformJob", transform_request())
    found = set(fields(sandbox.last_job.differences))
    assert {"CreateModel.ExecutionRoleArn", "CreateModel.PrimaryContainer.InferenceSpecificationName"} <= found
    assert found <= {
        "CreateModel.PrimaryContainer.Image",
        "CreateModel.ExecutionRoleArn",
        "CreateModel.PrimaryContainer.InferenceSpecificationName",
        "isolation",
    }


@needs_namespaces
def test_differences_of_an_endpoint(sandbox: Sandbox, configure: Callable[..., None]) -> None:
    """An endpoint in service has the differences of its configuration, its models and the request, once each."""
    configure()
    models = [{"VariantName": name, "ModelName": "first", "ServerlessConfig": SERVERLESS} for name in ("a", "b")]
    sandbox.run("createEndpointConfig", {"EndpointConfigName": "two", "ProductionVariants": models})
    sandbox.run("createEndpoint", {"EndpointName": "demo", "EndpointConfigName": "two"})
    wait_until_settled(sandbox)
    update = {"DeploymentConfig": {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "mine"}]}}}
    sandbox.run("updateEndpoint", {"EndpointName": "demo", "EndpointConfigName": "first"} | update)
    wait_until_settled(sandbox)
    created, updated = sandbox.deployed
    assert (created.name, created.config, updated.config) == ("demo", "two", "first")
    assert [runtime.image for runtime in created.runtimes] == [IMAGE]
    assert len(set(created.differences)) == len(created.differences)
    variants = {f"CreateEndpointConfig.ProductionVariants[{number}].ServerlessConfig" for number in (0, 1)}
    assert variants | {"CreateModel.ExecutionRoleArn"} <= set(fields(created.differences))
    assert fields(created.differences)["CreateEndpointConfig.ProductionVariants[0].ServerlessConfig"][1] == (
        "2048 MB of memory, and 5 requests at a time"
    )
    assert "UpdateEndpoint.DeploymentConfig.AutoRollbackConfiguration" in fields(updated.differences)
