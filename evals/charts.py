"""Charts as inline SVG: no script, no font, no image from elsewhere. All text is escaped.

Colours come from the page (CSS variables), so that a chart reads on light and dark paper; each series also differs in
its dash, for eyes that see no colour and for print.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

WIDTH: Final = 520
HEIGHT: Final = 300
LEFT, RIGHT, TOP, BOTTOM = 54, 150, 28, 44
COLOURS: Final = ("var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)", "var(--c5)", "var(--c6)")
DASHES: Final = ("", "6 3", "2 3", "8 3 2 3", "1 2", "10 4")
_TICKS: Final = 5
_CHAR: Final = 6.2
"""About the width of a character of a label, in units of the picture."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """A named line; `band` gives (low, high) of each point."""

    name: str
    points: tuple[Point, ...]
    band: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Axes:
    """Titles, ranges and, for an axis of words, the words (x is then 0, 1, 2 ...)."""

    title: str
    x: str
    y: str
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)
    words: tuple[str, ...] = ()
    diagonal: bool = False
    """The line y = x."""
    marks: Mapping[str, float] = field(default_factory=dict)
    """Horizontal lines, such as a base rate."""


def line_chart(axes: Axes, series: Sequence[Series]) -> str:
    """The chart as an ``<svg>``; a series without points is left out."""
    drawn = [one for one in series if one.points]
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(axes.title)}"'
        ' xmlns="http://www.w3.org/2000/svg">',
        f'<text class="title" x="{LEFT}" y="16">{escape(axes.title)}</text>',
        *_frame(axes),
    ]
    for at, one in enumerate(drawn):
        parts += _line(axes, one, at)
    return "".join([*parts, *_legend(drawn), "</svg>"])


def extent(values: Sequence[float], *, room: float = 0.08) -> tuple[float, float]:
    """Smallest and largest value with some room; never empty.

    >>> extent([0.5, 0.5])
    (0.45, 0.55)
    """
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if high - low < 1e-9:
        low, high = low - 0.05, high + 0.05
        return round(low, 9), round(high, 9)
    return low - room * (high - low), high + room * (high - low)


def _x(axes: Axes, value: float) -> float:
    low, high = axes.x_range
    return LEFT + (value - low) / (high - low or 1) * (WIDTH - LEFT - RIGHT)


def _y(axes: Axes, value: float) -> float:
    low, high = axes.y_range
    inside = min(max(value, low), high)
    return HEIGHT - BOTTOM - (inside - low) / (high - low or 1) * (HEIGHT - TOP - BOTTOM)


def _frame(axes: Axes) -> list[str]:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    for step in range(_TICKS + 1):
        value = axes.y_range[0] + step / _TICKS * (axes.y_range[1] - axes.y_range[0])
        y = _y(axes, value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="tick" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_short(value)}</text>'
        )
    for value, words in _x_ticks(axes):
        x = _x(axes, value)
        parts.append(
            f'<text class="tick" x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{escape(words)}</text>'
        )
    if axes.diagonal:
        ends = (max(axes.x_range[0], axes.y_range[0]), min(axes.x_range[1], axes.y_range[1]))
        parts.append(_path(axes, [(ends[0], ends[0]), (ends[1], ends[1])], 'class="mark"'))
    for name, value in axes.marks.items():
        y = _y(axes, value)
        parts.append(f'<line class="mark" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{right + 6}" y="{y + 4:.1f}">{escape(name)}</text>')
    middle, centre = (LEFT + right) / 2, (TOP + bottom) / 2
    parts.append(
        f'<text class="axis" x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{escape(axes.x)}</text>'
    )
    parts.append(
        f'<text class="axis" x="14" y="{centre}" text-anchor="middle" transform="rotate(-90 14 {centre})">'
        f"{escape(axes.y)}</text>"
    )
    return parts


def _x_ticks(axes: Axes) -> list[tuple[float, str]]:
    """At most as many as have room side by side."""
    if not axes.words:
        low, high = axes.x_range
        ticks = [low + step / _TICKS * (high - low) for step in range(_TICKS + 1)]
        return [(value, _short(value)) for value in ticks]
    room = WIDTH - LEFT - RIGHT
    longest = max(map(len, axes.words)) * _CHAR + 10
    every = max(1, -(-len(axes.words) * longest // room))
    return [(float(at), word) for at, word in enumerate(axes.words) if at % int(every) == 0]


def _line(axes: Axes, one: Series, at: int) -> list[str]:
    colour, dash = COLOURS[at % len(COLOURS)], DASHES[at % len(DASHES)]
    parts = []
    if one.band:
        upper = [(x, high) for (x, _), (_, high) in zip(one.points, one.band, strict=True)]
        lower = [(x, low) for (x, _), (low, _) in zip(one.points, one.band, strict=True)]
        parts.append(
            _path(axes, upper + lower[::-1], f'fill="{colour}" fill-opacity=".15" stroke="none"', close=True)
        )
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    parts.append(_path(axes, one.points, f'class="line" stroke="{colour}"{dashed}'))
    for x, y in one.points if len(one.points) <= 30 else ():
        tip = f"{one.name}: {_short(x) if not axes.words else axes.words[round(x)]}, {y:.3f}"
        parts.append(
            f'<circle cx="{_x(axes, x):.1f}" cy="{_y(axes, y):.1f}" r="3" fill="{colour}">'
            f"<title>{escape(tip)}</title></circle>"
        )
    return parts


def _path(axes: Axes, points: Sequence[Point], style: str, *, close: bool = False) -> str:
    steps = " L".join(f"{_x(axes, x):.1f} {_y(axes, y):.1f}" for x, y in points)
    return f'<path d="M{steps}{"Z" if close else ""}" {style}/>'


def _legend(series: Sequence[Series]) -> list[str]:
    parts = []
    for at, one in enumerate(series):
        y = HEIGHT - BOTTOM - 14 * (len(series) - at) + 4
        colour, dash = COLOURS[at % len(COLOURS)], DASHES[at % len(DASHES)]
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        x = WIDTH - RIGHT + 10
        parts.append(
            f'<line x1="{x}" x2="{x + 22}" y1="{y}" y2="{y}" class="line" stroke="{colour}"{dashed}/>'
        )
        parts.append(f'<text class="tick" x="{x + 28}" y="{y + 4}">{escape(one.name)}</text>')
    return parts


def _short(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) < 10 else f"{value:.0f}"
