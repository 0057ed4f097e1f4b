"""The assembly of an environment, with a double of the app that counts how often it runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from local.assembly import CONTEXT, DEFAULT_ACCOUNT, DEFAULT_REGION, OUTPUT, Synthesis
from local.errors import LocalError

APP = """
import os, pathlib
made = pathlib.Path(os.environ["CDK_OUTDIR"])
made.mkdir()
(made / "manifest.json").write_text(os.environ["CDK_CONTEXT_JSON"])
with open("runs", "a") as runs:
    runs.write("x")
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A module whose app writes a file."""
    folder = tmp_path / "module"
    (folder / "scripts").mkdir(parents=True)
    (folder / "scripts" / "train.py").write_text("old")
    for name in ("stack.py", "settings.py", "cdk.json", "requirements.txt", "pyproject.toml"):
        (folder / name).touch()
    (folder / "app.py").write_text(APP)
    return folder


@pytest.fixture
def synthesise(module: Path, tmp_path: Path) -> Callable[..., tuple[str, int]]:
    """Synthesises with these parameters; returns the assembly's content, and how often the app has run so far."""

    def once(parameters: str = "{}") -> tuple[str, int]:
        folder = tmp_path / f"cdk-{len(list(tmp_path.glob('cdk-*')))}"
        folder.mkdir()
        variables = {
            OUTPUT: str(folder / "cdk.out"),
            CONTEXT: parameters,
            DEFAULT_ACCOUNT: "000000000000",
            DEFAULT_REGION: "us-east-1",
        }
        log = tmp_path / "log"
        synthesis = Synthesis(variables, folder=tmp_path, log=log, project=module, kept=tmp_path / "kept")
        made = synthesis.assembly()
        return (made / "manifest.json").read_text(), len((tmp_path / "runs").read_text())

    return once


def test_nothing_changed(synthesise: Callable[..., tuple[str, int]], tmp_path: Path) -> None:
    """The second environment takes the first one's assembly, as a copy that the CDK CLI may write to."""
    assert synthesise() == ("{}", 1)
    (tmp_path / "cdk-0" / "cdk.out" / "manifest.json").write_text("spoilt")
    assert synthesise() == ("{}", 1)


@pytest.mark.parametrize("name", ["app.py", "scripts/train.py", "scripts/new.py"])
def test_changed_file(synthesise: Callable[..., tuple[str, int]], module: Path, name: str) -> None:
    """After a change of a source or a script, the app runs again, and only the new assembly is kept."""
    assert synthesise() == ("{}", 1)
    with (module / name).open("a") as file:
        file.write("# new\n")
    assert synthesise() == ("{}", 2)
    assert synthesise() == ("{}", 2)
    assert len(list((module.parent / "kept").iterdir())) == 1


def test_changed_parameter(synthesise: Callable[..., tuple[str, int]]) -> None:
    """With other parameters the app runs again."""
    synthesise()
    assert synthesise('{"model-name": "other"}') == ('{"model-name": "other"}', 2)


def test_failed_app(synthesise: Callable[..., tuple[str, int]], module: Path) -> None:
    """An app that fails is an error with its last lines, and nothing is kept."""
    (module / "app.py").write_text("raise SystemExit('error: no good')")
    with pytest.raises(LocalError, match="error: no good"):
        synthesise()
    assert not (module.parent / "kept").exists()
