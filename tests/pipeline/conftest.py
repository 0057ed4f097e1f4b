"""What the tests of the pipeline's facts share."""

import botocore.session
import pytest
from botocore.model import ServiceModel


@pytest.fixture(scope="session")
def sagemaker() -> ServiceModel:
    """Botocore's service model of SageMaker."""
    return botocore.session.get_session().get_service_model("sagemaker")
