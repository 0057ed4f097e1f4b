"""Makes the packages of the shipped scripts' image importable: the tests' own environment has no numpy."""

import sys
from dataclasses import replace

from pipeline.images import DEFAULT_VERSION, REPOSITORY
from sagemaker_local.environments import Environments
from sagemaker_local.images import Images

IMAGE = Environments().get(replace(Images().find(f"{REPOSITORY}:{DEFAULT_VERSION}"), python=None))
"""The image's packages for the Python that runs the tests."""
sys.path.append(str(IMAGE.site_packages))
