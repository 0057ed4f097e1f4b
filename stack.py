"""The stack: wires the constructs and outputs what users need."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from constructs import Construct

from infrastructure.announcer import Announcer
from infrastructure.approval import Approval
from infrastructure.dead_letters import DeadLetters
from infrastructure.image import Images, sagemaker_images
from infrastructure.monitor import Monitor
from infrastructure.monitoring import Monitoring, Watched
from infrastructure.notifications import Notifications
from infrastructure.publisher import Publisher
from infrastructure.reporter import Reporter
from infrastructure.reuse import Reuse
from infrastructure.sagemaker_role import SageMakerRole
from infrastructure.starter import Starter
from infrastructure.storage import Storage
from infrastructure.workflow import Workflow
from pipeline.commit import Commit
from pipeline.places import REGISTERED, REPORTS, SCRIPTS, SERVED
from pipeline.version import version
from settings import Settings

METADATA = {
    "MlOpsBucket": "name of the bucket with the scripts, the models and the results",
    "SageMakerExecutionRole": "ARN of the role under which the jobs run",
    "ImageUri": "the SageMaker scikit-learn image of the stack's region",
    "StateMachine": "ARN of the state machine",
    "LambdaFunction": "ARN of the function that starts an execution",
}
"""The keys of the output ``metadata``, which SeedFarmer reads: the module's contract."""
OUTPUTS = {
    "metadata": "a JSON object of names and ARNs",
    "Dashboard": "link to the CloudWatch dashboard, unless `monitoring` is `false`",
    "ApprovalTable": "name of the table in which `mlops approve` and `mlops reject` find open requests",
    "KeptScripts": "the scripts that the deployment did not replace, since they were changed in the bucket; or `none`",
}
"""The stack's outputs."""


class MlOpsStack(cdk.Stack):
    """One pipeline: its bucket with the scripts, its roles, its state machine and its starter."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, **kwargs: Any) -> None:
        super().__init__(
            scope,
            construct_id,
            description="Scheduled ML pipeline on AWS Step Functions and SageMaker, driven by input.yaml "
            f"(mlops-stepfunctions {version()})",
            **kwargs,
        )
        images = sagemaker_images(self, sklearn_version=settings.image_version)
        key = kms.Key.from_key_arn(self, "Key", settings.kms_key_arn) if settings.kms_key_arn else None
        storage = Storage(
            self, "Storage", key=key, model_name=settings.model_name, keep_runs_days=settings.keep_runs_days
        )
        jobs, serving = self._sagemaker_roles(settings, storage, images, key)
        approval = Approval(self, "Approval", bucket=storage.bucket, model_name=settings.model_name, key=key)
        reuse = Reuse(self, "Reuse", model_name=settings.model_name, key=key)
        monitor = Monitor(self, "Monitor", bucket=storage.bucket, model_name=settings.model_name, key=key)
        notifications = Notifications(self, "Notifications", email=settings.notification_email, key=key)
        dead_letters = DeadLetters(self, "DeadLetters")
        workflow = Workflow(
            self,
            "Workflow",
            bucket=storage.bucket,
            jobs_role=jobs.role,
            serving_role=serving.role,
            approval=approval,
            reuse=reuse,
            monitor=monitor,
            notifications=notifications,
            model_name=settings.model_name,
            image_repositories=(*images.repository_arns, *settings.image_repository_arns),
            key=key,
            vpc=settings.vpc,
        )
        approval.approvers(workflow.state_machine_arn)
        publisher = Publisher(
            self,
            "Scripts",
            folder=settings.scripts_folder,
            commit=settings.scripts_commit or Commit.of(settings.scripts_folder),
            overwrite=settings.overwrite_scripts,
            bucket=storage.bucket,
            prefix=f"{settings.model_name}/{SCRIPTS}",
            key=key,
        )
        starter = Starter(
            self,
            "Starter",
            bucket=storage.bucket,
            state_machine_arn=workflow.state_machine_arn,
            sagemaker_role_arn=jobs.role.role_arn,
            images=images,
            reuse=reuse,
            data_buckets=settings.data_bucket_names,
            model_name=settings.model_name,
            schedule=settings.schedule,
            schedule_enabled=settings.schedule_enabled,
            monitoring_schedule=settings.monitoring_schedule,
            dead_letters=dead_letters,
            key=key,
            in_vpc=settings.vpc is not None,
        )
        announcer = Announcer(
            self,
            "Announcer",
            state_machine_arn=workflow.state_machine_arn,
            notifications=notifications,
            dead_letters=dead_letters,
            key=key,
        )
        reporter = Reporter(
            self,
            "Reporter",
            bucket=storage.bucket,
            state_machine_arn=workflow.state_machine_arn,
            model_name=settings.model_name,
            data_buckets=settings.data_bucket_names,
            dead_letters=dead_letters,
            key=key,
        )
        dashboard = {}
        if settings.monitoring:
            monitoring = Monitoring(
                self,
                "Monitoring",
                topic_arn=notifications.topic.topic_arn,
                watched=Watched(
                    state_machine_arn=workflow.state_machine_arn,
                    starter=starter.function.function_name,
                    starter_service=starter.service,
                    gate=approval.function.function_name,
                    monitor=monitor.function.function_name,
                    announcer=announcer.function.function_name,
                    reporter=reporter.function.function_name,
                    dead_letters=dead_letters.queue.queue_name,
                    log_group=workflow.log_group_name,
                    model=settings.model_name,
                ),
            )
            dashboard = {"Dashboard": monitoring.dashboard_url}
        self._outputs(
            metadata=self.to_json_string(
                {
                    "MlOpsBucket": storage.bucket.bucket_name,
                    "SageMakerExecutionRole": jobs.role.role_arn,
                    "ImageUri": images.sklearn_uri,
                    "StateMachine": workflow.state_machine_arn,
                    "LambdaFunction": starter.function.function_arn,
                }
            ),
            **dashboard,
            ApprovalTable=approval.table.table_name,
            KeptScripts=publisher.kept,
        )

    def _sagemaker_roles(
        self, settings: Settings, storage: Storage, images: Images, key: kms.IKey | None
    ) -> tuple[SageMakerRole, SageMakerRole]:
        """Creates the jobs' role and the models' role."""
        below = f"{settings.model_name}/"
        shared: dict[str, Any] = {
            "bucket": storage.bucket,
            "images": images,
            "data_buckets": settings.data_bucket_names,
            "image_repositories": settings.image_repository_arns,
            "key": key,
            "in_vpc": settings.vpc is not None,
        }
        jobs = SageMakerRole(
            self,
            "SageMaker",
            description="Runs the SageMaker jobs of the pipeline",
            writes=[below],
            protected=[below + SCRIPTS, below + REGISTERED, below + REPORTS],
            **shared,
        )
        serving = SageMakerRole(
            self,
            "Serving",
            description="Runs the SageMaker models of the pipeline",
            writes=[below + prefix for prefix in SERVED],
            **shared,
        )
        return jobs, serving

    def _outputs(self, **outputs: str) -> None:
        for name, value in outputs.items():
            cdk.CfnOutput(self, name, value=value, description=OUTPUTS[name])
