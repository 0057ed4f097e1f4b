"""Publishes reports on executions: an EventBridge rule on their ends, and the function that writes the pages."""

from collections.abc import Iterable

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infrastructure.dead_letters import DeadLetters
from infrastructure.function import python_function
from infrastructure.permissions import executions_of, key_statements
from infrastructure.rule import ends_of, function_rule
from infrastructure.sagemaker_role import data_bucket_arns
from pipeline.input import PUBLISH_REPORT
from pipeline.places import PUBLISHED, REPORTS, SCRIPTS

REPORTER_CONTENTS = ("lambda/reporter", "report", "executions", "pipeline", "pipeline/commit.py", "pyproject.toml")
"""The function's archive; the report names the scripts' commit, and the module's version, which ``pyproject.toml`` has.
"""

PACKAGES = ("Jinja2", "MarkupSafe")
"""The packages that the function imports in addition to the runtime's boto3."""


class Reporter(Construct):
    """The function with its role, and the EventBridge rule.

    Args:
        scope: as for every construct.
        construct_id: as for every construct.
        bucket: the pipeline's bucket.
        state_machine_arn: the pipeline's.
        model_name: the prefix of the pipeline's objects, and part of its jobs' names.
        data_buckets: names of further buckets that jobs read.
        dead_letters: takes the events that could not be delivered or handled.
        key: the deployment's KMS key.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket: s3.IBucket,
        state_machine_arn: str,
        model_name: str,
        data_buckets: Iterable[str],
        dead_letters: DeadLetters,
        key: kms.IKey | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        prefix = f"{model_name}/{REPORTS}"
        self.function = python_function(
            self,
            *REPORTER_CONTENTS,
            packages=PACKAGES,
            role_description="Publishes reports on executions",
            key=key,
            description="Publishes the reports on executions that ask for it, and the index of all runs",
            # It reads up to 100 executions, with the curves in their evaluation reports.
            timeout=cdk.Duration.minutes(4),
            memory_size=1024,
            environment={
                "STATE_MACHINE_ARN": state_machine_arn,
                "BUCKET": bucket.bucket_name,
                "PREFIX": prefix,
            },
        )
        for statement in (
            iam.PolicyStatement(actions=["states:ListExecutions"], resources=[state_machine_arn]),
            iam.PolicyStatement(
                actions=["states:DescribeExecution", "states:GetExecutionHistory"],
                resources=[executions_of(state_machine_arn, stack)],
            ),
            iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket.bucket_arn]),
            iam.PolicyStatement(
                actions=["s3:ListBucketVersions"],
                resources=[bucket.bucket_arn, *data_bucket_arns(stack, data_buckets)],
            ),
            iam.PolicyStatement(actions=["s3:GetObject"], resources=[bucket.arn_for_objects(f"{model_name}/*")]),
            # The record of the scripts in the version that was current when an execution started.
            iam.PolicyStatement(
                actions=["s3:GetObjectVersion"],
                resources=[bucket.arn_for_objects(f"{model_name}/{SCRIPTS}{PUBLISHED}")],
            ),
            iam.PolicyStatement(actions=["s3:PutObject"], resources=[bucket.arn_for_objects(f"{prefix}*")]),
            *self._logs(model_name, stack),
            *key_statements(key, "Decrypt", "GenerateDataKey", via="s3", stack=stack),
        ):
            self.function.add_to_role_policy(statement)
        dead_letters.take_failures_of(self.function)
        # Most executions do not ask for it. A large input is not in the event: the function looks.
        # https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
        asked = [{"input": [{"wildcard": f'*"{PUBLISH_REPORT}"*'}]}, {"inputDetails": {"included": [False]}}]
        function_rule(
            self,
            "Rule",
            self.function,
            dead_letters,
            target="Reporter",
            description="Ended executions of the pipeline whose report is to be published",
            event_pattern=ends_of(state_machine_arn, "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", **{"$or": asked}),
        )

    def _logs(self, model_name: str, stack: cdk.Stack) -> list[iam.PolicyStatement]:
        """The log of a failed job: a stream's name begins with the job's, which has the model's in it."""

        def arn(stream: str) -> str:
            return stack.format_arn(
                service="logs",
                resource="log-group",
                resource_name=f"/aws/sagemaker/*Jobs:{stream}",
                arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
            )

        names = (f"*-{model_name}-*", f"{model_name}-*")
        return [
            iam.PolicyStatement(actions=["logs:DescribeLogStreams"], resources=[arn("*")]),
            iam.PolicyStatement(actions=["logs:GetLogEvents"], resources=[arn(f"log-stream:{name}") for name in names]),
        ]
