"""Authentication of requests to the environment's ports."""

import pytest

from sagemaker_local.guard import Credentials, Rejection, endpoint_token, new_key, rejection

KEY = "LOCALKEY"
PORT = 4566
HOST = ("Host", "127.0.0.1:4566")
SIGNED = ("Authorization", f"AWS4-HMAC-SHA256 Credential={KEY}/20261124/us-east-1/s3/aws4_request, SignedHeaders=host")


def check(*headers: tuple[str, str], query: str = "") -> Rejection | None:
    """Checks a request to port 4566."""
    return rejection(headers, query, port=PORT, key=KEY)


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ([SIGNED], ""),
        ([("authorization", f"AWS4-HMAC-SHA256 SignedHeaders=host, Credential={KEY}/d/r/s/aws4_request")], ""),
        ([("Authorization", f"Bearer {KEY}")], ""),
        ([("X-Amz-Security-Token", KEY)], ""),
        ([], f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={KEY}%2F20261124%2Fus-east-1%2Fs3%2Faws4_request"),
        ([SIGNED, ("Sec-Fetch-Site", "none")], ""),
    ],
)
@pytest.mark.parametrize("host", ["127.0.0.1:4566", "localhost:4566", "LOCALHOST:4566"])
def test_valid_key(headers: list[tuple[str, str]], query: str, host: str) -> None:
    """A request with the key is accepted, wherever AWS SDKs and curl put it, by either name of this machine."""
    assert check(("host", host), *headers, query=query) is None


@pytest.mark.parametrize(
    "hosts",
    [
        ["evil.example:4566"],
        ["127.0.0.1:4567"],
        ["127.0.0.1"],
        ["127.0.0.1:4566.evil.example"],
        ["evil.127.0.0.1:4566"],
        ["127.0.0.1:4566", "evil.example:4566"],
        ["127.0.0.1:4566", "127.0.0.1:4566"],
        ["\u0130.example"],
        [""],
        [],
    ],
)
def test_foreign_hosts(hosts: list[str]) -> None:
    """A request with another host or port, with several or with none is rejected despite the key."""
    refused = check(*[("Host", host) for host in hosts], SIGNED)
    assert refused is not None
    assert (refused.status, "it must be 127.0.0.1:4566" in refused.message) == (403, True)


@pytest.mark.parametrize(
    "header",
    [
        ("Origin", "https://evil.example"),
        ("origin", "null"),
        ("Origin", "http://127.0.0.1:4566"),
        ("Origin", ""),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Sec-Fetch-Site", "same-origin"),
        ("Sec-Fetch-Site", "nonsense"),
    ],
)
def test_web_pages(header: tuple[str, str]) -> None:
    """A web page's request is rejected despite the key, even if the page is in the emulator's own S3."""
    refused = check(HOST, SIGNED, header)
    assert refused is not None
    assert (refused.status, refused.message) == (403, "requests from web pages are rejected")


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ([], ""),
        ([("Authorization", "")], ""),
        ([("Authorization", "Bearer ")], ""),
        ([("Authorization", "Bearer LOCALKE")], ""),
        ([("Authorization", "Bearer LOCALKEYS")], ""),
        ([("Authorization", "Bearer schl\xfcssel")], ""),
        ([("Authorization", "Bearer \udcff")], ""),
        ([("Authorization", f"Basic {KEY}")], ""),
        ([("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261124/us-east-1/s3/aws4_request")], ""),
        ([("Authorization", f"AWS4-HMAC-SHA256 Credential=test/{KEY}/us-east-1/s3/aws4_request")], ""),
        ([("Authorization", "AWS4-HMAC-SHA256 Credential=000000000000/20261124/us-east-1/s3/aws4_request")], ""),
        ([("Authorization", f"AWS4-HMAC-SHA256 Credential={KEY}")], ""),
        ([("Authorization", "Bearer test"), ("Authorization", f"Bearer {KEY}")], ""),
        ([("X-Amz-Security-Token", "token")], ""),
        ([], "X-Amz-Credential="),
        ([], "X-Amz-Credential=test%2F20261124"),
        ([], f"Credential={KEY}&AWSAccessKeyId={KEY}"),
    ],
)
def test_missing_key(headers: list[tuple[str, str]], query: str) -> None:
    """A request without the key is rejected with a message on how to get it."""
    refused = check(HOST, *headers, query=query)
    assert refused is not None
    assert (refused.status, refused.code) == (403, "UnrecognizedClientException")
    assert "AWS_ACCESS_KEY_ID" in refused.message


def test_issued_credentials() -> None:
    """Temporary credentials that the service issued are accepted, if complete and sent to this machine."""
    headers = [HOST, ("Authorization", "AWS4-HMAC-SHA256 Credential=ASIA/d/r/s/x"), ("X-Amz-Security-Token", "t")]

    def issued(shown: Credentials) -> bool:
        return shown == Credentials("ASIA", "t")

    assert rejection(headers, "", port=PORT, key=KEY, issued=issued) is None
    assert rejection(headers[:2], "", port=PORT, key=KEY, issued=issued) is not None
    assert rejection([("Host", "evil.example"), *headers[1:]], "", port=PORT, key=KEY, issued=issued) is not None


def test_keys_are_random() -> None:
    """Keys are random, and each endpoint has its own token."""
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(key.isalnum() and len(key) == 37 for key in keys)
    tokens = {endpoint_token(key, name) for key in keys for name in ("demo", "demo-2")}
    assert len(tokens) == 200
    assert endpoint_token(KEY, "Demo") == endpoint_token(KEY, "demo")  # names are case-insensitive, as in SageMaker
