"""Runs the checks of an account concurrently, and reads what they share once."""

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from doctor import deployment
from doctor.account import Caller, bootstrap, caller, credentials
from doctor.cost import PRICING_REGION, cost
from doctor.data import data, data_of
from doctor.images import images, images_of
from doctor.input_file import InputFile, bucket_file, folder_file, input_file
from doctor.instances import instances_of
from doctor.network import network
from doctor.permissions import Own, permissions
from doctor.quotas import quotas
from doctor.result import Result, UnavailableError, failure, skipped
from doctor.stack import stack as stack_check
from doctor.subscription import subscription
from executions.aws import Aws
from executions.defaults import PROJECT
from executions.errors import explained
from pipeline.bundle import INPUT_FILE
from pipeline.images import ACCOUNTS, REPOSITORY
from pipeline.places import SCRIPTS

CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
"""For the clients: a service that does not answer is skipped after some seconds."""

_SHIPPED = f"{SCRIPTS}{INPUT_FILE}"
_READERS = 8
_CHECKS = 12

Check = Callable[[], list[Result]]
Client = Callable[..., Any]


def examine(aws: Aws, *, stack: str | None, scripts: Path | None = None) -> list[Result]:
    """Checks the account, the deployment and what the next run would use.

    Args:
        aws: makes clients with :data:`CONFIG`.
        stack: the stack's name; None for the default.
        scripts: the user's folder with ``input.yaml``; None for the module's.

    Returns:
        The results of all checks, in a fixed order.
    """
    client = _shared(aws.client)
    try:
        who = caller(client("sts"))
    except (ClientError, BotoCoreError) as error:
        return [failure("credentials", explained(error), "aws sts get-caller-identity must succeed first")]
    with ExitStack() as pools:
        readers = pools.enter_context(ThreadPoolExecutor(max_workers=_READERS))
        checks = pools.enter_context(ThreadPoolExecutor(max_workers=_CHECKS))
        facts = Facts.read(readers, aws, client, who=who, stack=stack, scripts=scripts)
        running = [checks.submit(attempt, name, check) for name, check in _checks(client, who, facts).items()]
        return [result for future in running for result in future.result()]


def attempt(name: str, check: Check) -> list[Result]:
    """Runs a check; it is skipped if AWS does not allow it, or something that it needs is missing."""
    try:
        return check()
    except UnavailableError as error:
        return [skipped(name, str(error))]
    except (ClientError, BotoCoreError) as error:
        return [skipped(name, explained(error))]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the checks share. Each is read once, in the background; its ``result()`` raises what the reading raised."""

    described: "Future[dict[str, Any]]"
    machine: "Future[deployment.Machine]"
    resources: "Future[deployment.Resources]"
    bucket: "Future[InputFile]"
    """The ``input.yaml`` in the deployment's bucket."""
    folder: "Future[InputFile]"
    """The ``input.yaml`` in the user's folder, or in the checkout."""

    @classmethod
    def read(
        cls, pool: ThreadPoolExecutor, aws: Aws, client: Client, *, who: Caller, stack: str | None, scripts: Path | None
    ) -> "Facts":
        """Starts reading. A reader waits only for those that were submitted before it."""
        described = pool.submit(lambda: deployment.read_stack(_of(aws, client), stack))
        outputs = pool.submit(lambda: deployment.outputs_of(described.result()))
        tokens = pool.submit(lambda: deployment.read_tokens(client("lambda"), outputs.result(), who=who))

        def bucket() -> InputFile:
            values = tokens.result()
            key = f"{values['MODEL_NAME']}/{_SHIPPED}"
            return bucket_file(client("s3"), bucket=outputs.result().bucket, key=key, tokens=values)

        def folder() -> InputFile:
            try:
                values = tokens.result()
            except (UnavailableError, ClientError, BotoCoreError):
                model_name = (stack or aws.default_stack).removeprefix("mlops-")
                values = deployment.expected_tokens(who, model_name=model_name)
            file = scripts / INPUT_FILE if scripts else PROJECT / _SHIPPED
            return folder_file(file, shown=os.path.relpath(file) if scripts else _SHIPPED, tokens=values)

        return cls(
            described=described,
            machine=pool.submit(lambda: deployment.read_machine(client("stepfunctions"), outputs.result())),
            resources=pool.submit(lambda: deployment.read_resources(client("cloudformation"), outputs.result())),
            bucket=pool.submit(bucket),
            folder=pool.submit(folder),
        )

    @property
    def is_deployed(self) -> bool:
        """Whether there is a stack, as far as is known."""
        return self.described.exception() is None

    @property
    def file(self) -> InputFile:
        """The ``input.yaml`` that an execution would use: the bucket's, or, before the first deployment, the folder's.

        Raises:
            UnavailableError: neither can be read.
        """
        try:
            return self.bucket.result()
        except (UnavailableError, ClientError, BotoCoreError):
            return self.folder.result()


def _checks(client: Client, who: Caller, facts: Facts) -> dict[str, Check]:
    """The checks by name, in the order in which they are shown."""

    def content() -> dict[str, Any]:
        return facts.file.execution().content

    return {
        "credentials": lambda: credentials(who),
        "bootstrap": lambda: bootstrap(client("ssm"), who=who),
        "stack": lambda: _stack(client, facts),
        "permissions": lambda: _permissions(client, who, facts),
        "input.yaml": lambda: input_file(facts.file, folder=_other(facts)),
        "image": lambda: images(client("ecr"), images_of(content()), who=who),
        "data": lambda: _data(client, who, facts),
        "network": lambda: _network(client, who, facts),
        "quotas": lambda: quotas(client("service-quotas"), instances_of(content())),
        "failures": lambda: subscription(
            client("sns"), facts.resources.result().find("AWS::SNS::Topic", "Notifications")
        ),
        "cost": lambda: cost(client("pricing", region_name=PRICING_REGION), instances_of(content()), region=who.region),
    }


def _stack(client: Client, facts: Facts) -> list[Result]:
    try:
        described = facts.described.result()
    except UnavailableError as error:
        return [failure("stack", str(error), "npx cdk deploy (docs/deploy.md), or name another: --stack NAME")]
    return stack_check(client("cloudformation"), described=described)


def _permissions(client: Client, who: Caller, facts: Facts) -> list[Result]:
    resources = facts.resources.result()
    bucket = deployment.outputs_of(facts.described.result()).bucket
    own = Own(
        gate=who.service_arn("lambda", f"function:{resources.find('AWS::Lambda::Function', 'Approval')}"),
        monitor=who.service_arn("lambda", f"function:{resources.find('AWS::Lambda::Function', 'Monitor')}"),
        topic=resources.find("AWS::SNS::Topic", "Notifications"),
        approvals=who.service_arn("dynamodb", f"table/{resources.find('AWS::DynamoDB::Table', 'Approval')}"),
        records=who.service_arn("dynamodb", f"table/{resources.find('AWS::DynamoDB::Table', 'Reuse')}"),
        objects=f"arn:{who.partition}:s3:::{bucket}/*",
        images=f"arn:{who.partition}:ecr:{who.region}:{ACCOUNTS[who.region]}:repository/{REPOSITORY}",
        passed=(resources.role("SageMaker", who), resources.role("Serving", who)),
    )
    model_name = facts.folder.result().tokens["MODEL_NAME"]
    return permissions(client("iam"), machine=facts.machine.result(), own=own, model_name=model_name, who=who)


def _data(client: Client, who: Caller, facts: Facts) -> list[Result]:
    file = facts.file
    execution = file.execution()
    return data(
        client("s3"),
        client("iam"),
        data_of(execution.content, execution=execution.name),
        role=facts.resources.result().role("SageMaker", who) if facts.is_deployed else None,
        own_bucket=file.tokens["MLOPS_BUCKET"],
        who=who,
    )


def _network(client: Client, who: Caller, facts: Facts) -> list[Result]:
    content = facts.file.execution().content
    subnets = [*facts.machine.result().subnets, *deployment.subnets_in(content)]
    serves = bool((content.get("deployment") or {}).get("run"))
    return network(client("ec2"), subnets, region=who.region, serves=serves)


def _other(facts: Facts) -> InputFile | None:
    """The folder's file, to compare the bucket's with; None if only the folder's can be read."""
    return None if facts.bucket.exception() else facts.folder.result()


def _of(aws: Aws, client: Client) -> Aws:
    return Aws(client=client, default_stack=aws.default_stack, where=aws.where)


def _shared(make: Client) -> Client:
    """Makes clients one at a time, since boto3 cannot make them in several threads, and keeps them."""
    lock = Lock()
    made: dict[tuple[str, str | None], Any] = {}

    def client(service: str, region_name: str | None = None) -> Any:
        with lock:
            if (service, region_name) not in made:
                options = {"region_name": region_name} if region_name else {}
                made[service, region_name] = make(service, **options)
            return made[service, region_name]

    return client
