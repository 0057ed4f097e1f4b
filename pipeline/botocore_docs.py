"""Converts botocore's documentation (HTML) and patterns (Java) into plain text and portable patterns."""

import re
from html import unescape

# All characters except controls, written with surrogates, as in Java and JavaScript.
_ANY_BUT_CONTROLS = r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*"

# Letters, spaces and numbers of all languages: Python has no \p, so this lists the excluded ASCII characters.
_TAG_TEXT = r"[^\x00-\x1f!-*,;<>?\[-\^`{-\x7f]*"

_PORTABLE = {
    _ANY_BUT_CONTROLS: r"[^\x00-\x08\x0a-\x1f]*",
    r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)": _TAG_TEXT,
    # The end of the text repeated, which limits nothing.
    r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,128}": _TAG_TEXT,
    r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,256}": _TAG_TEXT,
    r"[\p{L}\p{M}\p{Z}\p{S}\p{N}\p{P}]*": r"[^\x00-\x1f\x7f]*",
    r"[\p{L}\p{M}\p{Z}\p{N}\p{P}]{0,1024}": r"[^\x00-\x1f$+<=>\^`|~\x7f]{0,1024}",
}
_MATCHES_ANYTHING = {r"[\s\S]*", r"[\S\s]*", r"[\s\S]+", ""}

_WORDS = {
    r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}": "letters, digits and hyphens between them, at most 63",
    r"arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+": "a role's ARN: arn:aws:iam::123456789012:role/NAME",
    r"(https|s3)://([^/]+)/?(.*)": "an S3 URI: s3://BUCKET/KEY",
    r"[a-zA-Z0-9](-*[a-zA-Z0-9])*": "letters, digits and hyphens between them",
    r"[A-Za-z0-9\.\-_]+": "letters, digits, dots, hyphens and underscores",
    r"[a-zA-Z_][a-zA-Z0-9_]*": "letters, digits and underscores, no digit first",
    r"ml\.[a-z0-9.-]+": "an instance type: ml.m5.xlarge",
    r"[\S]+": "text without spaces",
    r".*": "text on one line",
    r".+": "text on one line",
}


def portable_pattern(pattern: str) -> str:
    """Returns a service model's regular expression in the syntax that Python, JavaScript and JSON Schema share.

    It must match the whole text. It is empty if it would exclude nothing except the empty text.
    """
    if pattern in _MATCHES_ANYTHING:
        return ""
    return _PORTABLE.get(pattern, pattern.replace(r"\p{Alnum}", "a-zA-Z0-9"))


def in_words(pattern: str) -> str:
    """Returns a description of one of the common patterns; empty for all others."""
    return _WORDS.get(pattern, "")


def plain_text(html: str) -> str:
    """Returns a shape's documentation without HTML: one line for each paragraph, a dash before each list item."""
    text = re.sub(r"\s+", " ", html)
    text = re.sub(r"<li>\s*(<p>)?", "\n- ", text)
    text = re.sub(r"</?(p|ul|ol|dl|dt|dd|note|important)/?>", "\n", text)
    text = unescape(re.sub(r"<[^>]*>", "", text))
    return "\n".join(line for line in (line.strip() for line in text.splitlines()) if line not in {"", "-"})
