"""cdk-nag, checkov, parliament, cloudsplaining and cfn-lint find nothing that is not accepted with a reason."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from settings import read_settings
from tests.audit.accepted import CDK_NAG, CHECKOV, CLOUDSPLAINING, PARAMETERS, PARLIAMENT, Accepted
from tests.conftest import SCHEDULE
from tests.policies.evaluator import Policies
from tests.policies.references import ACCOUNT, REGION
from tests.policies.roles import ROLES

PROJECT = Path(__file__).parent.parent.parent
PYTHON = PROJECT / ".venv" / "audit" / "bin" / "python"
TEMPLATE = "mlops-demo.template.json"

Findings = set[tuple[str, str]]


@pytest.fixture(scope="module")
def audited(assembly: Path, full_assembly: Path) -> dict[str, Findings]:
    """What each tool of the audit environment finds, with the defaults or with every parameter."""
    assert PYTHON.exists(), f"{PYTHON} is missing; make test sets it up"
    files = [str(folder / TEMPLATE) for folder in (assembly, full_assembly)]
    policies = [role_policies(json.loads(Path(file).read_text())) for file in files]
    done = subprocess.run(
        [str(PYTHON), str(PROJECT / "tests" / "audit" / "tools.py")],
        input=json.dumps({"templates": files, "policies": policies}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {tool: {(resource, what) for resource, what in found} for tool, found in json.loads(done.stdout).items()}


def role_policies(template: dict[str, Any]) -> dict[str, Any]:
    """The statements of each role, as one policy document."""
    documents = {}
    for role in (*ROLES, "WorkflowRole"):
        statements = [
            each for document in Policies.of_template(template, role).documents for each in document["Statement"]
        ]
        documents[role] = {"Version": "2012-10-17", "Statement": statements}
    return documents


def nagged(folder: Path, parameters: dict[str, str]) -> Findings:
    """Synthesises the stack with these parameters into a folder; returns AwsSolutions' findings."""
    import aws_cdk as cdk  # noqa: PLC0415 - slow to import
    from cdk_nag import AwsSolutionsChecks  # noqa: PLC0415 - as above

    from stack import MlOpsStack  # noqa: PLC0415 - as above

    context = json.loads((PROJECT / "cdk.json").read_text())["context"]
    app = cdk.App(outdir=str(folder), context=context)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    settings = read_settings(({"schedule": SCHEDULE} | parameters).get, {})
    MlOpsStack(app, "mlops-demo", settings=settings, env=cdk.Environment(account=ACCOUNT, region=REGION))
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    report = json.loads((folder / "validation-report.json").read_text())
    return {
        (construct["constructPath"].removeprefix("mlops-demo/"), violation["ruleName"])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    }


def test_cdk_nag_finds_only_what_is_accepted(tmp_path: Path, assembly: Path) -> None:
    """AwsSolutions finds nothing new, with the defaults or every parameter, and still finds all that is accepted.

    What it looks at is another synthesis of the same sources, so it must be the same template, assets' hashes included.
    """
    found = nagged(tmp_path / "defaults", {}) | nagged(tmp_path / "every parameter", PARAMETERS)
    assert found == set(CDK_NAG)
    assert (tmp_path / "defaults" / TEMPLATE).read_text() == (assembly / TEMPLATE).read_text()


@pytest.mark.parametrize(
    ("tool", "accepted"),
    [("checkov", CHECKOV), ("parliament", PARLIAMENT), ("cloudsplaining", CLOUDSPLAINING)],
    ids=["checkov", "parliament", "cloudsplaining"],
)
def test_tool_finds_only_what_is_accepted(tool: str, accepted: Accepted, audited: dict[str, Findings]) -> None:
    """Only accepted findings, in the template or in the roles' policies, and all of these."""
    assert audited[tool] == set(accepted)


def test_cfn_lint_accepts_it(assembly: Path, full_assembly: Path) -> None:
    """cfn-lint finds no errors or warnings, except for the CDK's redundant dependencies (W3005)."""
    files = [str(folder / TEMPLATE) for folder in (assembly, full_assembly)]
    command = ["cfn-lint", "--regions", REGION, "--ignore-checks", "W3005", "--template", *files]
    lint = subprocess.run(command, capture_output=True, text=True, check=False)
    assert lint.returncode == 0, lint.stdout + lint.stderr


def test_every_acceptance_has_a_reason() -> None:
    """Every accepted finding has a reason, a full sentence."""
    for accepted in (CDK_NAG, CHECKOV, PARLIAMENT, CLOUDSPLAINING):
        assert all(len(reason) > 30 and " " in reason for reason in accepted.values())
