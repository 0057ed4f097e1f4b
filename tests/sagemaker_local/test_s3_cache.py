"""S3 as a job sees it: what is laid out, what is uploaded, and the cache of both."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sagemaker_local.cache import Cache
from sagemaker_local.s3_cache import NothingFoundError, S3Cache, S3CacheError, relative_path


class RequestHandler(Counter[str]):
    """Counts what a client asks of S3."""

    def __init__(self, s3: Any) -> None:
        super().__init__()
        s3.meta.events.register("before-call.s3", self.count)  # for the client's life, which does no harm

    def count(self, model: Any, **_: Any) -> None:
        """Is called by botocore before each request."""
        self[model.name] += 1


@pytest.fixture
def objects(s3: Any, tmp_path: Path) -> S3Cache:
    """The objects of moto's S3."""
    return S3Cache(s3=s3, cache=tmp_path / "cache")


def downloaded(objects: S3Cache, uri: str, folder: Path, **options: str) -> dict[str, str]:
    """What a data source looks like in a container: path below its folder -> content."""
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
    """A key, a folder with or without its slash, and the beginning of a name are laid out as SageMaker does."""
    s3.put_object(Bucket="bucket", Key="demo/scripts/", Body=b"")  # the console's mark of a folder
    s3.put_object(Bucket="bucket", Key="demo/scripts/train.py", Body=b"t")
    s3.put_object(Bucket="bucket", Key="demo/scripts/lib/util.py", Body=b"u")
    assert downloaded(objects, uri, tmp_path / "input") == expected


def test_beginning_of_a_name() -> None:
    """A prefix that ends within a name leaves the name whole."""
    assert relative_path("data/train-truth.csv", "data/train") == "train-truth.csv"
    assert relative_path("data/train/a.csv", "data/train") == "a.csv"
    assert relative_path("data/training/a.csv", "data/train") == "training/a.csv"


def test_manifest(objects: S3Cache, s3: Any, tmp_path: Path) -> None:
    """A manifest lays out the objects that it lists, and no others."""
    for key in ("a", "x/b", "c"):
        s3.put_object(Bucket="bucket", Key=f"data/{key}.csv", Body=key.encode())
    manifest = [{"prefix": "s3://bucket/data/"}, "a.csv", "x/b.csv"]
    s3.put_object(Bucket="bucket", Key="manifest", Body=json.dumps(manifest).encode())
    laid = downloaded(objects, "s3://bucket/manifest", tmp_path / "input", data_type="ManifestFile")
    assert laid == {"a.csv": "a", "x/b.csv": "x/b"}


@pytest.mark.parametrize("content", [b"not json", b"{}", b'["a"]', b"[]"])
def test_no_manifest(objects: S3Cache, s3: Any, content: bytes) -> None:
    """What is no manifest is refused with the form that one has."""
    s3.put_object(Bucket="bucket", Key="manifest", Body=content)
    with pytest.raises(S3CacheError, match=r"s3://bucket/manifest is not a manifest .*prefix"):
        objects.items("s3://bucket/manifest", data_type="ManifestFile")


def test_nothing_found(objects: S3Cache) -> None:
    """A prefix that matches nothing is an error that names it in SageMaker's words."""
    with pytest.raises(NothingFoundError, match='No S3 objects found under S3 URL "s3://bucket/none"'):
        objects.items("s3://bucket/none")


@pytest.mark.parametrize(
    ("uri", "message"),
    [("s3://no-such-bucket/x", "s3://no-such-bucket/x: .*NoSuchBucket"), ("/a/b", "'/a/b' is not an S3 URI")],
)
def test_refused(objects: S3Cache, uri: str, message: str) -> None:
    """What S3 refuses, and what is no S3 URI, is named."""
    with pytest.raises(S3CacheError, match=message):
        objects.items(uri)


def test_key_leads_out(objects: S3Cache, s3: Any) -> None:
    """A key that would be laid out outside its folder is refused."""
    s3.put_object(Bucket="bucket", Key="data/../../etc/passwd", Body=b"x")
    with pytest.raises(S3CacheError, match="is outside the data source"):
        objects.items("s3://bucket/data/")


def test_uploaded_is_not_downloaded(objects: S3Cache, s3: Any, tmp_path: Path) -> None:
    """What was uploaded here is an input without a download, and the uploaded file stays the user's own."""
    file = tmp_path / "raw.csv"
    file.write_text("raw")
    objects.put(file, "s3://bucket/data/raw.csv")
    file.write_text("edited since")
    requests = RequestHandler(s3)
    assert downloaded(objects, "s3://bucket/data", tmp_path / "input") == {"raw.csv": "raw"}
    assert requests["GetObject"] == 0


def test_downloaded_once(objects: S3Cache, s3: Any, tmp_path: Path) -> None:
    """An object is downloaded once; a job that edits its copy spoils nobody else's."""
    s3.put_object(Bucket="bucket", Key="data/raw.csv", Body=b"raw")
    requests = RequestHandler(s3)
    downloaded(objects, "s3://bucket/data", tmp_path / "first")
    (tmp_path / "first" / "raw.csv").write_text("spoilt")
    assert downloaded(objects, "s3://bucket/data", tmp_path / "second") == {"raw.csv": "raw"}
    assert requests["GetObject"] == 1


def test_changed_object(objects: S3Cache, s3: Any, tmp_path: Path) -> None:
    """An object that somebody has replaced meanwhile is fetched anew."""
    for number, content in enumerate(["old", "new"]):
        s3.put_object(Bucket="bucket", Key="data/raw.csv", Body=content.encode())
        assert downloaded(objects, "s3://bucket/data", tmp_path / str(number)) == {"raw.csv": content}


def test_left(objects: S3Cache, s3: Any, tmp_path: Path) -> None:
    """A file that a job has left is uploaded and moved into the cache, from where a later job has it."""
    (tmp_path / "a.csv").write_text("a")
    folder = os.open(tmp_path, os.O_RDONLY)
    with (tmp_path / "a.csv").open("rb") as opened:
        objects.put_job_file(opened, "a.csv", folder, "s3://bucket/out/a.csv")
    os.close(folder)
    assert not (tmp_path / "a.csv").exists()
    requests = RequestHandler(s3)
    assert downloaded(objects, "s3://bucket/out", tmp_path / "in") == {"a.csv": "a"}
    assert requests["GetObject"] == 0


def test_left_and_replaced(tmp_path: Path) -> None:
    """What has taken a file's name since it was opened, or has a second name, is not moved: the content is kept."""
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


def test_break_off(objects: S3Cache, s3: Any, tmp_path: Path) -> None:
    """A transfer can be broken off between two objects."""
    s3.put_object(Bucket="bucket", Key="data/raw.csv", Body=b"raw")

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        objects.get(objects.items("s3://bucket/data"), tmp_path / "in", check=stop)


def test_least_recently_used(tmp_path: Path) -> None:
    """A cache that is too large loses what was not used for longest, and what was never finished."""
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
    """Content that was not written to its end is not in the cache."""
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
    ("keys", "said"),
    [
        (("in/a", "in/a/b"), "in/a.*: the key is not a valid file name: another object.s key needs"),
        ((f"in/{'x' * 300}",), "in/xxx.*: the key is not a valid file name: a file system allows at most 255 bytes"),
    ],
)
def test_no_file_of_that_name(objects: S3Cache, s3: Any, tmp_path: Path, keys: tuple[str, ...], said: str) -> None:
    """A key that no file can be named after is named in the error, with the reason."""
    for key in keys:
        s3.put_object(Bucket="bucket", Key=key, Body=b"1")
    with pytest.raises(S3CacheError, match=f"s3://bucket/{said}"):
        objects.get(objects.items("s3://bucket/in/"), tmp_path / "input")


def test_folder_of_that_name(objects: S3Cache, s3: Any, tmp_path: Path) -> None:
    """A key whose name another object has already made a folder of is named in the error."""
    s3.put_object(Bucket="bucket", Key="in/a", Body=b"1")
    (tmp_path / "input" / "a").mkdir(parents=True)
    with pytest.raises(S3CacheError, match=r"in/a: the key is not a valid file name: another object.s key needs"):
        objects.get(objects.items("s3://bucket/in/"), tmp_path / "input")
