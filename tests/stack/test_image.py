"""SageMaker's images in a template that is synthesised without a region."""


def test_a_template_without_a_region_has_a_rule() -> None:
    """CloudFormation refuses it in other regions, and names the right ones, before it creates anything."""
    import aws_cdk as cdk  # noqa: PLC0415 - slow to import
    from aws_cdk.assertions import Template  # noqa: PLC0415 - slow to import

    from infrastructure.image import sagemaker_images  # noqa: PLC0415 - slow to import

    stack = cdk.Stack(cdk.App(), "Stack")
    sagemaker_images(stack, sklearn_version="1.2-1")
    template = Template.from_stack(stack).to_json()
    (assertion,) = template["Rules"]["SupportedRegion"]["Assertions"]
    regions, region = assertion["Assert"]["Fn::Contains"]
    assert region == {"Ref": "AWS::Region"}
    assert {*regions} == template["Mappings"]["SklearnImageAccounts"].keys()
    assert "eu-west-1" in regions
    assert not [each for each in regions if each.startswith("us-iso")]
    assert "eu-west-1" in assertion["AssertDescription"]
