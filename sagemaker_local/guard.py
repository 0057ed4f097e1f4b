"""Authenticates requests to the environment's ports: only programs that hold its key may use them.

Every web page that the user visits and every other user of the machine can reach a port on the loopback interface. So
each request must pass these checks before anything else reads it:

- It comes from a program. Browsers add ``Origin`` or ``Sec-Fetch-Site`` to a page's requests
  (https://www.w3.org/TR/fetch-metadata/), and no page has any business here.
- It is addressed to this machine. If an attacker's DNS name resolves to 127.0.0.1, their page's requests look like
  same-origin requests, but still carry that name in ``Host``.
- It carries the key. AWS SDKs send the access key id with every request, in ``Authorization`` or in a presigned URL
  (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html), or the session token
  of temporary credentials; other clients send ``Authorization: Bearer <key>``. Signatures are not verified: the key is
  only stored in a file that its owner alone can read.
"""

import hmac
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import parse_qs

_KEY_BYTES = 16
"""128 bits cannot be guessed over HTTP."""
_FORBIDDEN = 403
UNKNOWN_KEY = "UnrecognizedClientException"
"""The code of a rejection for a missing or wrong key."""
_CREDENTIAL = re.compile(r"AWS4-[A-Z0-9-]+ .*?Credential=([^/,\s]+)/", re.ASCII)
_BEARER = "Bearer "
SECRET = "local"  # noqa: S105 - protects nothing
"""The secret key for every access key id: no signature is verified."""


@dataclass(frozen=True)
class Rejection:
    """The reason for rejecting a request."""

    code: str
    """An AWS error code."""
    message: str
    status: int = _FORBIDDEN


@dataclass(frozen=True)
class Credentials:
    """A request's credentials; missing ones are empty."""

    key: str
    """The access key id, or a bearer token."""
    session_token: str


def new_key() -> str:
    """Returns a random key, in the characters allowed in an access key id."""
    return f"LOCAL{secrets.token_hex(_KEY_BYTES).upper()}"


def job_key(key: str) -> str:
    """Returns the access key id for jobs and models, which is valid for the services that their role may use.

    Args:
        key: the environment's key.
    """
    return f"LOCALJOB{derived(key, 'jobs').upper()}"


def endpoint_token(key: str, endpoint: str) -> str:
    """Returns an endpoint's bearer token, which is valid for this endpoint's port only.

    Args:
        key: the environment's key.
        endpoint: the endpoint's name.
    """
    return derived(key, f"endpoint/{endpoint.lower()}")


def derived(key: str, purpose: str) -> str:
    """Returns a secret for one purpose, from which the key cannot be computed.

    Args:
        key: the environment's key.
        purpose: tells this secret from others.
    """
    return hmac.new(key.encode(), purpose.encode(), "sha256").hexdigest()[: 2 * _KEY_BYTES]


def same(one: str, other: str) -> bool:
    """Compares two strings in constant time."""
    return hmac.compare_digest(one.encode(errors="surrogateescape"), other.encode(errors="surrogateescape"))


def rejection(
    headers: Iterable[tuple[str, str]],
    query: str,
    *,
    port: int,
    key: str,
    issued: Callable[[Credentials], bool] = lambda _: False,
) -> Rejection | None:
    """Returns the reason for rejecting a request, or None to accept it.

    Args:
        headers: all its headers, in any case, including repeated ones.
        query: the query string of its URL.
        port: the port that received it.
        key: the key that it must carry.
        issued: whether to accept other credentials.
    """
    given: dict[str, list[str]] = {}
    for name, value in headers:
        given.setdefault(name.lower(), []).append(value)
    if "origin" in given or any(site != "none" for site in given.get("sec-fetch-site", ())):
        return Rejection("AccessDeniedException", "requests from web pages are rejected")
    hosts = [host.lower() for host in given.get("host", ())]
    if hosts not in ([f"127.0.0.1:{port}"], [f"localhost:{port}"]):
        return Rejection("AccessDeniedException", f"Host is {', '.join(hosts)!r}; it must be 127.0.0.1:{port}")
    shown = _credentials(given, query)
    # Always compare both, so that the time does not depend on the first.
    if any([same(shown.key, key), same(shown.session_token, key)]) or issued(shown):
        return None
    return Rejection(
        UNKNOWN_KEY,
        "the request does not carry this environment's key: set AWS_ACCESS_KEY_ID to it; an endpoint's port takes the "
        "endpoint's token as Authorization: Bearer <token>",
    )


def _credentials(headers: dict[str, list[str]], query: str) -> Credentials:
    (authorization,) = headers.get("authorization", [""])[:1]
    (token,) = headers.get("x-amz-security-token", [""])[:1]
    if authorization.startswith(_BEARER):
        return Credentials(authorization.removeprefix(_BEARER), token)
    signed = _CREDENTIAL.match(authorization)
    if signed is not None:
        return Credentials(signed[1], token)
    if "X-Amz-Credential" not in query:
        return Credentials("", token)
    presigned = parse_qs(query)
    credential = presigned.get("X-Amz-Credential", [""])[0]
    return Credentials(credential.partition("/")[0], presigned.get("X-Amz-Security-Token", [token])[0])
