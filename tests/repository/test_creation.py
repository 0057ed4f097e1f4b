"""``mlops init``."""

import gzip
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from cli.main import main
from executions.defaults import PROJECT
from pipeline.input.execution import execution_input
from pipeline.input.samples import SAMPLE_TOKENS
from pipeline.version import version
from repository import table as table_module
from repository.table import Table

TABLE = "age,plan,churned\n" + "1,a,yes\n2,b,no\n" * 5


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a table."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.csv").write_text(TABLE)
    return tmp_path


def init(*arguments: str) -> Result:
    """Runs ``mlops init`` in this process."""
    return CliRunner().invoke(main, ["init", *arguments])


def created(*arguments: str) -> Path:
    """Creates a repository."""
    done = init(*arguments)
    assert done.exit_code == 0, done.output
    return Path.cwd() / arguments[0]


def read(path: Path) -> dict[str, object]:
    """Reads a YAML file."""
    content: dict[str, object] = yaml.safe_load(path.read_text())
    return content


def test_a_table_of_ones_own(place: Path) -> None:
    """The input reads the table in the pipeline's bucket and has the label; everything else is the module's."""
    folder = created("churn", "--data", "my.csv", "--label", "churned", "--problem", "binary")
    text = (folder / "scripts" / "input.yaml").read_bytes()
    shipped = (PROJECT / "scripts" / "input.yaml").read_bytes()
    own, module = (execution_input(each, tokens=SAMPLE_TOKENS, event_id="event").content for each in (text, shipped))
    request = own["preprocessing"]["input"]
    assert request["Environment"] == {"LABEL": "churned", "PROBLEM": "binary"}
    assert request["ProcessingInputs"][0]["S3Input"]["S3Uri"] == "s3://mlops-bucket/demo/data"
    for part in ("Environment", "ProcessingInputs"):
        for content in (own, module):
            del content["preprocessing"]["input"][part]
    assert own == module
    assert text.count(b"#") >= shipped.count(b"#") - 3  # the comments stay
    assert (folder / "data" / "my.csv").read_text() == TABLE
    assert sorted(path.name for path in place.iterdir()) == ["churn", "my.csv"]


@pytest.mark.parametrize("label", ['has: "odd", names #1', "null", "Überschuss"])
def test_any_column_can_be_the_label(label: str, place: Path) -> None:
    """A column's name is text in input.yaml, whatever YAML would make of it."""
    quoted = label.replace('"', '""')
    (place / "my.csv").write_text(f'age,"{quoted}"\n' + "1,2\n2,3\n" * 5)
    folder = created("churn", "--data", "my.csv", "--label", label)
    content = execution_input(
        (folder / "scripts" / "input.yaml").read_bytes(), tokens=SAMPLE_TOKENS, event_id="event"
    ).content
    assert content["preprocessing"]["input"]["Environment"] == {"LABEL": label}


@pytest.mark.usefixtures("place")
def test_without_data_it_takes_the_census() -> None:
    """Nothing is asked; the scripts are the module's, and so is the table."""
    folder = created("census")
    for path in (PROJECT / "scripts").glob("*.py"):
        assert (folder / "scripts" / path.name).read_bytes() == path.read_bytes()
    lines = [(each / "scripts" / "input.yaml").read_text().splitlines() for each in (folder, PROJECT)]
    assert lines[0][1:] == lines[1][1:]
    assert not (folder / "data").exists()
    assert "DATA ?= \n" in (folder / "Makefile").read_text()


@pytest.mark.usefixtures("place")
def test_the_module_is_pinned() -> None:
    """module.mk and SeedFarmer's manifest name this release; the module itself is a link that git ignores."""
    folder = created("churn")
    assert f"MODULE_VERSION = {version()}\n" in (folder / "module.mk").read_text()
    manifest = read(folder / "manifests" / "modules.yaml")
    assert f"?ref=release/{version()}&depth=1" in str(manifest["path"])
    assert (folder / ".module").resolve() == PROJECT
    assert ".module\n" in (folder / ".gitignore").read_text()
    for path in folder.rglob("*"):
        if path.is_file() and ".module" not in path.parts:
            assert not re.search(r"@[A-Z_]+@", path.read_text()), path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("my_model",), "error: NAME: invalid value 'my_model'; expected letters, digits and single hyphens"),
        (("m" * 30,), "at most 29 characters"),
        (("../churn",), "invalid value '../churn'"),
        (("full",), "full exists and is not empty; choose another name, or remove it"),
        (("my.csv",), "invalid value 'my.csv'"),
        (("x", "--data", "no.csv", "--label", "y"), "no.csv: no such file or folder"),
        (("x", "--data", "full", "--label", "y"), "no table under full, only file; expected names"),
        (("x", "--data", "empty.csv", "--label", "y"), "empty.csv is empty"),
        (
            ("x", "--data", "few.csv", "--label", "y"),
            "few.csv: 9 records have a 'y', too few to learn from; need at least 10",
        ),
        (("x", "--data", "few.csv", "--label", "x"), "few.csv: 'x' is '1' in all 10 records: need two values"),
        (
            ("x", "--data", "latin.csv", "--label", "y"),
            "latin.csv, line 1, column 1: byte 0xfc is not utf-8; save the file as UTF-8: iconv",
        ),
        (
            ("x", "--data", "my.csv", "--label", "churn"),
            "my.csv, line 1: no column named 'churn'; did you mean 'churned'?",
        ),
        (("x", "--data", "my.csv", "--label", "zzz"), "no column named 'zzz'; it has 'age', 'plan', 'churned'"),
        (("x", "--data", "my.csv"), "--data needs --label, the column to predict: 'age', 'plan', 'churned'"),
        (("x", "--label", "churned"), "--label and --problem need --data"),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, tuple) else "",
)
def test_bad_input_writes_nothing(arguments: tuple[str, ...], message: str, place: Path) -> None:
    """One message, exit code 1, and no file more than before."""
    (place / "full").mkdir()
    (place / "full" / "file").write_text("mine")
    (place / "empty.csv").write_text("")
    (place / "few.csv").write_text("x,y\n1,\n" + "1,2\n" * 9)
    (place / "latin.csv").write_bytes("ageü,y\n".encode("latin-1"))
    before = sorted(place.rglob("*"))
    done = init(*arguments)
    assert done.exit_code == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert sorted(place.rglob("*")) == before


def test_not_in_the_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository in the module's own folder would be part of the module."""
    monkeypatch.chdir(PROJECT)
    done = init("churn")
    assert done.exit_code == 1
    assert "is in the module's own folder; go to where the repository is to be: cd .." in done.stderr
    assert not (PROJECT / "churn").exists()


def test_a_large_table_is_thinned_out(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a table that is too large for a repository, every n-th record is taken, and the output says so."""
    monkeypatch.setattr(table_module, "MOST_BYTES", 100)
    (place / "my.csv").write_text("number,text\n" + "".join(f'{number},"a\nb"\n' for number in range(30)))
    table = Table.read(place / "my.csv", "number")
    assert table.every == 4
    assert table.content.decode().startswith('number,text\n0,"a\nb"\n4,"a\nb"\n')
    assert table.content.decode().count('"a\nb"') == 8
    assert "one of 4 records" in init("churn", "--data", "my.csv", "--label", "number").output


def test_a_folder_of_packed_files_becomes_one(place: Path) -> None:
    """Files of other kinds, and several, become one CSV file."""
    parts = place / "parts.d"
    parts.mkdir()
    (parts / "a.csv.gz").write_bytes(gzip.compress(TABLE.encode()))
    (parts / "b.tsv").write_text("plan\tage\tchurned\nc\t3\tmaybe, yes\n")
    folder = created("churn", "--data", "parts.d", "--label", "churned")
    assert (folder / "data" / "parts.csv").read_text() == TABLE + '3,c,"maybe, yes"\n'
    assert "DATA ?= data/parts.csv\n" in (folder / "Makefile").read_text()


@pytest.mark.usefixtures("place")
def test_the_workflow_passes_a_linter() -> None:
    """zizmor, which knows GitHub's schema and its security rules, finds nothing in the strictest mode."""
    folder = created("churn")
    zizmor = str(Path(sys.executable).with_name("zizmor"))
    command = [zizmor, "--offline", "--no-progress", "--no-config", "--persona", "pedantic", str(folder / ".github")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings to report" in done.stdout + done.stderr
    workflow = folder / ".github" / "workflows" / "pipeline.yml"
    workflow.write_text(workflow.read_text().replace("permissions: {}\n", "").replace("runs-on", "run-on"))
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


@pytest.mark.skipif(not shutil.which("git"), reason="there is no git here")
def test_the_module_comes_from_git_at_its_release(place: Path) -> None:
    """Without the link, make clones MODULE_URL at the release's tag; without an address, it says what to do."""
    folder = created("churn")
    (folder / ".module").unlink()
    make = ["make", "--no-print-directory", "-C", str(folder), "module"]
    done = subprocess.run(make, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "set MODULE_URL in module.mk" in done.stderr
    origin = place / "origin"
    origin.mkdir()
    (origin / "pyproject.toml").write_text(f'version = "{version()}"\n')
    commit = "git -c user.name=tests -c user.email=tests@example.com commit --quiet -m release"
    script = f"git init --quiet && git add --all && {commit} && git tag release/{version()}"
    subprocess.run(["sh", "-c", script], cwd=origin, check=True)
    subprocess.run([*make, f"MODULE_URL={origin}"], capture_output=True, check=True)
    assert (folder / ".module" / "pyproject.toml").is_file()
    (folder / "module.mk").write_text("MODULE_VERSION = 9.9.9\nMODULE_URL =\n")
    done = subprocess.run(make, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert ".module is not release 9.9.9, which module.mk pins" in done.stderr


@pytest.mark.usefixtures("place")
def test_its_own_tests_pass() -> None:
    """Make test validates the input, and runs the scripts on the census's sample with the image's packages."""
    folder = created("churn")
    # The set-up of the module, which is this checkout, is done.
    make = ["make", "--no-print-directory", "test", "MAKE_MODULE=true", f"PYTHON={sys.executable}"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MLOPS_"))}
    done = subprocess.run(
        make, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "scripts/input.yaml is valid" in done.stdout
    assert "Ran 2 tests" in done.stdout
