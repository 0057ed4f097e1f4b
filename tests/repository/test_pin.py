"""``mlops upgrade``."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from pipeline.version import version


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository that pins 0.1.0."""
    (tmp_path / "manifests").mkdir()
    (tmp_path / "module.mk").write_text(
        "# The module.\nMODULE_VERSION = 0.1.0\nMODULE_URL = https://example.com/m.git\n"
    )
    (tmp_path / "manifests" / "modules.yaml").write_text(
        "name: pipeline\npath: git::https://example.com/m.git//?ref=release/0.1.0&depth=1\n"
    )
    return tmp_path


def upgrade(folder: Path) -> Result:
    """Runs ``mlops upgrade`` in this process."""
    return CliRunner().invoke(main, ["upgrade", str(folder)])


def test_the_pin_moves_and_what_changed_is_printed(folder: Path) -> None:
    """module.mk and the manifest name this release; the changelog since the one before is printed, and no older one."""
    done = upgrade(folder)
    assert done.exit_code == 0, done.output
    assert f"0.1.0 became {version()}" in done.stdout
    assert f"## {version()} - " in done.stdout
    assert "## 0.1.0" not in done.stdout
    text = (folder / "module.mk").read_text()
    assert text == f"# The module.\nMODULE_VERSION = {version()}\nMODULE_URL = https://example.com/m.git\n"
    assert f"?ref=release/{version()}&depth=1\n" in (folder / "manifests" / "modules.yaml").read_text()
    assert upgrade(folder).stdout.endswith(f"module.mk pins {version()} already\n")


@pytest.mark.parametrize(
    ("pin", "message"),
    [
        (None, "module.mk: No such file or directory; run this in a repository that mlops init made"),
        ("MODULE = 1\n", "module.mk has no line MODULE_VERSION = ...; mlops init writes one"),
        ("MODULE_VERSION = 9.9.9\n", "module.mk pins 9.9.9, which is later than this module's"),
    ],
)
def test_no_such_repository(folder: Path, pin: str | None, message: str) -> None:
    """One message says what is missing, and nothing is changed."""
    file = folder / "module.mk"
    file.unlink()
    if pin:
        file.write_text(pin)
    done = upgrade(folder)
    assert done.exit_code == 1
    assert message in done.stderr
    assert (file.read_text() if pin else None) == pin
