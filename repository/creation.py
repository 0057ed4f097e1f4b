"""Creates the repository: in a temporary folder next to its place, then at once."""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

from executions.defaults import PROJECT
from pipeline.bundle import INPUT_FILE, SOURCE_ARCHIVE, published_files
from pipeline.places import DATA
from pipeline.version import version
from repository.errors import RepositoryError
from repository.table import Table
from settings import SettingsError, checked_model_name

_TEMPLATE = Path(__file__).with_name("template")
_HIDDEN = {"github": ".github", "gitignore": ".gitignore"}
"""Names in the repository of what is not hidden in the template, where tools would take it for the module's own."""
_ELSEWHERE = "https://github.com/ORGANISATION/mlops-stepfunctions.git"
"""Stands in the manifest for a module whose address is not known."""


@dataclass(frozen=True, kw_only=True)
class Created:
    """A new repository."""

    folder: Path
    url: str
    """Where others get the module; empty if not known."""
    data: Path | None
    """The table in it, relative to the folder; None for the census."""
    every: int
    """Of how many records of the table it has one."""


def create(name: str, *, parent: Path, data: Path | None, label: str | None, problem: str | None) -> Created:
    """Creates a repository.

    Args:
        name: the model's name, and the folder's.
        parent: where to create the folder.
        data: the user's table; None for the census.
        label: the column to predict.
        problem: ``binary``, ``multiclass`` or ``regression``; None to let the values decide.

    Raises:
        RepositoryError: an argument is wrong, or the folder exists; nothing has been written.
    """
    folder = parent / name
    _check(name, folder, data=data, label=label, problem=problem)
    table = Table.read(data, label) if data else None
    url = _origin()
    scripts = {path: text for path, text in published_files(PROJECT / "scripts").items() if path != SOURCE_ARCHIVE}
    scripts[INPUT_FILE] = _input(
        scripts[INPUT_FILE].decode(), label=table.label if table else None, problem=problem
    ).encode()
    shown = Path("data", table.name) if table else None
    values = {
        "NAME": name,
        "VERSION": version(),
        "URL": url,
        "PATH": f"git::{url or _ELSEWHERE}//?ref=release/{version()}&depth=1",
        "DATA": shown.as_posix() if shown else "",
        "TABLE": f"`{shown}`" if shown else "the census of the module",
        "DATA_FILES": "\n".join(f"  - filePath: scripts/{path}" for path in scripts),
    }
    files = {f"scripts/{path}": text for path, text in scripts.items()} | _filled_in(values)
    if table and shown:
        files[shown.as_posix()] = table.content
    _write(folder, files)
    return Created(folder=folder, url=url, data=shown, every=table.every if table else 1)


def _check(name: str, folder: Path, *, data: Path | None, label: str | None, problem: str | None) -> None:
    try:
        checked_model_name(name)
    except SettingsError as error:
        raise RepositoryError(str(error).replace("parameter model-name", "NAME")) from error
    if data is None and (label or problem):
        raise RepositoryError("--label and --problem need --data, the table with that column")
    if PROJECT in folder.resolve().parents:
        raise RepositoryError(
            f"{folder.parent} is in the module's own folder; go to where the repository is to be: cd .."
        )
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise RepositoryError(f"{folder} exists and is not empty; choose another name, or remove it")


def _origin() -> str:
    """Returns where this clone comes from; empty if it is no clone, or git is not installed."""
    command = ["git", "-C", str(PROJECT), "config", "--get", "remote.origin.url"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        return ""
    return found if "://" in found or found.startswith("git@") else ""


def _input(text: str, *, label: str | None, problem: str | None) -> str:
    """Returns the module's ``input.yaml`` for the user's table, with its comments; unchanged for the census."""
    text = text.replace("$schema=../pipeline/", "$schema=../.module/pipeline/", 1)
    if label is None:
        return text
    options = {"LABEL": label} | ({"PROBLEM": problem} if problem else {})
    flow = yaml.safe_dump(options, default_flow_style=True, allow_unicode=True, width=10_000).strip()
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    request = _child(_child(root, "preprocessing"), "input")
    location = _child(_child(_child(request, "ProcessingInputs").value[0], "S3Input"), "S3Uri")
    environment = _child(request, "Environment")
    # From the end, so that the positions of the first stay right.
    text = _replaced(text, environment, f"{flow} # options of preprocessing.py: the column to predict, and more")
    return _replaced(text, location, f"s3://MLOPS_BUCKET/MODEL_NAME/{DATA.rstrip('/')}")


def _child(node: yaml.Node | None, key: str) -> yaml.Node:
    if not isinstance(node, yaml.MappingNode):
        raise TypeError(f"the module's {INPUT_FILE} has no mapping with {key}")
    found: yaml.Node = next(value for name, value in node.value if name.value == key)
    return found


def _replaced(text: str, node: yaml.Node, new: str) -> str:
    """Replaces a value; what follows it on its line, or all lines of a mapping, goes with it."""
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        start = text.rindex("Environment:", 0, start) + len("Environment:")
        new, end = f" {new}\n", start + len(text[start:end].rstrip(" "))
        return text[:start] + new + text[end:]
    line_end = text.index("\n", end)
    rest = "" if "#" in new else text[end:line_end]
    return text[:start] + new + rest + text[line_end:]


def _filled_in(values: dict[str, str]) -> dict[str, bytes]:
    """Returns the template's files, by their path in the repository, with ``@NAME@`` filled in."""
    found = {}
    for path in sorted(_TEMPLATE.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            first, *rest = path.relative_to(_TEMPLATE).parts
            text = path.read_text()
            for key, value in values.items():
                text = text.replace(f"@{key}@", value)
            found["/".join([_HIDDEN.get(first, first), *rest])] = text.encode()
    return found


def _write(folder: Path, files: dict[str, bytes]) -> None:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
            made = Path(temporary, folder.name)
            for path, content in files.items():
                target = made / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            made.joinpath(".module").symlink_to(PROJECT)
            if folder.exists():
                folder.rmdir()
            made.rename(folder)
    except OSError as error:
        raise RepositoryError(f"{folder} cannot be created: {error.strerror}") from error
