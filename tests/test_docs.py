"""README and docs say what is so."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.diagram import pipeline_diagram, stage_diagram
from pipeline.stages import STAGES, RequestStage, Stage
from settings import read_settings

PROJECT = Path(__file__).parent.parent
README = (PROJECT / "README.md").read_text()
DEPLOY = (PROJECT / "docs" / "deploy.md").read_text()


def test_diagram_is_drawn_from_the_definition() -> None:
    """The picture of the pipeline is what `python -m pipeline.diagram` prints."""
    assert f"```mermaid\n{pipeline_diagram()}\n```" in README


@pytest.mark.parametrize("key", ["registration", "approval", "deployment"])
def test_stages_are_drawn_from_the_definition(key: str) -> None:
    """The pictures in docs/state-machine.md are what `python -m pipeline.diagram STAGE` prints."""
    text = (PROJECT / "docs" / "state-machine.md").read_text()
    assert f"```mermaid\n{stage_diagram(key)}\n```" in text


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.key)
def test_every_stage_is_in_the_table(stage: Stage) -> None:
    """The table of stages has each stage with its call and its name."""
    assert f"| `{stage.key}` | " in README
    if isinstance(stage, RequestStage):
        name = f"`{stage.name_prefix}` and the execution's name" if stage.name_prefix else "the execution's name"
        assert f"| `{stage.key}` | `sagemaker:{stage.integration}` | {name} |" in README


def test_outputs_are_those_of_the_stack(template: dict[str, object]) -> None:
    """The table of outputs has the keys of the metadata, in their order."""
    (section,) = re.findall(r"## Outputs\n(.*?)\n## ", DEPLOY, re.DOTALL)
    documented = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert all(f'\\"{key}\\":' in json.dumps(template["Outputs"]) for key in documented)
    assert len(documented) == 5


def test_every_other_output_is_named(template: dict[str, dict[str, object]]) -> None:
    """What the stack gives out beside the metadata is named below the table; what the CDK adds of its own is not."""
    (section,) = re.findall(r"## Outputs\n(.*?)\n## ", DEPLOY, re.DOTALL)
    assert set(re.findall(r"output `(\w+)`|and `(\w+)` the", section[section.index("The output ") :])) == {
        ("Dashboard", ""),
        ("", "ApprovalTable"),
    }
    assert set(template["Outputs"]) == {"metadata", "Dashboard", "ApprovalTable"}


def test_every_parameter_is_in_the_table() -> None:
    """The table of parameters has each that the settings ask for, and no other."""
    asked: list[str] = []

    def context(name: str) -> str | None:
        asked.append(name)
        return {"schedule": "0 6 * * ? *"}.get(name)

    read_settings(context, {})
    (section,) = re.findall(r"## Parameters\n(.*?)\n## ", DEPLOY, re.DOTALL)
    cells = re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE)
    documented = [name for cell in cells for name in re.findall(r"`([\w-]+)`", cell)]
    assert sorted(documented) == sorted(set(asked))
    assert len(documented) == len(set(documented))


def test_sample_event_is_the_promised_one() -> None:
    """The sample event in docs/deploy.md has the shape that the Lambda takes."""
    (event,) = re.findall(r"```json\n(.*?)```", DEPLOY, re.DOTALL)
    assert json.loads(event) == {"config": {"bucket": "mlops-bucket", "prefix": "demo/scripts/input.yaml"}}


@pytest.mark.parametrize("target", re.findall(r"make (\w+)", README))
def test_make_targets_exist(target: str) -> None:
    """Every make target that the README names is one of the Makefile's."""
    assert re.search(rf"^{target}:", (PROJECT / "Makefile").read_text(), re.MULTILINE)


def test_figures_of_the_data_are_right() -> None:
    """The number of records is that of the data's licence note."""
    (records,) = re.findall(r"the ([\d,]+) records", (PROJECT / "data" / "README.md").read_text())
    assert records in README
    assert records in (PROJECT / "docs" / "local.md").read_text()


DOCUMENTS = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    """Each link to a file of the project leads to a file, and its anchor to a heading there."""
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", document.read_text()):
        name, _, anchor = target.partition("#")
        file = document.parent / name if name else document
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
            slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert anchor in slugs, target


def test_picture_of_the_layout_is_drawn_from_the_imports() -> None:
    """The picture in docs/architecture.md is what `python docs/architecture.py` prints, and no arrow runs back up."""
    text = (PROJECT / "docs" / "architecture.md").read_text()
    drawn = subprocess.run(
        [sys.executable, PROJECT / "docs" / "architecture.py"], capture_output=True, text=True, check=False
    )
    assert drawn.returncode == 0, drawn.stderr
    assert f"```mermaid\n{drawn.stdout}```" in text
