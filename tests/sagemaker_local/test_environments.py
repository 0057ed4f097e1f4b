"""The environments of images: what a job sees in one, what it can change, and what happens where one cannot be made."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sagemaker_local.environments import Environments, InstallFailedError, is_plain
from sagemaker_local.images import Image, ImageError, Images, own_images
from tests.image_lock import locked_version
from tests.sagemaker_local.conftest import s3_input
from tests.sagemaker_local.sandbox import IMAGE, Sandbox, needs_namespaces
from tests.sagemaker_local.test_script_mode import script_mode

Make = Callable[..., dict[str, Any]]
VERSIONS = """
import json, platform, sys
from importlib.metadata import version
print(json.dumps([sys.prefix, platform.python_version(), version("scikit-learn"), version("numpy")]))
"""


def tree_hash(folder: str) -> str:
    """A hash of all files below a folder."""
    digest = hashlib.sha256()
    for path in sorted(Path(folder).rglob("*")):
        digest.update(f"{path} {path.stat().st_size if path.exists() else 0}".encode())
        digest.update(path.read_bytes() if path.is_file() and path.suffix in (".py", ".cfg") else b"")
    return digest.hexdigest()


@pytest.fixture
def run_script(sandbox: Sandbox, processing_request: Make) -> Callable[[str], list[str]]:
    """Runs a script as a processing job; gives its log's lines."""

    def run(script: str) -> list[str]:
        sandbox.put("data/raw.csv", "x")
        sandbox.put("scripts/job.py", script)
        before = len(sandbox.lines)
        sandbox.run("createProcessingJob", processing_request(ProcessingJobName=f"job-{before}"))
        return sandbox.lines[before:]

    return run


def test_job_has_the_packages_of_its_image(run_script: Callable[[str], list[str]]) -> None:
    """A job imports the image's packages and not those of the environment that runs the tests."""
    lines = run_script(VERSIONS + "import importlib.util as u; print([u.find_spec(n) for n in ('moto', 'aws_cdk')])")
    prefix, python, *versions = json.loads(lines[-2])
    assert versions == [locked_version(name, python) for name in ("scikit-learn", "numpy")]
    assert "venv" not in prefix
    assert lines[-1] == "[None, None]"


def test_pip_install_changes_the_job_only(run_script: Callable[[str], list[str]]) -> None:
    """What a job installs takes precedence in that job; no later job sees it, and the environments stay as they are."""
    image = Environments().get(Images().find(IMAGE))
    before = tree_hash(image.folder)
    lines = run_script(
        """
        import subprocess, sys
        subprocess.run(["pip", "install", "-q", "--no-input", "six==1.15.0"], check=True)
        subprocess.run([sys.executable, "-c", "import six; print('six', six.__version__)"])
        """
    )
    assert "six 1.15.0" in lines
    assert run_script("import six; print('six', six.__version__)")[-1] == f"six {image.packages['six']}"
    assert tree_hash(image.folder) == before


@needs_namespaces
def test_framework_processor(sandbox: Sandbox, processing_request: Make) -> None:
    """A request of the SDK's FrameworkProcessor installs the source's requirements.txt, then runs the script."""
    sandbox.archive(
        "job/sourcedir.tar.gz",
        process_py="import sys, colorama; print('colorama', colorama.__version__, *sys.argv[1:])",
        requirements_txt="colorama==0.4.5\n",
    )
    # What the SDK's _generate_framework_script writes, without its comments.
    sandbox.put(
        "job/runproc.sh",
        """\
        #!/bin/bash
        cd /opt/ml/processing/input/code/
        tar -xzf sourcedir.tar.gz
        set -e
        if [[ -f 'requirements.txt' ]]; then
            pip uninstall --yes typing
            pip install -r requirements.txt
        fi
        python process.py "$@"
        """,
    )
    code, entry_point = "/opt/ml/processing/input/code", "/opt/ml/processing/input/entrypoint"
    request = processing_request(
        AppSpecification={
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["/bin/bash", f"{entry_point}/runproc.sh"],
            "ContainerArguments": ["--ratio", "0.2"],
        },
        ProcessingInputs=[
            s3_input("code", "s3://bucket/job/sourcedir.tar.gz", LocalPath=f"{code}/"),
            s3_input("entrypoint", "s3://bucket/job/runproc.sh", LocalPath=entry_point),
        ],
    )
    sandbox.run("createProcessingJob", request)
    assert sandbox.lines[-1] == "colorama 0.4.5 --ratio 0.2"


@needs_namespaces
def test_job_cannot_write_to_the_image(run_script: Callable[[str], list[str]]) -> None:
    """A job cannot change the image's packages for others."""
    lines = run_script(
        """
        import six
        try:
            open(six.__file__, "a").write("x")
        except OSError as error:
            print(error.strerror)
        """
    )
    assert lines == ["Read-only file system"]


@pytest.mark.usefixtures("training_data")
def test_script_mode_installs_requirements(sandbox: Sandbox, training_request: Make) -> None:
    """In script mode the source directory's requirements.txt is installed; without it, the job fails on the import."""
    script = "import colorama; print('colorama', colorama.__version__)"
    sandbox.archive("source.tar.gz", train_py=script, requirements_txt="# colours\ncolorama==0.4.5\n")
    sandbox.run("createTrainingJob", script_mode(training_request()))
    assert sandbox.lines[-1] == "colorama 0.4.5"
    sandbox.archive("source.tar.gz", train_py=script)
    reason = sandbox.reason("createTrainingJob", script_mode(training_request(TrainingJobName="second")))
    assert "No module named 'colorama'" in reason


@pytest.mark.usefixtures("training_data")
def test_requirements_are_not_installed_for_an_entry_point(sandbox: Sandbox, training_request: Make) -> None:
    """A requirements.txt beside the program of a ContainerEntrypoint is a file like any other."""
    sandbox.put("scripts/requirements.txt", "no-such-package-anywhere==9\n")
    sandbox.run("createTrainingJob", training_request())


@pytest.mark.usefixtures("training_data")
def test_package_that_does_not_exist(sandbox: Sandbox, training_request: Make) -> None:
    """The failure names the package."""
    sandbox.archive("source.tar.gz", train_py="", requirements_txt="no-such-package-anywhere==9\n")
    reason = sandbox.reason("createTrainingJob", script_mode(training_request()))
    assert "no-such-package-anywhere" in reason


@pytest.mark.usefixtures("training_data")
def test_options_are_read_inside_the_job(sandbox: Sandbox, training_request: Make) -> None:
    """A requirements.txt with more than packages is installed by the job itself, which cannot reach what we can."""
    sandbox.archive(
        "source.tar.gz",
        train_py="import helper; print(helper.NAME)",
        requirements_txt="./helper\n",
        helper__helper_py="NAME = 'built in the job'",
        helper__setup_py="from setuptools import setup; setup(name='helper', version='1', py_modules=['helper'])",
        helper__setup_cfg="",
    )
    sandbox.run("createTrainingJob", script_mode(training_request()))
    assert sandbox.lines[-1] == "built in the job"


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ("numpy", True),
        ("pandas[excel]>=1.5,<3 ; python_version < '3.12'  # tables", True),
        ("", True),
        ("-r other.txt", False),
        ("--index-url https://example.com", False),
        ("./package", False),
        ("package @ file:///etc/passwd", False),
        ("package @ https://example.com/${AWS_SECRET_ACCESS_KEY}.whl", False),
        ("git+https://example.com/package", False),
    ],
)
def test_plain_requirements(line: str, plain: bool) -> None:  # noqa: FBT001 - one of the table's columns
    """Only lists of packages are installed outside of the job."""
    assert is_plain(f"six\n{line}\n") == plain


def test_unknown_image(sandbox: Sandbox, processing_request: Make) -> None:
    """An image that this machine does not know is refused with what to write, and in which file."""
    specification = {"ImageUri": "1.dkr.ecr.eu-west-1.amazonaws.com/my-image:3", "ContainerEntrypoint": ["python3"]}
    failure = sandbox.fail("createProcessingJob", processing_request(AppSpecification=specification))
    assert failure.error == "Local.NotSupported"
    assert "images.yaml: {my-image:3: {packages: [pandas]}}" in failure.cause


@pytest.mark.parametrize(
    ("tag", "python"), [("1.2-1-cpu-py3", "3.9"), ("1.4-2-cpu-py3", "3.10"), ("1.4-2-py312", None), ("1.4-2", "3.10")]
)
def test_known_images(tag: str, python: str | None) -> None:
    """AWS's images are found in each account and region, and by their tags' short forms."""
    uri = f"746614075791.dkr.ecr.us-west-1.amazonaws.com/sagemaker-scikit-learn:{tag}"
    if python is None:
        with pytest.raises(ImageError, match=r"1\.4-2-py312"):
            Images().find(uri)
    else:
        assert Images().find(uri).python == python


def test_own_image_is_installed(tmp_path: Path) -> None:
    """A user's own image has the packages that images.yaml names."""
    own = own_images({"my-image": {"packages": ["six==1.15.0"], "train": ["python", "train.py"]}})
    environment = Environments(tmp_path).get(Images(lambda: own).find("registry.example/team/my-image:7"))
    assert environment.packages["six"] == "1.15.0"


def test_interrupted_environment_is_made_anew(tmp_path: Path) -> None:
    """An environment whose making was interrupted is not used."""
    image = Image(name="i", requirements="six==1.15.0\n")
    environment = Environments(tmp_path).get(image)
    (Path(environment.folder) / "made.json").unlink()
    (environment.site_packages / "six.py").unlink()
    assert (Environments(tmp_path).get(image).site_packages / "six.py").exists()


def test_packages_are_compiled_once(tmp_path: Path) -> None:
    """With a requirements.txt on top, the image's packages are compiled already, and jobs cannot do so themselves."""
    image = Image(name="i", requirements="six==1.15.0\n", imports=("six",))
    environment = Environments(tmp_path).get(image, "colorama==0.4.5\n")
    assert {"six", "colorama"} <= environment.packages.keys()
    assert list(environment.site_packages.glob("__pycache__/six.*.pyc"))


def test_conflict(tmp_path: Path) -> None:
    """Packages that exclude each other are reported with the tool's own words."""
    with pytest.raises(InstallFailedError, match=r"six==1\.15\.0"):
        Environments(tmp_path).get(Image(name="i", requirements="six==1.15.0\nsix==1.16.0\n"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "must map names of images"),
        ({"i": 3}, "i must have packages"),
        ({"i": {"package": []}}, r"i\.package is not known; allowed are packages, train, serve, python"),
        ({"i": {"packages": "six"}}, r"i\.packages must be a list of strings"),
        ({"i": {"python": 3.1}}, ""),
        ({"i": {"python": "latest"}}, r"i\.python must be a version such as"),
    ],
)
def test_bad_images_file(content: Any, message: str) -> None:
    """What is wrong in images.yaml is named by its key."""
    if not message:
        assert own_images(content)["i"].python == "3.1"
        return
    with pytest.raises(ImageError, match=message):
        own_images(content)


@pytest.mark.parametrize(
    "line", ["--index-url https://example.com", "package @ https://example.com/${HOME}.whl", "./x"]
)
def test_only_packages_are_installed_outside_a_job(tmp_path: Path, line: str) -> None:
    """Whoever asks, a requirements.txt that names files, options or variables is not given to the installer."""
    with pytest.raises(InstallFailedError, match="more than packages") as error:
        Environments(tmp_path).get(Image(name="i", requirements=""), f"six\n{line}\n")
    assert error.value.needs_build
    assert not list(tmp_path.iterdir())


def test_requirements_of_a_model(sandbox: Sandbox, model_request: Make, transform_request: Make) -> None:
    """A model's requirements.txt with more than packages fails the transform job, which names the reason."""
    sandbox.put("in/a.csv", "x")
    sandbox.archive("model.tar.gz", mark_txt="!")
    sandbox.archive("source.tar.gz", inference_py="", requirements_txt="--index-url https://example.com\n")
    sandbox.run("createModel", model_request())
    assert "requirements.txt has more than packages" in sandbox.reason("createTransformJob", transform_request())
