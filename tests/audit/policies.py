"""Prints what parliament and cloudsplaining find in the policies that come as JSON by name: runs in .venv/audit."""

import json
import sys
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # parliament's use of pkg_resources
    import parliament
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

found: dict[str, list[tuple[str, str]]] = {"parliament": [], "cloudsplaining": []}
for name, document in json.load(sys.stdin).items():
    for finding in parliament.analyze_policy_string(json.dumps(document)).findings:
        details = finding.detail if isinstance(finding.detail, list) else [finding.detail]
        for detail in details:
            what = detail["action"] if isinstance(detail, dict) else str(detail)
            found["parliament"].append((name, f"{finding.issue} {what}"))
    policy = PolicyDocument(document)
    for risk in RISKS:
        found["cloudsplaining"] += [(name, f"{risk} {what}") for what in getattr(policy, risk)]
print(json.dumps(found))  # noqa: T201 - the test reads it
