"""Writes the tables and diagrams that the documents take from the code: ``make docs``.

Each is between the markers ``<!-- make docs: NAME -->`` and ``<!-- end -->``; everything else in a document is written
by hand. A test fails while ``make docs`` would change anything.
"""

import functools
import json
import re
from collections.abc import Callable, Iterable

from benchmarks import results
from benchmarks.table import written
from docs.architecture import PROJECT, layout_diagram
from pipeline.diagram import pipeline_diagram, stage_diagram
from pipeline.stages import STAGES, Stage
from pipeline.stages.stage import CreatedName
from settings import PARAMETERS

_SCHEMA = PROJECT / "pipeline" / "input" / "input.schema.json"


def stages() -> str:
    """Returns the table of stages: what each runs, as the schema describes it, and the names that it gives."""
    sections = json.loads(_SCHEMA.read_text())["properties"]
    rows = ((f"`{stage.key}`", _what(sections[stage.key]["description"]), _names(stage)) for stage in STAGES)
    return _table(("key in `input.yaml`", "what runs", "names, unless the input gives others"), rows)


def parameters() -> str:
    """Returns the table of the deployment's parameters."""
    shown = {None: "required", "": "none"}
    rows = (
        (f"`{name}`", shown.get(parameter.default, f"`{parameter.default}`"), parameter.description)
        for name, parameter in PARAMETERS.items()
    )
    return _table(("parameter", "default", "what it is"), rows)


def metadata() -> str:
    """Returns the table of the keys of the stack's output ``metadata``."""
    from stack import METADATA  # noqa: PLC0415 - slow to import: it brings the CDK

    return _table(("key", "what it is"), ((f"`{key}`", description) for key, description in METADATA.items()))


def outputs() -> str:
    """Returns the table of the stack's outputs."""
    from stack import OUTPUTS  # noqa: PLC0415 - as above

    return _table(("output", "what it is"), ((f"`{name}`", description) for name, description in OUTPUTS.items()))


def index() -> str:
    """Returns the index of the decisions, by subject."""
    lines = []
    for heading in re.findall(r"^##+ .+$", (PROJECT / "docs" / "decisions.md").read_text(), re.MULTILINE):
        level, _, title = heading.partition(" ")
        anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        shown = title.rpartition(" (")[0] or title
        lines.append(f"{'' if level == '##' else '  '}- [{shown}](#{anchor})")
    return "\n".join(lines)


def stage_diagram_block(key: str) -> str:
    """Returns the diagram of a stage's states."""
    return _mermaid(stage_diagram(key))


BLOCKS: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"stages": stages},
    "docs/architecture.md": {
        "imports": lambda: _mermaid(layout_diagram()),
        "pipeline": lambda: _mermaid(pipeline_diagram()),
    },
    "docs/decisions.md": {"index": index},
    "docs/deploy.md": {"parameters": parameters, "metadata": metadata, "outputs": outputs},
    "docs/state-machine.md": {
        key: functools.partial(stage_diagram_block, key)
        for key in ("registration", "approval", "deployment", "monitoring")
    },
}
"""What is between the markers, by document and name."""
DOCUMENTS = (*BLOCKS, "docs/performance.md")
"""The documents with generated parts; ``make bench`` also writes the table of docs/performance.md."""


def document(name: str) -> str:
    """Returns a document as ``make docs`` writes it.

    Args:
        name: its path from the project's folder: ``docs/deploy.md``.

    Raises:
        LookupError: the markers of a block are missing.
    """
    text = (PROJECT / name).read_text()
    for block, content in BLOCKS.get(name, {}).items():
        before, begin, rest = text.partition(f"<!-- make docs: {block} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        if not end:
            raise LookupError(f"{name}: no {block} between <!-- make docs: {block} --> and <!-- end -->")
        text = f"{before}{begin}{content()}\n{end}{after}"
    return written(text, results.read()) if name == "docs/performance.md" else text


def _table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heading, ("---",) * len(heading), *rows))


def _mermaid(diagram: str) -> str:
    return f"```mermaid\n{diagram}\n```"


def _what(description: str) -> str:
    """A description as a cell; that of a stage that is one request is its integration."""
    if description.startswith("sagemaker:"):
        return f"`{description}`"
    return description[0].lower() + description[1:].rstrip(".")


def _names(stage: Stage) -> str:
    return "; ".join(f"`{name.keys[-1]}`: {_default(name)}" for name in stage.created_names())


def _default(name: CreatedName) -> str:
    return f"`{name.prefix}<{'model_id' if name.long_lived else 'execution'}>`"


def main() -> None:
    """Writes the documents."""
    for name in DOCUMENTS:
        (PROJECT / name).write_text(document(name))


if __name__ == "__main__":
    main()
