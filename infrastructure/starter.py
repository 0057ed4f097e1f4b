"""Starts the pipeline: the Lambda function that reads ``input.yaml``, and the rules that invoke it."""

import json
from collections.abc import Iterable
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infrastructure.dead_letters import DeadLetters
from infrastructure.function import python_function
from infrastructure.image import Images
from infrastructure.monitoring import METRICS_NAMESPACE
from infrastructure.permissions import key_statements
from infrastructure.reuse import Reuse
from infrastructure.rule import function_rule
from infrastructure.sagemaker_role import data_bucket_arns
from pipeline.bundle import INPUT_FILE
from pipeline.monitoring_run import MONITORING_ONLY
from pipeline.places import SCRIPTS
from pipeline.retraining import DETAIL_TYPE, OVERRIDES, SOURCE

PACKAGES = ("aws-lambda-powertools", "jmespath", "typing_extensions", "PyYAML")
"""The packages that the function imports in addition to the runtime's boto3, with their dependencies."""


class Starter(Construct):
    """The function with its role, and EventBridge's rules."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket: s3.IBucket,
        state_machine_arn: str,
        sagemaker_role_arn: str,
        images: Images,
        reuse: Reuse,
        data_buckets: Iterable[str] = (),
        model_name: str,
        schedule: str,
        schedule_enabled: bool,
        monitoring_schedule: str | None,
        dead_letters: DeadLetters,
        key: kms.IKey | None = None,
        in_vpc: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        self.service = f"{cdk.Stack.of(self).stack_name}-starter"
        """The dimension of the function's own metrics, unique to this deployment."""
        self.function = python_function(
            self,
            "lambda/starter",
            "pipeline",
            packages=PACKAGES,
            role_description="Runs the function that starts the pipeline",
            key=key,
            description="Reads input.yaml and starts an execution of the pipeline",
            timeout=cdk.Duration.seconds(60),
            memory_size=512,
            environment={
                "STATE_MACHINE_ARN": state_machine_arn,
                "MLOPS_BUCKET": bucket.bucket_name,
                "MODEL_NAME": model_name,
                "SAGEMAKER_EXECUTION_ROLE": sagemaker_role_arn,
                "IMAGE_URI": images.sklearn_uri,
                "XGBOOST_IMAGE_URI": images.xgboost_uri,
                "IN_VPC": json.dumps(in_vpc),
                "RECORDS_TABLE": reuse.table.table_name,
                "POWERTOOLS_SERVICE_NAME": self.service,
                "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
            },
        )
        for statement in (
            iam.PolicyStatement(actions=["s3:GetObject"], resources=[bucket.arn_for_objects("*")]),
            # Without ListBucket, S3 answers 403 instead of 404 for a missing key, which would be misleading.
            iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket.bucket_arn]),
            iam.PolicyStatement(actions=["states:StartExecution"], resources=[state_machine_arn]),
            *key_statements(key, "Decrypt", via="s3", stack=cdk.Stack.of(self)),
            *reuse.lookups(data_bucket_arns(cdk.Stack.of(self), data_buckets)),
        ):
            self.function.add_to_role_policy(statement)
        dead_letters.take_failures_of(self.function)
        state = "ENABLED" if schedule_enabled else "DISABLED"
        config = {"bucket": bucket.bucket_name, "prefix": f"{model_name}/{SCRIPTS}{INPUT_FILE}"}
        # The event's ID names the execution, so that a duplicate delivery starts no second execution.
        event = f'"config": {json.dumps(config)}, "id": <id>'
        self._rule(
            "Schedule",
            dead_letters,
            paths={"id": "$.id"},
            template=f"{{{event}}}",
            description="Starts the pipeline",
            schedule_expression=f"cron({schedule})",
            state=state,
        )
        if monitoring_schedule:
            self._rule(
                "MonitoringSchedule",
                dead_letters,
                paths={"id": "$.id"},
                template=f'{{{event}, "overrides": {json.dumps(MONITORING_ONLY)}}}',
                description="Monitors what the version in service has scored",
                schedule_expression=f"cron({monitoring_schedule})",
                state=state,
            )
        overrides = json.dumps(OVERRIDES)[:-1] + ', "reason": <reason>}'
        self._rule(
            "Retraining",
            dead_letters,
            paths={"id": "$.detail.id", "reason": "$.detail.reason"},
            template=f'{{{event}, "overrides": {overrides}}}',
            description="Starts the pipeline when its model has drifted",
            event_pattern={
                "source": [SOURCE],
                "detail-type": [DETAIL_TYPE],
                "detail": {"state_machine": [state_machine_arn]},
            },
            state=state,
        )

    def _rule(
        self, name: str, dead_letters: DeadLetters, *, paths: dict[str, str], template: str, **properties: Any
    ) -> None:
        """Creates a rule that invokes the function.

        Args:
            name: the construct's ID.
            dead_letters: takes the events that cannot be delivered.
            paths: JSON paths in the event by the names that the template has for them.
            template: the event that the function gets.
            properties: further arguments of ``function_rule``.
        """
        function_rule(
            self,
            name,
            self.function,
            dead_letters,
            target="Starter",
            input_transformer=events.CfnRule.InputTransformerProperty(input_paths_map=paths, input_template=template),
            **properties,
        )
