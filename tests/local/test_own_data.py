"""The user's table, uploaded to where an input of one's own reads it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import boto3
import moto
import pytest

from executions.defaults import PROJECT
from local.own_data import place
from local.state import State
from pipeline.bundle import INPUT_FILE

BUCKET = "mlops-own"
CENSUS = (PROJECT / "scripts" / INPUT_FILE).read_text()
OWN = CENSUS.replace(
    "s3://sagemaker-sample-data-AWS_REGION_NAME/processing/census", "s3://MLOPS_BUCKET/MODEL_NAME/data"
)


class Connection:
    """Makes clients, as the emulator's connection does."""

    def client(self, service: str) -> Any:
        """A boto3 client of S3."""
        assert service == "s3"
        return boto3.client("s3", region_name="us-east-1")


@dataclass
class Metadata:
    """The stack's outputs."""

    bucket: str = BUCKET


@dataclass
class Environment:
    """The part of an environment's state that is used."""

    connection: Connection = field(default_factory=Connection)
    metadata: Metadata = field(default_factory=Metadata)
    model_name: str = "demo"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An S3 with the pipeline's bucket, which has a table of an earlier run."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with moto.mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        client.put_object(Bucket=BUCKET, Key="demo/data/old.csv", Body=b"old")
        yield client


def keys(s3: Any) -> set[str]:
    """The keys in the bucket."""
    return {item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())}


def upload(data: Path, text: str) -> None:
    """Uploads data for an input."""
    place(data, cast("State", Environment()), {INPUT_FILE: text.encode()}, overrides={})


def test_a_table_replaces_the_one_before(s3: Any, tmp_path: Path) -> None:
    """What the input reads is the given file, or the given folder's files, and nothing else."""
    (tmp_path / "sub").mkdir()
    for name in ("a.csv", "sub/b.csv", ".hidden"):
        (tmp_path / name).write_text("a,b\n")
    upload(tmp_path / "a.csv", OWN)
    assert keys(s3) == {"demo/data/a.csv"}
    upload(tmp_path, OWN)
    assert keys(s3) == {"demo/data/a.csv", "demo/data/sub/b.csv"}


def test_an_input_that_reads_elsewhere_is_left_alone(s3: Any, tmp_path: Path) -> None:
    """For the shipped input, nothing is uploaded here: it reads the bucket of sample data."""
    (tmp_path / "a.csv").write_text("a,b\n")
    upload(tmp_path, CENSUS)
    assert keys(s3) == {"demo/data/old.csv"}
