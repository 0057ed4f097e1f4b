import io
import tarfile
from pathlib import Path

import pytest

from pipeline.bundle import LinkError, published_files


def scripts(folder: Path) -> Path:
    (folder / "package" / "__pycache__").mkdir(parents=True)
    (folder / "train.py").write_text("print('train')\n")
    (folder / "input.yaml").write_text("app_id: a\n")
    (folder / "package" / "deep.py").write_text("x = 1\n")
    (folder / "package" / "__pycache__" / "deep.pyc").write_bytes(b"cache")
    (folder / ".env").write_text("SECRET=1\n")
    return folder


def test_every_file_is_published_but_hidden_ones(tmp_path: Path) -> None:
    """The folder's files are published by their path; hidden files and caches are not."""
    files = published_files(scripts(tmp_path))
    assert set(files) == {"train.py", "input.yaml", "package/deep.py", "source.tar.gz"}
    assert files["train.py"] == b"print('train')\n"


def test_source_archive_holds_every_file_that_a_script_may_need(tmp_path: Path) -> None:
    """source.tar.gz has every file but input.yaml, tests, caches and an older archive, at its path in the folder."""
    folder = scripts(tmp_path)
    kept = ("requirements.txt", "setup.sh", "package/classes.json", "package/input.yaml", "latest_tests.csv")
    left_out = ("test_train.py", "package/deep_test.py", "conftest.py", "tests/data.csv", "source.tar.gz")
    for name in (*kept, *left_out):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    archive = published_files(folder)["source.tar.gz"]
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert sorted(tar.getnames()) == sorted([*kept, "package/deep.py", "train.py"])
        member = tar.extractfile("package/deep.py")
        assert member is not None
        assert member.read() == b"x = 1\n"


def test_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    """An unchanged folder is published as the same bytes, at any time and location."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    assert published_files(scripts(first)) == published_files(scripts(second))


@pytest.mark.parametrize("target", ["a file elsewhere", "a folder elsewhere"])
def test_a_link_is_not_published(target: str, tmp_path: Path) -> None:
    """A link in the folder, to a file or a folder, is rejected by name: its target does not belong to the module."""
    folder, elsewhere = scripts(tmp_path / "scripts"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "secret.py").write_text("secret")
    (folder / "link").symlink_to(elsewhere / "secret.py" if target == "a file elsewhere" else elsewhere)
    with pytest.raises(LinkError, match=r"link is a link; only what lies in the folder itself is published"):
        published_files(folder)
