"""The lifecycle of a pipeline under the CDK CLI."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.clients.account import Account
from tests.e2e.clients.deploy_guide import DEPLOY, EVERY_DAY, commands
from tests.e2e.clients.machine import Machine

STACK = "mlops-churn"


@dataclass(frozen=True)
class CdkLifecycle:
    """Observations of the second pipeline, step by step."""

    deployment: str
    metadata: dict[str, str]
    first_objects: dict[str, str]
    ids: dict[str, str]
    no_difference: str
    objects_after_script: dict[str, str]
    difference: str
    rule: tuple[str, str]
    ids_at_the_end: dict[str, str]
    kept: set[str]
    left: set[str]
    objects_left: dict[str, str]
    left_at_last: set[str]


def lifecycle(machine: Machine, account: Account, checkout: Path) -> CdkLifecycle:
    """Runs docs/deploy.md's commands in order, each with the second pipeline's model-name.

    They deploy the pipeline, compare it, deploy it with a changed script and schedule, destroy it, and delete its
    bucket.
    """

    def cdk(lines: str) -> str:
        named = "".join(
            line if "model-name" in line else f"{line.partition('  #')[0]} -c model-name=churn\n"
            for line in lines.splitlines(keepends=False)
        )
        return machine.run(named, checkout)

    _, _, update, deploy, destroy, empty, *_ = commands(DEPLOY)
    deployment = cdk(deploy)
    metadata, ids = account.metadata(STACK), account.physical_ids(STACK)
    bucket = metadata["MlOpsBucket"]
    first_objects = account.objects(bucket)
    account.client("s3").put_object(Bucket=bucket, Key="churn/scripts/mine.txt", Body=b"mine")
    difference, redeploy = update.splitlines()
    no_difference = cdk(difference.replace('"0 7 * * ? *"', EVERY_DAY))
    with (checkout / "scripts" / "quality.py").open("a") as script:
        script.write("\n# changed\n")
    schedule_difference = cdk(difference)
    cdk(redeploy)
    objects_after_script = account.objects(bucket)
    rule, ids_at_the_end = account.rule(STACK), account.physical_ids(STACK)
    kept = resources_kept(account.client("cloudformation").get_template(StackName=STACK)["TemplateBody"])
    cdk(destroy)
    left, objects_left = account.named_after(STACK), account.objects(bucket)
    machine.run(f"{empty.rpartition(' ')[0]} {bucket}", checkout)
    return CdkLifecycle(
        deployment=deployment,
        metadata=metadata,
        first_objects=first_objects,
        ids=ids,
        no_difference=no_difference,
        objects_after_script=objects_after_script,
        difference=schedule_difference,
        rule=rule,
        ids_at_the_end=ids_at_the_end,
        kept=kept,
        left=left,
        objects_left=objects_left,
        left_at_last=account.named_after(STACK),
    )


def resources_kept(template: Any) -> set[str]:
    """The types of the resources that a template retains when the stack is deleted."""
    content = json.loads(template) if isinstance(template, str) else template
    resources = content["Resources"].values()
    return {found["Type"] for found in resources if found.get("DeletionPolicy", "Delete") != "Delete"}
