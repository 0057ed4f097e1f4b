"""Downloads and uploads of jobs' objects, and their cache."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sagemaker_local.cache import Cache
from sagemaker_local.s3_cache import NothingFoundError, S3Cache, S3CacheError, relative_path


class RequestCounter(Counter[str]):
    """Counts a client's S3 requests by operation."""

    def __init__(self, s3: Any) -> None:
        super().__init__()
        s3.meta.events.register("before-call.s3", self.count)  # never unregistered, which is harmless

    def count(self, model: Any, **_: Any) -> None:
        """Called by botocore before each request."""
        self[model.name] += 1


@pytest.fixture
def objects(s3: Any, tmp_path: Path) -> S3Cache:
    """A cache of moto's S3."""
    return S3Cache(s3=s3, cache=tmp_path / "cache")


def downloaded(objects: S3Cache, uri: str, folder: Path, **options: str) -> dict[str, str]:
    """Downloads a data source. Returns the files' contents by path."""
    objects.get(objects.items(uri, **options), folder)
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://bucket/demo/scripts", {"train.py": "t", "lib/util.py": "u"}),
        ("s3://bucket/demo/scripts/", {"train.py": "t", "lib/util.py": "u"}),
        ("s3://bucket/demo/scripts/train.py", {"train.py": "t"}),
        ("s3://bucket/demo/scripts/tr", {"train.py": "t"}),
        ("s3://bucket/demo", {"scripts/train.py": "t", "scripts/lib/util.py": "u"}),
        ("s3://bucket", {"demo/scripts/train.py": "t", "demo/scripts/lib/util.py": "u"}),
    ],
)
def test_layout(objects: S3Cache, s3: Any, tmp_path: Path, uri: str, expected: dict[str, str]) -> None:
    """A key, a folder with or without its slash, and a prefix are downloaded to the same paths as in SageMaker."""
    s3.put_object(Bucket="bucket", Key="demo/scripts/", Body=b"")  # the console's placeholder for a folder
    s3.put_object(Bucket="bucket", Key="demo/scripts/train.py", Body=b"t")
    s3.put_object(Bucket="bucket", Key="demo/scripts/lib/util.py", Body=b"u")
    assert downloaded(objects, uri, tmp_path / "input") == expected


def test_prefix_within_a_name() -> None:
    """If a prefix ends within a name, the path keeps the whole name."""
    assert relative_path("data/train-truth.csv", "data/train") == "train-truth.csv"
    assert relative_path("data/train/a.csv", "data/train") == "a.csv"
    assert relative_path("data/training/a.csv", "data/train") == "training/a.csv"


def test_manifest(objects: S3Cache, s3: Any, tmp_path: Path) -> None:
    """Only the objects listed in a manifest are downloaded."""
    for key in ("a", "x/b", "c"):
        s3.put_object(Bucket="bucket", Key=f"data/{key}.csv", Body=key.encode())
    manifest = [{"prefix": "s3://bucket/data/"}, "a.csv", "x/b.csv"]
    s3.put_object(Bucket="bucket", Key="manifest", Body=json.dumps(manifest).encode())
    found = downloaded(objects, "s3://bucket/manifest", tmp_path / "input", data_type="ManifestFile")
    assert found == {"a.csv": "a", "x/b.csv": "x/b"}


@pytest.mark.parametrize("content", [b"not json", b"{}", b'["a"]', b"[]"])
def test_invalid_manifest(objects: S3Cache, s3: Any, content: bytes) -> None:
    """An invalid manifest is rejected with the expected form."""
    s3.put_object(Bucket="bucket", Key="manifest", Body=content)
    with pytest.raises(S3CacheError, match=r"s3://bucket/manifest is not a manifest .*prefix"):
        objects.items("s3://bucket/manifest", data_type="ManifestFile")


def test_nothing_found(objects: S3Cache) -> None:
    """A prefix that matches nothing raises SageMaker's error, which names it."""
    with pytest.raises(NothingFoundError, match='No S3 objects found under S3 URL "s3://bucket/none"'):
        objects.items("s3://bucket/none")


@pytest.mark.parametrize(
    ("uri", "message"),
    [("s3://no-such-bucket/x", "s3://no-such-bucket/x: .*NoSuchBucket"), ("/a/b", "'/a/b' is not an S3 URI")],
)
def test_errors(objects: S3Cache, uri: str, message: str) -> None:
    """S3's errors and invalid URIs name the URI."""
    with pytest.raises(S3CacheError, match=message):
        objects.items(uri)


def test_key_outside_the_folder(objects: S3Cache, s3: Any) -> None:
    """A key whose path would be outside the data source's folder is rejected."""
    s3.put_object(Bucket="bucket", Key="data/../../etc/passwd", Body=b"x")
    with pytest.raises(S3CacheError, match="is outside the data source"):
        objects.items("s3://bucket/data/")


def test_upload_is_cached(objects: S3Cache, s3: Any, tmp_path: Path) -> None:
    """An uploaded file is not downloaded again, and later edits of the file do not affect the cache."""
    file = tmp_path / "raw.csv"
    file.write_text("raw")
    objects.put(file, "s3://bucket/data/raw.csv")
    file.write_text("edited since")
    requests = RequestCounter(s3)
    assert downloaded(objects, "s3://bucket/data", tmp_path / "input") == {"raw.csv": "raw"}
    assert requests["GetObject"] == 0


def test_downloaded_once(objects: S3Cache, s3: Any, tmp_path: Path) -> None:
    """An object is downloaded once, and a job that edits its copy does not affect others."""
    s3.put_object(Bucket="bucket", Key="data/raw.csv", Body=b"raw")
    requests = RequestCounter(s3)
    downloaded(objects, "s3://bucket/data", tmp_path / "first")
    (tmp_path / "first" / "raw.csv").write_text("edited")
    assert downloaded(objects, "s3://bucket/data", tmp_path / "second") == {"raw.csv": "raw"}
    assert requests["GetObject"] == 1


def test_changed_object(objects: S3Cache, s3: Any, tmp_path: Path) -> None:
    """An object that has been replaced is downloaded again."""
    for number, content in enumerate(["old", "new"]):
        s3.put_object(Bucket="bucket", Key="data/raw.csv", Body=content.encode())
        assert downloaded(objects, "s3://bucket/data", tmp_path / str(number)) == {"raw.csv": content}


def test_job_file(objects: S3Cache, s3: Any, tmp_path: Path) -> None:
    """A job's file is uploaded and moved into the cache."""
    (tmp_path / "a.csv").write_text("a")
    folder = os.open(tmp_path, os.O_RDONLY)
    with (tmp_path / "a.csv").open("rb") as opened:
        objects.put_job_file(opened, "a.csv", folder, "s3://bucket/out/a.csv")
    os.close(folder)
    assert not (tmp_path / "a.csv").exists()
    requests = RequestCounter(s3)
    assert downloaded(objects, "s3://bucket/out", tmp_path / "in") == {"a.csv": "a"}
    assert requests["GetObject"] == 0


def test_unsafe_moves(tmp_path: Path) -> None:
    """A file that has been replaced since it was opened, or has a second hard link, is copied instead of moved."""
    cache = Cache(tmp_path / "cache")
    file, users = tmp_path / "a.csv", tmp_path / "users.csv"
    users.write_text("of the user")
    file.write_text("of the job")
    with file.open("rb") as opened:
        file.unlink()
        file.symlink_to(users)
        cache.adopt(file, opened, "replaced")
    assert file.is_symlink()
    file.unlink()
    os.link(users, file)
    with file.open("rb") as opened:
        cache.adopt(file, opened, "second name")
    found = [cache.find(identity) for identity in ("replaced", "second name")]
    assert [sandbox and sandbox.read_text() for sandbox in found] == ["of the job", "of the user"]
    assert found[1] is not None
    assert not found[1].samefile(users)


def test_abort(objects: S3Cache, s3: Any, tmp_path: Path) -> None:
    """A download can be aborted between two objects."""
    s3.put_object(Bucket="bucket", Key="data/raw.csv", Body=b"raw")

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        objects.get(objects.items("s3://bucket/data"), tmp_path / "in", check=stop)


def test_least_recently_used(tmp_path: Path) -> None:
    """Opening a cache deletes the least recently used contents beyond its limit, and unfinished files."""
    cache = Cache(tmp_path)
    for second, name in enumerate(["old", "used", "new"]):
        with cache.writing(name) as file:
            file.write(b"x" * 100)
        os.utime(next(f for f in tmp_path.iterdir() if f.stat().st_mtime > 1e9), (second, second))
    (tmp_path / ".half").touch()
    cache.find("used")
    reopened = Cache(tmp_path, limit=250)
    assert [reopened.find(name) is not None for name in ("old", "used", "new")] == [False, True, True]
    assert len(list(tmp_path.iterdir())) == 2


def test_unfinished(tmp_path: Path) -> None:
    """Content whose writing failed is not in the cache."""
    cache = Cache(tmp_path)

    def fill() -> None:
        with cache.writing("x") as file:
            file.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fill()
    assert cache.find("x") is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (("in/a", "in/a/b"), "in/a.*: the key is not a valid file name: another object.s key needs"),
        ((f"in/{'x' * 300}",), "in/xxx.*: the key is not a valid file name: a file system allows at most 255 bytes"),
    ],
)
def test_key_is_not_a_file_name(objects: S3Cache, s3: Any, tmp_path: Path, keys: tuple[str, ...], message: str) -> None:
    """A key that is not a valid file name is named in the error, with the reason."""
    for key in keys:
        s3.put_object(Bucket="bucket", Key=key, Body=b"1")
    with pytest.raises(S3CacheError, match=f"s3://bucket/{message}"):
        objects.get(objects.items("s3://bucket/in/"), tmp_path / "input")


def test_key_is_a_folder(objects: S3Cache, s3: Any, tmp_path: Path) -> None:
    """A key whose path already exists as a folder is named in the error."""
    s3.put_object(Bucket="bucket", Key="in/a", Body=b"1")
    (tmp_path / "input" / "a").mkdir(parents=True)
    with pytest.raises(S3CacheError, match=r"in/a: the key is not a valid file name: another object.s key needs"):
        objects.get(objects.items("s3://bucket/in/"), tmp_path / "input")
