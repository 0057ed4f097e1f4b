"""cdk-nag, checkov, parliament, cloudsplaining and cfn-lint find nothing that is not accepted with a reason."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from settings import read_settings
from tests.audit.accepted import CDK_NAG, CHECKOV, CLOUDSPLAINING, PARAMETERS, PARLIAMENT
from tests.conftest import SCHEDULE
from tests.policies.evaluator import Policies
from tests.policies.references import ACCOUNT, REGION
from tests.policies.roles import ROLES

PROJECT = Path(__file__).parent.parent.parent
TOOLS = PROJECT / ".venv" / "audit" / "bin"
TEMPLATE = "mlops-demo.template.json"

Findings = set[tuple[str, str]]


def audited(tool: str, *arguments: str, given: str = "", codes: tuple[int, ...] = (0,)) -> Any:
    """Runs a tool of the audit environment and parses its JSON output."""
    path = TOOLS / tool
    assert path.exists(), f"{path} is missing; make test sets it up"
    done = subprocess.run([str(path), *arguments], input=given, capture_output=True, text=True, check=False)
    assert done.returncode in codes, done.stderr
    return json.loads(done.stdout)


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


def test_checkov_finds_only_what_is_accepted(assembly: Path, full_assembly: Path) -> None:
    """Only accepted checks fail, with the defaults or with every parameter."""
    files = [f"--file={folder / TEMPLATE}" for folder in (assembly, full_assembly)]
    reports = audited(
        "checkov", *files, "--framework=cloudformation", "--output=json", "--quiet", "--skip-download", codes=(1,)
    )
    failed = reports["results"]["failed_checks"]
    found: Findings = {(check["resource"].partition(".")[2], check["check_id"]) for check in failed}
    assert found == set(CHECKOV)


def test_cfn_lint_accepts_it(assembly: Path, full_assembly: Path) -> None:
    """cfn-lint finds no errors or warnings, except for the CDK's redundant dependencies (W3005)."""
    files = [str(folder / TEMPLATE) for folder in (assembly, full_assembly)]
    command = ["cfn-lint", "--regions", REGION, "--ignore-checks", "W3005", "--template", *files]
    lint = subprocess.run(command, capture_output=True, text=True, check=False)
    assert lint.returncode == 0, lint.stdout + lint.stderr


def test_policies_have_only_accepted_findings(template: dict[str, Any], full_template: dict[str, Any]) -> None:
    """Parliament and cloudsplaining find only accepted issues in the roles' policies."""
    found: dict[str, Findings] = {"parliament": set(), "cloudsplaining": set()}
    for content in (template, full_template):
        documents = {}
        for role in (*ROLES, "WorkflowRole"):
            statements = [
                each for document in Policies.of_template(content, role).documents for each in document["Statement"]
            ]
            documents[role] = {"Version": "2012-10-17", "Statement": statements}
        said = audited("python", str(PROJECT / "tests" / "audit" / "policies.py"), given=json.dumps(documents))
        for tool, findings in said.items():
            found[tool] |= {(role, what) for role, what in findings}
    assert found == {"parliament": set(PARLIAMENT), "cloudsplaining": set(CLOUDSPLAINING)}


def test_every_acceptance_has_a_reason() -> None:
    """Every accepted finding has a reason, a full sentence."""
    for accepted in (CDK_NAG, CHECKOV, PARLIAMENT, CLOUDSPLAINING):
        assert all(len(reason) > 30 and " " in reason for reason in accepted.values())
