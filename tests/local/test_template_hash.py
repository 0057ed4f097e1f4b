"""The hash of the template's sources."""

import shutil
from pathlib import Path

import pytest

from executions.defaults import PROJECT
from local.template_hash import template_hash


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A copy of the template's sources."""
    for name in ("app.py", "stack.py", "settings.py", "cdk.json", "requirements.txt", "pyproject.toml"):
        shutil.copy(PROJECT / name, tmp_path)
    for name in ("infrastructure", "pipeline", "lambda", "scripts"):
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.parametrize(
    "name", ["stack.py", "cdk.json", "infrastructure/storage.py", "pipeline/stages/stage.py", "lambda/starter/event.py"]
)
def test_each_edit_counts(module: Path, name: str) -> None:
    """Editing a source changes the hash, and reverting the edit restores it."""
    before = template_hash(module)
    content = (module / name).read_text()
    (module / name).write_text(content + "\n")
    assert template_hash(module) != before
    (module / name).write_text(content)
    assert template_hash(module) == before


def test_new_and_renamed_files_count(module: Path) -> None:
    """A new file changes the hash, and so does renaming it."""
    before = template_hash(module)
    (module / "lambda" / "starter" / "one.py").touch()
    new = template_hash(module)
    (module / "lambda" / "starter" / "one.py").rename(module / "lambda" / "starter" / "two.py")
    assert len({before, new, template_hash(module)}) == 3


def test_installed_versions_count(module: Path) -> None:
    """The hash depends on installed versions: a locked package that is not installed changes it."""
    before = template_hash(module)
    with (module / "requirements.txt").open("a") as lock:
        lock.write("no-such-package==1.0\n")
    assert template_hash(module) != before


def test_scripts_and_caches_do_not_count(module: Path) -> None:
    """Scripts, which each run uploads itself, and bytecode do not change the hash."""
    before = template_hash(module)
    (module / "scripts" / "train.py").write_text("")
    (module / "infrastructure" / "__pycache__").mkdir(exist_ok=True)
    (module / "infrastructure" / "__pycache__" / "new.pyc").touch()
    assert template_hash(module) == before
