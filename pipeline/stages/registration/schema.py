"""The JSON Schema of registration's section."""

from pipeline.stages.section_schema import Requests, Schema, section


def registration_section(requests: Requests) -> Schema:
    """CreateModelPackage's request, which the run completes."""
    given = requests.request("CreateModelPackage", optional=("InferenceSpecification.Containers",))
    return section(
        "A version of the model in the registry, which waits for its approval.",
        input=given | {"description": "Fields of SageMaker's CreateModelPackage; the run fills in the others."},
    )
