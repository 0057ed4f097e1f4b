import json
import re
from pathlib import Path

import botocore

from pipeline.images import ACCOUNTS, image_uri, xgboost_image_uri


def test_address_of_the_documented_example() -> None:
    """The image of us-east-1 is the one that the module's description names."""
    uri = image_uri(account=ACCOUNTS["us-east-1"], region="us-east-1", url_suffix="amazonaws.com")
    assert uri == "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


def test_address_of_xgboost() -> None:
    """XGBoost's image lies in the same account; its tag is the version alone."""
    uri = xgboost_image_uri(account=ACCOUNTS["us-east-1"], region="us-east-1", url_suffix="amazonaws.com")
    assert uri == "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"


def test_every_region_is_one_of_aws() -> None:
    """Every region is in AWS's own list, and every account has 12 digits."""
    endpoints = json.loads(Path(botocore.__file__).with_name("data").joinpath("endpoints.json").read_text())
    regions = {region for partition in endpoints["partitions"] for region in partition["regions"]}
    assert ACCOUNTS.keys() <= regions
    assert all(re.fullmatch(r"\d{12}", account) for account in ACCOUNTS.values())
