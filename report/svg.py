"""Draws plots as SVG; the page's style sheet has the colours."""

import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from markupsafe import Markup

Point = tuple[float, float]

WIDTH, HEIGHT = 360, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 12, 44
_SMALL = (120, 28)
_ROW, _NAME = 38, 40
"""The height of a ranked row, and the maximum length of its name."""
_NARROW, _DIGIT = 3, 6
"""The characters of a tick's text for which ``_LEFT`` has room, and the width of another one."""
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
"""The distances between ticks, as multiples of a power of ten."""
_MOST_TICKS = 6


def element(name: str, content: Markup | str = "", **attributes: object) -> Markup:
    """Returns an element. Underscores in attribute names become hyphens; a trailing one is dropped (``class_``)."""
    texts = [Markup('{}="{}"').format(key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items()]
    return Markup("<{}>{}</{}>").format(Markup(" ").join([name, *texts]), content, name)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The range of an axis and its ticks."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    """Values and their texts."""

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Returns a scale for values, which are finite, with round ticks that enclose them."""
        found = list(values) or [0.0, 1.0]
        low, high = min(found), max(found)
        if low == high:
            margin = abs(low) / 2 or 0.5
            low, high = low - margin, high + margin
        rough = (high - low) / (_MOST_TICKS - 1)
        power = 10 ** math.floor(math.log10(rough))
        step = next(power * multiple for multiple in _STEPS if power * multiple >= rough)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        decimals = len(f"{step:.12f}".rstrip("0").partition(".")[2])
        ticks = tuple((count * step, f"{count * step:,.{decimals}f}") for count in range(first, last + 1))
        return cls(low=first * step, high=last * step, ticks=ticks)

    def share(self, value: float) -> float:
        """Returns the position of a value, 0 for the low end and 1 for the high end; clipped to them."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


UNIT = Scale(low=0.0, high=1.0, ticks=tuple((step / 5, f"{step / 5:.1f}") for step in range(6)))
"""From 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A plot with two axes, by default from 0 to 1."""

    across: str
    """The title of the horizontal axis."""
    up: str
    """The title of the vertical axis."""
    x: Scale = UNIT
    y: Scale = UNIT

    def draw(self, *layers: Markup, label: str) -> Markup:
        """Returns the plot.

        Args:
            layers: the elements on the axes, the lowest first.
            label: a description for screen readers.
        """
        return element(
            "svg",
            Markup("").join([self._axes(), *layers]),
            viewBox=f"0 0 {WIDTH} {HEIGHT}",
            role="img",
            aria_label=label,
        )

    def line(self, points: Sequence[Point], class_: str) -> Markup:
        """A line through the points."""
        return element("polyline", points=_text(map(self.place, points)), class_=class_)

    def area(self, points: Sequence[Point], class_: str) -> Markup:
        """The area below the points."""
        corners = [(points[0][0], self.y.low), *points, (points[-1][0], self.y.low)]
        return element("polygon", points=_text(map(self.place, corners)), class_=class_)

    def dot(self, point: Point, class_: str, radius: float = 3.5) -> Markup:
        """A dot; the radius is in the plot's units."""
        x, y = self.place(point)
        return element("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=f"{radius:.1f}", class_=class_)

    def bar(self, start: float, end: float, height: float, class_: str) -> Markup:
        """A bar on the horizontal axis."""
        (x, y), (right, bottom) = self.place((start, height)), self.place((end, self.y.low))
        size = {"width": f"{right - x:.1f}", "height": f"{bottom - y:.1f}"}
        return element("rect", x=f"{x:.1f}", y=f"{y:.1f}", class_=class_, **size)

    def place(self, point: Point) -> Point:
        """Converts a point's values to coordinates in the plot, clipped to the axes."""
        x, y = self.x.share(point[0]), self.y.share(point[1])
        left = _LEFT + _DIGIT * max(0, *(len(text) - _NARROW for _, text in self.y.ticks))
        return left + x * (WIDTH - left - _RIGHT), HEIGHT - _BOTTOM - y * (HEIGHT - _TOP - _BOTTOM)

    def _axes(self) -> Markup:
        left, bottom = self.place((self.x.low, self.y.low))
        right, top = self.place((self.x.high, self.y.high))
        parts = []
        for value, text in self.x.ticks:
            x, _ = self.place((value, self.y.low))
            parts += [
                element("path", d=f"M{x:.1f} {bottom:.1f}V{top:.1f}", class_="grid"),
                element("text", text, x=f"{x:.1f}", y=f"{bottom + 16:.1f}", text_anchor="middle"),
            ]
        for value, text in self.y.ticks:
            _, y = self.place((self.x.low, value))
            parts += [
                element("path", d=f"M{left:.1f} {y:.1f}H{right:.1f}", class_="grid"),
                element("text", text, x=f"{left - 7:.1f}", y=f"{y + 3.5:.1f}", text_anchor="end"),
            ]
        middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
        parts += [
            element("text", self.across, x=f"{middle_x:.1f}", y=HEIGHT - 8, text_anchor="middle", class_="axis"),
            element(
                "text",
                self.up,
                transform=f"translate(11 {middle_y:.1f}) rotate(-90)",
                text_anchor="middle",
                class_="axis",
            ),
        ]
        return Markup("").join(parts)


def distribution(train: Sequence[float], test: Sequence[float], title: str) -> Markup:
    """A small picture of shares by bin: bars for the training records, marks for the test records."""
    width, height = _SMALL
    most, step = max([*train, *test, 0.01]), width / max(len(train), 1)
    parts = [element("title", title)]
    for index, share in enumerate(train):
        size = share / most * height
        place = {"x": f"{index * step + 1:.1f}", "y": f"{height - size:.1f}", "width": f"{max(step - 2, 1):.1f}"}
        parts.append(element("rect", class_="train", height=f"{size:.1f}", **place))
    for index, share in enumerate(test):
        line = f"M{index * step:.1f} {height - share / most * height:.1f}h{step:.1f}"
        parts.append(element("path", d=line, class_="test"))
    return element("svg", Markup("").join(parts), viewBox=f"0 0 {width} {height}", role="img", class_="distribution")


def ranked(rows: Sequence[tuple[str, float, float]], label: str) -> Markup:
    """Shares by name: a bar for the first, a mark over it for the second.

    Args:
        rows: names, and two shares from 0 to 1.
        label: a description for screen readers.
    """
    most = max([share for row in rows for share in row[1:]] + [1e-9])
    parts = []
    for index, (name, first, second) in enumerate(rows):
        top, x = index * _ROW, second / most * WIDTH
        size = {"width": f"{first / most * WIDTH:.1f}", "height": "12"}
        parts += [
            element("text", textwrap.shorten(name, _NAME, placeholder="…") or name[:_NAME], x=0, y=top + 11),
            element("text", f"{first:.1%} → {second:.1%}", x=WIDTH, y=top + 11, text_anchor="end"),
            element("rect", x=0, y=top + 16, class_="train", **size),
            element("path", d=f"M0 {top + 22}H{x:.1f}M{x:.1f} {top + 14}v16", class_="test"),
        ]
    view = f"0 0 {WIDTH} {len(rows) * _ROW}"
    return element("svg", Markup("").join(parts), viewBox=view, role="img", aria_label=label)


def _text(points: Iterable[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
