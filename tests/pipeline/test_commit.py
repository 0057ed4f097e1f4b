import subprocess
from pathlib import Path

import pytest

from pipeline.commit import Commit

CONFIG = ("-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")


def git(folder: Path, *command: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *CONFIG, *command], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def committed(repository: Path) -> str:
    """Commits everything; returns the commit."""
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "test")
    return git(repository, "rev-parse", "HEAD")


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A folder of scripts in a checkout, with a file in its first commit."""
    git(tmp_path, "init", "--quiet")
    folder = tmp_path / "my scripts"
    folder.mkdir()
    (folder / "train.py").write_text("1")
    (tmp_path / "README.md").write_text("1")
    committed(tmp_path)
    return folder


def test_the_commit_is_the_last_one_that_changed_the_folder(scripts: Path) -> None:
    """A commit of other files leaves it as it is, so that a deployment changes nothing."""
    first = git(scripts, "rev-parse", "HEAD")
    (scripts.parent / "README.md").write_text("2")
    committed(scripts.parent)
    assert Commit.of(scripts) == Commit(id=first, is_changed=False)
    (scripts / "train.py").write_text("2")
    assert Commit.of(scripts) == Commit(id=first, is_changed=True)
    second = committed(scripts.parent)
    assert Commit.of(scripts) == Commit(id=second, is_changed=False)


@pytest.mark.parametrize("change", ["edited", "staged", "deleted", "added", "ignored"])
def test_a_published_file_that_the_commit_does_not_have_is_a_change(change: str, scripts: Path) -> None:
    """Ignored files are published, so they count, too."""
    file = scripts / ("train.py" if change in {"edited", "staged", "deleted"} else "größe.bin")
    if change == "ignored":
        (scripts.parent / ".gitignore").write_text("*.bin\n")
    file.write_text("2")
    if change == "staged":
        git(scripts, "add", "train.py")
    elif change == "deleted":
        file.unlink()
    found = Commit.of(scripts)
    assert found is not None
    assert found.is_changed


def test_what_is_not_published_is_no_change(scripts: Path) -> None:
    """Hidden files, caches, and files elsewhere in the checkout are not published."""
    for name in (".env", "__pycache__/train.pyc", "../README.md", "../new.py"):
        (scripts / name).parent.mkdir(exist_ok=True)
        (scripts / name).write_text("2")
    found = Commit.of(scripts)
    assert found is not None
    assert not found.is_changed


def test_without_a_commit_there_is_none(tmp_path: Path, scripts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Untracked folders, folders outside of a checkout and machines without git have no commit, and nothing fails."""
    (scripts / "new").mkdir()
    (scripts / "new" / "train.py").write_text("1")
    assert Commit.of(scripts / "new") is None
    assert Commit.of(tmp_path / "missing") is None
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (scripts.parent / ".git").rename(scripts.parent / "moved")
    assert Commit.of(scripts) is None
    (scripts.parent / "moved").rename(scripts.parent / ".git")
    assert Commit.of(scripts) is not None
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert Commit.of(scripts) is None


@pytest.mark.parametrize(
    ("version", "commit"),
    [
        ("", None),
        ("+123-45", None),
        ("315ccf7", Commit(id="315ccf7", is_changed=False)),
        ("315ccf7+123-45", Commit(id="315ccf7", is_changed=True)),
    ],
)
def test_a_given_version(version: str, commit: Commit | None) -> None:
    """Where git cannot be asked, a deployment passes the commit, and a checksum if the scripts differ from it."""
    assert Commit.parse(version) == commit


def test_metadata_of_an_object_keep_it() -> None:
    """S3 stores user metadata as text."""
    for commit in (Commit(id="315ccf7", is_changed=True), Commit(id="315ccf7", is_changed=False)):
        assert Commit.from_metadata(commit.metadata()) == commit
    assert Commit.from_metadata({}) is None
