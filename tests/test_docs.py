"""README and docs say what is so."""

import json
import re
from pathlib import Path

import pytest

from docs.tables import DOCUMENTS, document
from settings import PARAMETERS, read_settings

PROJECT = Path(__file__).parent.parent
README = (PROJECT / "README.md").read_text()
DEPLOY = (PROJECT / "docs" / "deploy.md").read_text()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_tables_are_up_to_date(name: str) -> None:
    """`make docs` would change nothing."""
    assert (PROJECT / name).read_text() == document(name)


def test_every_output_is_documented(template: dict[str, dict[str, object]]) -> None:
    """The table of outputs, made of OUTPUTS and METADATA, has each output of the stack and each key of its metadata."""
    from stack import METADATA, OUTPUTS  # noqa: PLC0415 - slow to import

    assert set(template["Outputs"]) == set(OUTPUTS)
    assert set(re.findall(r'\\"(\w+)\\":', json.dumps(template["Outputs"]["metadata"]))) == set(METADATA)


def test_every_parameter_is_read() -> None:
    """The table of parameters, made of PARAMETERS, has each that the settings read, and no other."""
    read: set[str] = set()

    def context(name: str) -> str | None:
        read.add(name)
        return {"schedule": "0 6 * * ? *"}.get(name)

    read_settings(context, {})
    assert read == set(PARAMETERS)


def test_sample_event_is_the_promised_one() -> None:
    """The sample event in docs/deploy.md has the shape that the Lambda takes."""
    (event,) = re.findall(r"```json\n(.*?)```", DEPLOY, re.DOTALL)
    assert json.loads(event) == {"config": {"bucket": "mlops-bucket", "prefix": "demo/scripts/input.yaml"}}


@pytest.mark.parametrize("target", re.findall(r"make ([\w-]+)", README))
def test_make_targets_exist(target: str) -> None:
    """Every make target that the README names is one of the Makefile's."""
    assert re.search(rf"^{target}:", (PROJECT / "Makefile").read_text(), re.MULTILINE)


def test_figures_of_the_data_are_right() -> None:
    """The number of records is that of the data's licence note."""
    (records,) = re.findall(r"the ([\d,]+) records", (PROJECT / "data" / "README.md").read_text())
    assert records in README
    assert records in (PROJECT / "docs" / "local.md").read_text()


PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Each link to a file of the project leads to a file, and its anchor to a heading there."""
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
            slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert anchor in slugs, target
