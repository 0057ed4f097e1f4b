"""Where a job's data comes from: what of SageMaker's data sources runs here, and laying it out."""

from typing import Any

from sagemaker_local.errors import not_supported

_S3_TYPES = ("S3Prefix", "ManifestFile")


def require_s3_type(key: str, data_type: str) -> None:
    """Raises JobFailed unless the data type is one that is laid out as files.

    Args:
        key: path of the value in the request, for the message.
        data_type: ``S3DataType``.
    """
    if data_type not in _S3_TYPES:
        raise not_supported(key, data_type, f"one of {', '.join(_S3_TYPES)}")


def require_file_mode(key: str, mode: str) -> None:
    """Raises JobFailed for Pipe mode; FastFile looks like File to the script, so it is laid out as such."""
    if mode == "Pipe":
        raise not_supported(key, mode, "use File or FastFile")


def require_s3_source(key: str, source: dict[str, Any]) -> dict[str, Any]:
    """The ``S3DataSource`` of a ``DataSource``. Raises JobFailed where the data is elsewhere or not made of files."""
    s3: dict[str, Any] | None = source.get("S3DataSource")
    if s3 is None:
        raise not_supported(f"{key}.DataSource", sorted(source), "use S3DataSource")
    require_s3_type(f"{key}.DataSource.S3DataSource.S3DataType", s3["S3DataType"])
    return s3
