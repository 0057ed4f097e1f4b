"""Scales of plots."""

import pytest

from report.svg import Plot, Scale


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.9417, 0.9556], ["0.940", "0.945", "0.950", "0.955", "0.960"]),
        ([5.0, 60.0], ["0", "20", "40", "60"]),
        ([-3.0, 4.0], ["-4", "-2", "0", "2", "4"]),
        ([1_000_000.0, 2_000_000.0], ["1,000,000", "1,200,000", "1,400,000", "1,600,000", "1,800,000", "2,000,000"]),
        ([7.0], ["2", "4", "6", "8", "10", "12"]),
        ([0.0], ["-0.6", "-0.4", "-0.2", "0.0", "0.2", "0.4", "0.6"]),
        ([], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
    ],
)
def test_ticks_are_round_and_enclose_the_values(values: list[float], ticks: list[str]) -> None:
    """Ticks are round numbers with the same number of decimals; the first and last are beyond the values."""
    scale = Scale.of(values)
    assert [text for _, text in scale.ticks] == ticks
    assert all(scale.low <= value <= scale.high for value in values)


def test_place() -> None:
    """Values are clipped to the axes; long ticks make room for themselves."""
    short = Plot(across="x", up="y", y=Scale.of([0.0, 5.0]))
    long = Plot(across="x", up="y", y=Scale.of([0.0, 5_000_000.0]))
    assert short.place((0.0, 0.0))[0] < long.place((0.0, 0.0))[0]
    assert short.place((-1.0, 99.0)) == short.place((0.0, 5.0))
