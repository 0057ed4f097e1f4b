"""Draws plots as SVG; the page's style sheet has the colours."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

Point = tuple[float, float]

WIDTH, HEIGHT = 360, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 12, 44
_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def element(name: str, content: Markup | str = "", **attributes: object) -> Markup:
    """Returns an element. Underscores in attribute names become hyphens; a trailing one is dropped (``class_``)."""
    texts = [Markup('{}="{}"').format(key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items()]
    return Markup("<{}>{}</{}>").format(Markup(" ").join([name, *texts]), content, name)


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A plot with two axes, both from 0 to 1."""

    across: str
    """The title of the horizontal axis."""
    up: str
    """The title of the vertical axis."""

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
        return element("polyline", points=_text(map(place, points)), class_=class_)

    def area(self, points: Sequence[Point], class_: str) -> Markup:
        """The area below the points."""
        corners = [(points[0][0], 0.0), *points, (points[-1][0], 0.0)]
        return element("polygon", points=_text(map(place, corners)), class_=class_)

    def dot(self, point: Point, class_: str, radius: float = 3.5) -> Markup:
        """A dot; the radius is in the plot's units."""
        x, y = place(point)
        return element("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=f"{radius:.1f}", class_=class_)

    def bar(self, start: float, end: float, height: float, class_: str) -> Markup:
        """A bar on the horizontal axis."""
        (x, y), (right, bottom) = place((start, height)), place((end, 0.0))
        size = {"width": f"{right - x:.1f}", "height": f"{bottom - y:.1f}"}
        return element("rect", x=f"{x:.1f}", y=f"{y:.1f}", class_=class_, **size)

    def _axes(self) -> Markup:
        parts = []
        for tick in _TICKS:
            (x, bottom), (_, top) = place((tick, 0.0)), place((tick, 1.0))
            (left, y), (right, _) = place((0.0, tick)), place((1.0, tick))
            text = f"{tick:.1f}"
            parts += [
                element("path", d=f"M{x:.1f} {bottom:.1f}V{top:.1f}M{left:.1f} {y:.1f}H{right:.1f}", class_="grid"),
                element("text", text, x=f"{x:.1f}", y=f"{bottom + 16:.1f}", text_anchor="middle"),
                element("text", text, x=f"{left - 7:.1f}", y=f"{y + 3.5:.1f}", text_anchor="end"),
            ]
        middle_x, middle_y = place((0.5, 0.5))
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


def place(point: Point) -> Point:
    """Converts a point's values to coordinates in the plot, clipped to the axes."""
    x, y = (min(max(value, 0.0), 1.0) for value in point)
    return _LEFT + x * (WIDTH - _LEFT - _RIGHT), HEIGHT - _BOTTOM - y * (HEIGHT - _TOP - _BOTTOM)


def _text(points: Iterable[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
