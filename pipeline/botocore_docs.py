"""What botocore's service models say for Java and for browsers, said for everyone."""

import re
from html import unescape

# A class of all characters but controls, written with surrogates, as Java and JavaScript count.
_ANY_BUT_CONTROLS = r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*"

# Letters, spaces and numbers of all languages: Python has no \p, so the ASCII characters left out are named.
_TAG_TEXT = r"[^\x00-\x1f!-*,;<>?\[-\^`{-\x7f]*"

_PORTABLE = {
    _ANY_BUT_CONTROLS: r"[^\x00-\x08\x0a-\x1f]*",
    r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)": _TAG_TEXT,
    # The end of the text, up to so many times: it limits nothing.
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
    """A regular expression of the service model as Python, JavaScript and JSON Schema understand it.

    Returns:
        It, to be matched as a whole; empty where it excludes nothing but the empty text.
    """
    if pattern in _MATCHES_ANYTHING:
        return ""
    return _PORTABLE.get(pattern, pattern.replace(r"\p{Alnum}", "a-zA-Z0-9"))


def in_words(pattern: str) -> str:
    """What a pattern of the service model asks for, for those whom it is mostly seen by; empty for all others."""
    return _WORDS.get(pattern, "")


def plain_text(html: str) -> str:
    """The documentation of a shape without its tags: paragraphs on lines of their own, list items with a dash."""
    text = re.sub(r"\s+", " ", html)
    text = re.sub(r"<li>\s*(<p>)?", "\n- ", text)
    text = re.sub(r"</?(p|ul|ol|dl|dt|dd|note|important)/?>", "\n", text)
    text = unescape(re.sub(r"<[^>]*>", "", text))
    return "\n".join(line for line in (line.strip() for line in text.splitlines()) if line not in {"", "-"})
