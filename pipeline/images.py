"""SageMaker's scikit-learn and XGBoost images of each region, so that nobody needs the SageMaker SDK to name them.

Source: ``sklearn.json`` and ``xgboost.json`` in ``sagemaker/core/image_uri_config`` of sagemaker-core 2.27.0 (PyPI,
2026-10-21); sagemaker 2.257.1 has the same accounts. All versions of both images are in the same accounts.
"""

REPOSITORY = "sagemaker-scikit-learn"
DEFAULT_VERSION = "1.2-1"

XGBOOST_REPOSITORY = "sagemaker-xgboost"
XGBOOST_VERSION = "3.0-5"

ACCOUNTS = {
    "af-south-1": "510948584623",
    "ap-east-1": "651117190479",
    "ap-northeast-1": "354813040037",
    "ap-northeast-2": "366743142698",
    "ap-northeast-3": "867004704886",
    "ap-south-1": "720646828776",
    "ap-south-2": "628508329040",
    "ap-southeast-1": "121021644041",
    "ap-southeast-2": "783357654285",
    "ap-southeast-3": "951798379941",
    "ap-southeast-4": "106583098589",
    "ca-central-1": "341280168497",
    "ca-west-1": "190319476487",
    "cn-north-1": "450853457545",
    "cn-northwest-1": "451049120500",
    "eu-central-1": "492215442770",
    "eu-central-2": "680994064768",
    "eu-north-1": "662702820516",
    "eu-south-1": "978288397137",
    "eu-south-2": "104374241257",
    "eu-west-1": "141502667606",
    "eu-west-2": "764974769150",
    "eu-west-3": "659782779980",
    "il-central-1": "898809789911",
    "me-central-1": "272398656194",
    "me-south-1": "801668240914",
    "sa-east-1": "737474898029",
    "us-east-1": "683313688378",
    "us-east-2": "257758044811",
    "us-gov-east-1": "237065988967",
    "us-gov-west-1": "414596584902",
    "us-iso-east-1": "833128469047",
    "us-isob-east-1": "281123927165",
    "us-isof-east-1": "108575199400",
    "us-isof-south-1": "124985052026",
    "us-west-1": "746614075791",
    "us-west-2": "246618743249",
}
"""The AWS account with both images, by region."""

ISOLATED = "us-iso"
"""What the regions of the isolated partitions begin with, whose console and endpoints the module does not know."""

REGIONS = tuple(sorted(region for region in ACCOUNTS if not region.startswith(ISOLATED)))
"""The regions to which the stack can be deployed."""


def image_uri(*, account: str, region: str, url_suffix: str, version: str = DEFAULT_VERSION) -> str:
    """Returns the scikit-learn image's URI in Amazon ECR.

    Args:
        account: the account that has it in that region, from :data:`ACCOUNTS`.
        region: the AWS region; a job's image must be in the job's region.
        url_suffix: the partition's DNS suffix: ``amazonaws.com``, ``amazonaws.com.cn`` in China.
        version: the image's version: ``1.2-1``.
    """
    return f"{account}.dkr.ecr.{region}.{url_suffix}/{REPOSITORY}:{version}-cpu-py3"


def xgboost_image_uri(*, account: str, region: str, url_suffix: str, version: str = XGBOOST_VERSION) -> str:
    """The built-in XGBoost image's address in Amazon ECR; the arguments are those of :func:`image_uri`."""
    return f"{account}.dkr.ecr.{region}.{url_suffix}/{XGBOOST_REPOSITORY}:{version}"
