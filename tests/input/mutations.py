"""Generates invalid inputs: the shipped one, changed at random places."""

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

_TEXTS = st.text(alphabet=st.sampled_from("abzAZ019-_./:, \n\t{}%$äß€😀"), max_size=70)
_WORDS = st.sampled_from(
    [
        "MODEL_NAME",
        "SFN_EXECUTION_ID",
        "s3://bucket/key",
        "ml.m5.xlarge",
        "File",
        "x" * 64,
        "x" * 3000,
        "yes",
        "null",
        "",
    ]
)
_NUMBERS = st.one_of(st.sampled_from([-1, 0, 1, 1.5, 2**31, 2**63, 2**200, 1e300]), st.integers(-10, 10**6))
_PLAIN = st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXTS, _WORDS)
JUNK = st.recursive(
    _PLAIN, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXTS, inner, max_size=3))
)

Spot = tuple[Any, Any]
"""A mapping or list, and the key or index of one of its values."""


@st.composite
def mutated(draw: st.DrawFn, base: dict[str, Any]) -> dict[str, Any]:
    """Makes one to three changes: values replaced, removed or moved, or keys misspelt."""
    data = copy.deepcopy(base)
    for _ in range(draw(st.integers(1, 3))):
        spots = list(_spots(data))
        if not spots:
            break
        container, key = draw(st.sampled_from(range(len(spots))).map(spots.__getitem__))
        match draw(st.sampled_from(["junk", "null", "remove", "misspell", "swap", "add", "text"])):
            case "junk":
                container[key] = draw(JUNK)
            case "null":
                container[key] = None
            case "remove":
                del container[key]
            case "misspell" if isinstance(container, dict):
                container[draw(st.sampled_from([key[:-1], key + "s", key.swapcase(), "AppManaged"]))] = container.pop(
                    key
                )
            case "swap":
                other, place = spots[draw(st.integers(0, len(spots) - 1))]
                container[key] = copy.deepcopy(other[place])
            case "add" if isinstance(container[key], dict):
                container[key][draw(_TEXTS)] = draw(JUNK)
            case "add" if isinstance(container[key], list):
                container[key].append(draw(JUNK))
            case _:
                container[key] = draw(st.one_of(_TEXTS, _WORDS))
    return data


def _spots(value: Any) -> Iterator[Spot]:
    children: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield value, key
        yield from _spots(child)
