"""Decides on new models: the gate function, which also preserves what it judges, and the table of open requests."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infrastructure.function import python_function
from infrastructure.permissions import executions_of, key_statements
from infrastructure.table import own_table
from pipeline.asl.timeouts import KEEP_TIMEOUT
from pipeline.places import REGISTERED

GATE_CONTENTS = ("lambda/gate", *(f"pipeline/{module}.py" for module in ("limits", "numbers", "places")))
"""The function's archive. It starts cold in nearly every execution, so it has few modules, which import no packages."""


class Approval(Construct):
    """The function that judges a model by its report, and the table of open approval requests.

    The table's key is ``execution``, the execution's name; items expire at ``expires``, in seconds since the epoch.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, bucket: s3.IBucket, model_name: str, key: kms.IKey | None = None
    ) -> None:
        super().__init__(scope, construct_id)
        self._key = key
        self.function = python_function(
            self,
            *GATE_CONTENTS,
            role_description="Runs the function that judges models",
            key=key,
            description="Judges a model by its evaluation report before it is approved",
            # S3 copies a registered model at a few hundred megabytes per second.
            timeout=cdk.Duration.seconds(KEEP_TIMEOUT),
            memory_size=1024,
            environment={"BUCKET": bucket.bucket_name, "MODEL_PREFIX": f"{model_name}/"},
        )
        for statement in (
            iam.PolicyStatement(actions=["s3:GetObject"], resources=[bucket.arn_for_objects("*")]),
            # Without ListBucket, S3 answers 403 instead of 404 for a missing key, which would be misleading.
            iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket.bucket_arn]),
            iam.PolicyStatement(
                actions=["s3:PutObject", "s3:AbortMultipartUpload"],
                resources=[bucket.arn_for_objects(f"{model_name}/{REGISTERED}*")],
            ),
            *key_statements(key, "Decrypt", "GenerateDataKey", via="s3", stack=cdk.Stack.of(self)),
        ):
            self.function.add_to_role_policy(statement)
        # Task tokens are useless once their execution has ended, so deleting the table loses nothing.
        self.table = own_table(self, "Requests", partition_key="execution", expires="expires", key=key)

    def approvers(self, state_machine_arn: str) -> iam.ManagedPolicy:
        """Creates the policy for approvers, to be attached to their role or group.

        Args:
            state_machine_arn: the pipeline's; not yet known when this construct is created.
        """
        stack = cdk.Stack.of(self)
        return iam.ManagedPolicy(
            self,
            "Approvers",
            description="May approve or reject the models of the pipeline",
            statements=[
                iam.PolicyStatement(
                    actions=["dynamodb:GetItem", "dynamodb:UpdateItem"], resources=[self.table.table_arn]
                ),
                # This action supports no resources; the token, found only in the table, identifies the execution:
                # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html
                iam.PolicyStatement(actions=["states:SendTaskSuccess"], resources=["*"]),
                iam.PolicyStatement(
                    actions=["states:DescribeExecution"], resources=[executions_of(state_machine_arn, stack)]
                ),
                # To find the table and the state machine in the stack's outputs, by the stack's name or its id.
                iam.PolicyStatement(
                    actions=["cloudformation:DescribeStacks"],
                    resources=[
                        stack.format_arn(
                            service="cloudformation", resource="stack", resource_name=f"{stack.stack_name}/*"
                        )
                    ],
                ),
                *key_statements(self._key, "Decrypt", via="dynamodb", stack=stack),
            ],
        )
