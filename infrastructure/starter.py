"""Starts the pipeline: the Lambda function that reads ``input.yaml``, and the schedule that invokes it."""

import json
from collections.abc import Iterable

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infrastructure.dead_letters import DeadLetters
from infrastructure.function import python_function
from infrastructure.image import Images
from infrastructure.monitoring import METRICS_NAMESPACE
from infrastructure.permissions import key_statements
from infrastructure.reuse import Reuse
from infrastructure.sagemaker_role import data_bucket_arns
from pipeline.bundle import INPUT_FILE
from pipeline.places import SCRIPTS

PACKAGES = ("aws-lambda-powertools", "jmespath", "typing_extensions", "PyYAML")
"""The packages that the function imports in addition to the runtime's boto3, with their dependencies."""


class Starter(Construct):
    """The function with its role, and the EventBridge rule."""

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
        rule = self._schedule(
            schedule,
            enabled=schedule_enabled,
            dead_letters=dead_letters,
            config={"bucket": bucket.bucket_name, "prefix": f"{model_name}/{SCRIPTS}{INPUT_FILE}"},
        )
        dead_letters.take_from(rule)

    def _schedule(
        self, schedule: str, *, enabled: bool, dead_letters: DeadLetters, config: dict[str, str]
    ) -> events.CfnRule:
        rule = events.CfnRule(
            self,
            "Schedule",
            description="Starts the pipeline",
            schedule_expression=f"cron({schedule})",
            state="ENABLED" if enabled else "DISABLED",
            targets=[
                events.CfnRule.TargetProperty(
                    id="Starter",
                    arn=self.function.function_arn,
                    # The event's ID names the execution, so that a duplicate delivery starts no second execution.
                    input_transformer=events.CfnRule.InputTransformerProperty(
                        input_paths_map={"id": "$.id"},
                        input_template=f'{{"config": {json.dumps(config)}, "id": <id>}}',
                    ),
                    dead_letter_config=dead_letters.of_target(),
                )
            ],
        )
        lambda_.CfnPermission(
            self,
            "SchedulePermission",
            action="lambda:InvokeFunction",
            function_name=self.function.function_arn,
            principal="events.amazonaws.com",
            source_arn=rule.attr_arn,
        )
        return rule
