"""The images that the input names."""

from typing import Any

import pytest

from doctor.account import Caller
from doctor.images import images, images_of
from doctor.result import FAILURE, OK, SKIPPED
from tests.doctor.conftest import Stubbed

OURS = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
THEIRS = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/image"
DIGEST = f"sha256:{'0' * 64}"
FOUND = {"images": [{"imageId": {"imageTag": "1"}}], "failures": []}
ABSENT = {"images": [], "failures": [{"failureCode": "ImageNotFound"}]}


def test_images_of_an_input() -> None:
    """The images of the stages that run, each once."""
    assert images_of(
        {
            "model_id": "demo",
            "preprocessing": {"run": True, "input": {"AppSpecification": {"ImageUri": "a"}}},
            "training": {"run": True, "input": {"AlgorithmSpecification": {"TrainingImage": "b"}}},
            "evaluation": {"run": False, "input": {"AppSpecification": {"ImageUri": "c"}}},
            "CreateModel": {"run": True, "input": {"Containers": [{"Image": "d"}, {"Image": "a"}]}},
        }
    ) == ["a", "b", "d"]


@pytest.mark.parametrize(
    ("uri", "response", "status"),
    [
        (OURS, FOUND, OK),
        (OURS, ABSENT, FAILURE),
        (OURS, "AccessDeniedException", OK),
        (OURS, "RepositoryNotFoundException", OK),
        (f"{THEIRS}:1", FOUND, OK),
        (f"{THEIRS}:1", ABSENT, FAILURE),
        (f"{THEIRS}:1", "RepositoryNotFoundException", FAILURE),
        (f"{THEIRS}:1", "AccessDeniedException", SKIPPED),
    ],
    ids=str,
)
def test_image_in_ecr(uri: str, response: dict[str, Any] | str, status: str, who: Caller, stubbed: Stubbed) -> None:
    """An image is looked up; if that is not allowed, the table decides about AWS's, and others are skipped."""
    (result,) = images(stubbed("ecr", ("batch_get_image", response)), [uri], who=who)
    assert result.status == status
    assert bool(result.remedy) == (status == FAILURE)


@pytest.mark.parametrize(
    ("uri", "image"),
    [
        (f"{THEIRS}:1@{DIGEST}", {"imageDigest": DIGEST}),
        (f"{THEIRS}@{DIGEST}", {"imageDigest": DIGEST}),
        (f"{THEIRS}:1", {"imageTag": "1"}),
        (THEIRS, {"imageTag": "latest"}),
    ],
)
def test_address_of_an_image(uri: str, image: dict[str, str], who: Caller, stubbed: Stubbed) -> None:
    """An image is looked up by its digest, its tag, or the tag latest."""
    expected = {"registryId": "123456789012", "repositoryName": "team/image", "imageIds": [image]}
    (result,) = images(stubbed("ecr", ("batch_get_image", FOUND, expected)), [uri], who=who)
    assert result.status == OK


@pytest.mark.parametrize(
    ("uri", "status"),
    [
        (OURS.replace("us-east-1", "eu-west-1"), FAILURE),
        (OURS.replace("683313688378", "141502667606"), FAILURE),
        ("registry.example.com/image:1", SKIPPED),
    ],
    ids=["another region", "the account of another region", "another registry"],
)
def test_image_elsewhere(uri: str, status: str, who: Caller, stubbed: Stubbed) -> None:
    """An image of another region, or of the wrong account, fails without a call."""
    assert images(stubbed("ecr"), [uri], who=who)[0].status == status
