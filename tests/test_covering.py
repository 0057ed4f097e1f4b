from itertools import combinations, product

from tests.covering import covering


def test_any_three_switches_take_all_their_values() -> None:
    """Any three of eight switches take their eight combinations, in far fewer than all 256."""
    chosen = covering(8)
    for places in combinations(range(8), 3):
        assert {tuple(flags[place] for place in places) for flags in chosen} == set(product([True, False], repeat=3))
    assert len(set(chosen)) == len(chosen) < 256 / 8
