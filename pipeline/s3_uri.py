"""Takes S3 URIs apart."""


def bucket_and_key(uri: str) -> tuple[str, str]:
    """Returns the bucket and the key, or prefix, of an S3 URI; both are empty parts where the URI has none."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
