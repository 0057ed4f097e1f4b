"""Compiled packages are shared by a user's checkouts, and never used for another source."""

import os
import py_compile
import sys
from pathlib import Path

import pytest

from requirements.bytecode import keep, link

SOURCE = "print('compiled')\n"


def package(folder: Path, source: str = SOURCE, *, changed: int = 1_700_000_000) -> Path:
    """A module in a folder of packages, with the time of its last change."""
    folder.mkdir()
    file = folder / "module.py"
    file.write_text(source)
    os.utime(file, (changed, changed))
    return file


def compiled(folder: Path) -> Path:
    """Where Python keeps what it compiles the module to."""
    return folder / "__pycache__" / f"module.{sys.implementation.cache_tag}.pyc"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A cache with what one checkout has compiled."""
    py_compile.compile(str(package(tmp_path / "first")))
    keep(tmp_path / "first", tmp_path / "cache")
    return tmp_path / "cache"


def test_next_checkout_need_not_compile(tmp_path: Path, kept: Path) -> None:
    """The same package in another folder has its compiled code."""
    package(tmp_path / "second")
    link(tmp_path / "second", kept)
    assert compiled(tmp_path / "second").read_bytes() == compiled(tmp_path / "first").read_bytes()


@pytest.mark.parametrize(
    ("source", "changed"), [("print('other')\n", 1_700_000_000), (SOURCE, 1_700_000_001)], ids=["size", "time"]
)
def test_another_source_is_compiled(tmp_path: Path, kept: Path, source: str, changed: int) -> None:
    """A module of another size or time, as another version has it, gets nothing."""
    package(tmp_path / "second", source, changed=changed)
    link(tmp_path / "second", kept)
    assert not compiled(tmp_path / "second").exists()


def test_package_that_has_gone_gets_nothing(tmp_path: Path, kept: Path) -> None:
    """Where there is no such module, no compiled code is left alone, which Python could import."""
    (tmp_path / "second").mkdir()
    link(tmp_path / "second", kept)
    assert list((tmp_path / "second").iterdir()) == []


def test_newer_code_replaces_what_is_kept(tmp_path: Path, kept: Path) -> None:
    """After an upgrade the cache has the new version's code."""
    py_compile.compile(str(package(tmp_path / "upgraded", "print('a later version')\n")))
    keep(tmp_path / "upgraded", kept)
    assert compiled(kept).read_bytes() == compiled(tmp_path / "upgraded").read_bytes()


def test_what_is_compiled_already_stays(tmp_path: Path, kept: Path) -> None:
    """Code that a checkout has compiled itself is left as it is."""
    py_compile.compile(str(package(tmp_path / "second")))
    before = compiled(tmp_path / "second").stat().st_ino
    link(tmp_path / "second", kept)
    assert compiled(tmp_path / "second").stat().st_ino == before
