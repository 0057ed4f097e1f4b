"""What the deployment fills into the requests where the user says nothing: its network, a model's role, its key."""

import json

from pipeline.definition.resources import Resources
from pipeline.stages import CREATE_MODEL, RequestStage

_NETWORK = {"TrainingJob": "VpcConfig", "Model": "VpcConfig", "ProcessingJob": "NetworkConfig"}
"""The field for the network in the request that creates it. A transform job and an endpoint run in their model's."""

_RESULTS = {
    "TrainingJob": "OutputDataConfig",
    "ProcessingJob": "ProcessingOutputConfig",
    "TransformJob": "TransformOutput",
}
"""The field in which a request says where the results go, and which ``KmsKeyId`` encrypts them.

Without one, SageMaker takes the account's default key for S3, and not that of the bucket:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_OutputDataConfig.html
"""


def deployment_defaults(stage: RequestStage, resources: Resources) -> list[str]:
    """Expressions of objects to be merged over the request ``$given``, which they complete; none where all is AWS's.

    Args:
        stage: whose request it is.
        resources: the deployment's network, role and key.
    """
    found = []
    if stage is CREATE_MODEL:
        role = json.dumps(resources.serving_role)
        found.append(f"$exists($given.ExecutionRoleArn) ? {{}} : {{'ExecutionRoleArn': {role}}}")
    network, results = _NETWORK.get(stage.noun), _RESULTS.get(stage.noun)
    if resources.subnets and network:
        vpc = {"SecurityGroupIds": [*resources.security_groups], "Subnets": [*resources.subnets]}
        if network == "VpcConfig":
            found.append(f"$exists($given.VpcConfig) ? {{}} : {{'VpcConfig': {json.dumps(vpc)}}}")
        else:
            found.append(f"{{'{network}': $merge([{{'VpcConfig': {json.dumps(vpc)}}}, $given.{network}])}}")
    if resources.key and results:
        key = json.dumps(resources.key)
        found.append(
            f"$exists($given.{results}) ? {{'{results}': $merge([{{'KmsKeyId': {key}}}, $given.{results}])}} : {{}}"
        )
    return found
