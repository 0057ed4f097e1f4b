"""Decides who may speak to a port of the environment: programs that hold its key, and nobody else.

Every web page that the user visits and every other user of the machine can reach a port of the loopback. So each
request is held against the same rule before anything looks at it:

- it comes from a program: a browser adds ``Origin`` or ``Sec-Fetch-Site`` to what a page sends
  (https://www.w3.org/TR/fetch-metadata/), and no page has any business here;
- it is addressed to this machine: a name that somebody else's DNS points at 127.0.0.1 makes their page's requests
  look like those of the same origin, but they still carry that name in ``Host``;
- it carries the key. AWS's SDKs send the access key id with every request, in ``Authorization`` or in a presigned URL
  (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html), or the session token
  of temporary credentials; others send ``Authorization: Bearer <key>``. Signatures are not checked: whoever knows the
  key has it from a file that only its owner can read.
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
_CREDENTIAL = re.compile(r"AWS4-[A-Z0-9-]+ .*?Credential=([^/,\s]+)/", re.ASCII)
_BEARER = "Bearer "
SECRET = "local"  # noqa: S105 - of nothing
"""The secret key that goes with every access key id: no signature made with it is checked."""


@dataclass(frozen=True)
class Refusal:
    """Why a request is refused."""

    code: str
    """An error code of AWS's."""
    message: str
    status: int = _FORBIDDEN


@dataclass(frozen=True)
class Credentials:
    """What a request shows; empty strings for what it lacks."""

    key: str
    """The access key id, or a bearer token."""
    session_token: str


def new_key() -> str:
    """A random key, of characters that an access key id may have."""
    return f"LOCAL{secrets.token_hex(_KEY_BYTES).upper()}"


def job_key(key: str) -> str:
    """The access key id that jobs and models get: for the services that their role may use, and no other.

    Args:
        key: the environment's.
    """
    return f"LOCALJOB{_derived(key, 'jobs').upper()}"


def endpoint_token(key: str, endpoint: str) -> str:
    """The bearer token of one endpoint: it opens this endpoint's port, and no other port.

    Args:
        key: the environment's.
        endpoint: the endpoint's name.
    """
    return _derived(key, f"endpoint/{endpoint.lower()}")


def _derived(key: str, purpose: str) -> str:
    return hmac.new(key.encode(), purpose.encode(), "sha256").hexdigest()[: 2 * _KEY_BYTES]


def same(one: str, other: str) -> bool:
    """Whether two texts are the same, in a time that says nothing about where they differ."""
    return hmac.compare_digest(one.encode(errors="surrogateescape"), other.encode(errors="surrogateescape"))


def refusal(
    headers: Iterable[tuple[str, str]],
    query: str,
    *,
    port: int,
    key: str,
    issued: Callable[[Credentials], bool] = lambda _: False,
) -> Refusal | None:
    """Why a request is refused; None if it may pass.

    Args:
        headers: all of its headers, in any case, repeated ones included.
        query: the query string of its URL.
        port: the one that it came to.
        key: the one that it must carry.
        issued: whether other credentials are good, too.
    """
    given: dict[str, list[str]] = {}
    for name, value in headers:
        given.setdefault(name.lower(), []).append(value)
    if "origin" in given or any(site != "none" for site in given.get("sec-fetch-site", ())):
        return Refusal("AccessDeniedException", "requests from web pages are refused")
    hosts = [host.lower() for host in given.get("host", ())]
    if hosts not in ([f"127.0.0.1:{port}"], [f"localhost:{port}"]):
        return Refusal("AccessDeniedException", f"Host is {', '.join(hosts)!r}; it must be 127.0.0.1:{port}")
    shown = _credentials(given, query)
    # No short cut: both are compared, whatever the first says.
    if any([same(shown.key, key), same(shown.session_token, key)]) or issued(shown):
        return None
    return Refusal(
        "UnrecognizedClientException",
        "the request carries no key of this environment; AWS CLI and SDKs get it from: "
        'eval "$(mlops local env)"; mlops local status prints the command for curl; '
        "python -m sagemaker_local prints its own when it starts",
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
