"""A covering array: few combinations of switches in which any three of them take all their values together.

https://csrc.nist.gov/projects/automated-combinatorial-testing-for-software
"""

from collections.abc import Iterator
from itertools import combinations, product

Flags = tuple[bool, ...]
_Part = tuple[tuple[int, bool], ...]


def covering(switches: int, *, strength: int = 3) -> list[Flags]:
    """Combinations in which any ``strength`` switches take every combination of their values.

    Greedy: always adds the combination that covers the most of what is still missing, the first one of equals.

    Args:
        switches: how many there are; few enough to list all combinations.
        strength: how many switches a fault may depend on and still show.
    """
    everything = list(product([True, False], repeat=switches))
    missing = {part for flags in everything for part in _parts(flags, strength)}
    chosen: list[Flags] = []
    while missing:
        chosen.append(max(everything, key=lambda flags: len(missing.intersection(_parts(flags, strength)))))
        missing.difference_update(_parts(chosen[-1], strength))
    return chosen


def _parts(flags: Flags, strength: int) -> Iterator[_Part]:
    return combinations(enumerate(flags), strength)
