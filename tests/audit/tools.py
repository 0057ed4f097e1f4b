"""Prints what checkov, parliament and cloudsplaining find: runs in .venv/audit, once, since they are slow to import.

Standard input is a JSON object: ``templates`` has paths of templates, ``policies`` the documents of each by name.
"""

import json
import sys
import warnings
from collections.abc import Iterator

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # parliament's use of pkg_resources, and checkov's syntax
    import parliament
    from checkov.cloudformation.runner import Runner
    from checkov.runner_filter import RunnerFilter
    from cloudsplaining.scan.policy_document import PolicyDocument

RISKS = (
    "allows_privilege_escalation",
    "allows_data_exfiltration_actions",
    "permissions_management_without_constraints",
    "write_actions_without_constraints",
    "credentials_exposure",
    "service_wildcard",
    "infrastructure_modification",
)

Finding = tuple[str, str]


def checkov(templates: list[str]) -> Iterator[Finding]:
    """Each failed check of the templates' resources."""
    # Checkov's own command imports its other frameworks, too, which takes as long as both templates.
    report = Runner().run(None, files=templates, runner_filter=RunnerFilter(framework=["cloudformation"]))
    for check in report.failed_checks:
        yield check.resource.partition(".")[2], check.check_id


def parliaments(name: str, document: object) -> Iterator[Finding]:
    """What parliament finds in a policy."""
    for finding in parliament.analyze_policy_string(json.dumps(document)).findings:
        for detail in finding.detail if isinstance(finding.detail, list) else [finding.detail]:
            what = detail["action"] if isinstance(detail, dict) else str(detail)
            yield name, f"{finding.issue} {what}"


def cloudsplainings(name: str, document: object) -> Iterator[Finding]:
    """The risks that cloudsplaining finds in a policy."""
    policy = PolicyDocument(document)
    for risk in RISKS:
        yield from ((name, f"{risk} {what}") for what in getattr(policy, risk))


given = json.load(sys.stdin)
policies = [policy for of_template in given["policies"] for policy in of_template.items()]
found = {
    "checkov": list(checkov(given["templates"])),
    "parliament": [finding for policy in policies for finding in parliaments(*policy)],
    "cloudsplaining": [finding for policy in policies for finding in cloudsplainings(*policy)],
}
print(json.dumps(found))  # noqa: T201 - the test reads it
