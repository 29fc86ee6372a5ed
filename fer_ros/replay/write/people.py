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

"""The report's section on people: each one's time by expression, and most confident moments."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fer_ros.reading.moments import Pictures
from fer_ros.reading.summary import PersonSummary, SourceSummary
from fer_ros.replay.display_text import shown
from fer_ros.replay.write.charts import color

_MOST_PEOPLE = 24
"""People of a camera that are shown; more are counted."""


@dataclass(frozen=True)
class Share:
    """A part of a bar, in per cent of it."""

    x: float
    width: float
    color: str
    words: str


@dataclass(frozen=True)
class Surest:
    """The picture of a moment."""

    label: str
    words: str
    picture: str
    """JPEG in base64."""


@dataclass(frozen=True)
class Person:
    """A row of the section."""

    name: str
    track: int | None
    """Number of the track's chart, where there is one."""
    shares: list[Share]
    words: str
    cells: list[str]
    surest: list[Surest]


@dataclass(frozen=True)
class Camera:
    """A table of the section."""

    headline: str
    people: list[Person]
    more: int


CELLS = ("#uncertain", "#changes/min", "#quality", "#from", "#seen", "#missing")
"""Headings of :attr:`Person.cells`."""


def section(
    summaries: Sequence[SourceSummary],
    moments: Mapping[str, Pictures],
    classes: Sequence[str],
    tracks: Mapping[str, int],
) -> dict[str, Any]:
    """Return what the template shows.

    Args:
        summaries: As in ``metrics.json``.
        moments: Pictures by camera; empty where they were not asked for.
        classes: Names of the probabilities.
        tracks: Numbers of the tracks that have charts.
    """
    cameras = [
        Camera(
            shown(summary.headline),
            [
                _person(person, moments.get(summary.source, {}), classes, tracks)
                for person in summary.people[:_MOST_PEOPLE]
            ],
            max(len(summary.people) - _MOST_PEOPLE, 0) + summary.more_people,
        )
        for summary in summaries
    ]
    return {"people": cameras, "people_cells": CELLS, "people_pictured": bool(moments)}


def _person(
    person: PersonSummary, pictures: Pictures, classes: Sequence[str], tracks: Mapping[str, int]
) -> Person:
    rate = person.changes_per_minute
    return Person(
        shown(person.track),
        tracks.get(person.track),
        _shares(person, classes),
        shown(person.words),
        [
            f"{person.uncertain:.0%}",
            "n/a" if rate is None else f"{rate:.0f}",
            f"{person.quality:.2f}",
            f"+{person.first:.1f}\N{NO-BREAK SPACE}s",
            f"{person.seen:.1f}\N{NO-BREAK SPACE}s",
            f"{person.missing:.0%}",
        ],
        _surest(person, pictures.get(person.track, {})),
    )


def _shares(person: PersonSummary, classes: Sequence[str]) -> list[Share]:
    """Return the bar; its parts in the order of the classes, so that bars can be compared."""
    order = [*classes, *sorted(set(person.shown) - set(classes))]
    shares, x = [], 0.0
    for label in order:
        width = 100 * person.shown.get(label, 0.0)
        if width > 0:
            words = f"{shown(label)} {width:.0f} %"
            shares.append(Share(round(x, 3), round(width, 3), color(label, classes), words))
        x += width
    return shares


def _surest(person: PersonSummary, pictures: Mapping[str, bytes]) -> list[Surest]:
    return [
        Surest(
            shown(label),
            f"+{person.surest[label].time:.1f} s",
            base64.b64encode(pictures[label]).decode(),
        )
        for label in person.shown
        if label in pictures and label in person.surest
    ]
