"""Explains errors to the user, on one line."""

from typing import Any

from botocore import exceptions as aws
from botocore.exceptions import ClientError

from executions.text import one_line

_RENEW = "sign in again (aws sso login, aws configure), or use --local for the environment on this machine"
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "KMSAccessDeniedException"}
_STALE = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_NO_CREDENTIALS = (
    aws.NoCredentialsError,
    aws.PartialCredentialsError,
    aws.CredentialRetrievalError,
    aws.TokenRetrievalError,
    aws.SSOError,
)
_NO_CONNECTION = (aws.EndpointConnectionError, aws.ConnectionClosedError, aws.ConnectTimeoutError, aws.ReadTimeoutError)


class ExecutionsError(Exception):
    """A deployment or an execution cannot be found or used; the message says why and what to do next."""


def explained(error: Exception) -> str:
    """Explains an error from AWS and what to do next, on one line."""
    if isinstance(error, ClientError):
        return _refusal(error)
    text = one_line(error)
    if isinstance(error, _NO_CONNECTION) and "//127.0.0.1:" in text:
        return f"nothing answers on this machine ({text}); check it: mlops local status"
    meanings: tuple[tuple[Any, str], ...] = (
        (_NO_CREDENTIALS, f"no AWS credentials found ({text}): {_RENEW}"),
        (aws.ProfileNotFound, f"{text}; AWS_PROFILE must name a profile of ~/.aws/config"),
        (
            aws.NoRegionError,
            "no AWS region is set: set AWS_DEFAULT_REGION, or a region in the profile; or use --local",
        ),
        (_NO_CONNECTION, f"no answer from AWS ({text}); is the region right, and is there a network?"),
    )
    return next((meaning for kind, meaning in meanings if isinstance(error, kind)), text)


def _refusal(error: ClientError) -> str:
    details = error.response.get("Error", {})
    code, message = details.get("Code", "Unknown"), one_line(details.get("Message", ""))
    if code in _DENIED:
        return f"access denied: {error.operation_name}: {message}; use a role with this permission"
    if code in _STALE:
        return f"AWS rejects your credentials ({code}: {message}): {_RENEW}"
    return f"{error.operation_name}: {code}" + (f": {message}" if message else "")
