# Copyright 2026 fer_ros maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""A chart of named points whose names keep clear of one another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import cos, pi, sin
from pathlib import Path
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from fer_training.papers.networks import Point

_RADII = (7, 12, 18, 25, 33, 42, 52, 63, 75, 88, 102, 118, 135)
"""How far from its point a name may begin [points]."""
_DIRECTIONS = 16
_MARK = 4
"""What a name keeps clear of around every point [pixels]."""


def draw(points: Sequence[Point], path: Path) -> None:
    """Draw accuracy over milliseconds a crop, a colour a publication."""
    figure = Figure(figsize=(8, 5.6), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots()
    for system in dict.fromkeys(point.system for point in points):
        own = [point for point in points if point.system == system]
        axes.scatter([p.ms for p in own], [p.accuracy for p in own], s=22, label=system)
    axes.set(
        xscale="log",
        xlabel="ms a crop, network alone, one thread",
        ylabel="PublicTest accuracy of one crop [%]",
    )
    axes.margins(x=0.12, y=0.12)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.tick_params(axis="x", which="both", labelsize=9)
    axes.grid(alpha=0.25, which="both", linewidth=0.5)
    figure.legend(loc="outside upper center", ncols=3, fontsize=10, frameon=False)
    canvas.draw()  # type: ignore[no-untyped-call] # settles the layout, which the names are placed in
    figure.set_layout_engine("none")
    name_points(axes, points, canvas)
    figure.savefig(path, dpi=100)


def name_points(axes: Axes, points: Sequence[Point], canvas: FigureCanvasAgg) -> list[Annotation]:
    """Write every name beside its point where it covers no other name and no point.

    A name that finds no such place is placed directly right of its point.

    Args:
        axes: With its final size and limits.
        points: To name.
        canvas: Measures text.
    """
    marks = [axes.transData.transform((point.ms, point.accuracy)) for point in points]
    taken = [
        Bbox.from_extents(x - _MARK, y - _MARK, x + _MARK, y + _MARK) for x, y in map(tuple, marks)
    ]
    names = []
    for point in sorted(points, key=lambda point: (point.ms, point.accuracy)):
        name = axes.annotate(
            point.label,
            (point.ms, point.accuracy),
            xytext=(0, 0),
            textcoords="offset points",
            fontsize=9,
            va="center",
            arrowprops={"arrowstyle": "-", "linewidth": 0.4, "color": "grey"},
        )
        for place in _places():
            box = _put(name, place, canvas)
            if _inside(box, axes.bbox) and not any(box.overlaps(other) for other in taken):
                break
        else:
            box = _put(name, next(_places()), canvas)
        taken.append(box)
        names.append(name)
    return names


_Side = Literal["left", "center", "right"]


def _places() -> Iterator[tuple[float, float, _Side]]:
    """Yield offsets [points] and alignments, the nearest and those to the right first."""
    for radius, step in product(_RADII, range(_DIRECTIONS)):
        turn = 2 * pi * ((step + 1) // 2) / _DIRECTIONS * (1 if step % 2 else -1)
        x, y = radius * cos(turn), radius * sin(turn)
        yield x, y, "center" if abs(x) < 0.3 * radius else "left" if x > 0 else "right"


def _put(name: Annotation, place: tuple[float, float, _Side], canvas: FigureCanvasAgg) -> Bbox:
    """Move a name; return the rectangle of its letters [pixels], without its line."""
    x, y, side = place
    name.set_position((x, y))
    name.set_horizontalalignment(side)
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    name.update_positions(renderer)
    return Bbox.from_extents(*Text.get_window_extent(name, renderer).padded(1.5).extents)


def _inside(box: Bbox, frame: Bbox) -> bool:
    return bool(
        box.x0 >= frame.x0 and box.x1 <= frame.x1 and box.y0 >= frame.y0 and box.y1 <= frame.y1
    )
