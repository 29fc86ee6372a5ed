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

"""One colour a label, distinguishable for people with any colour vision.

The eight colours of Okabe and Ito, "Color Universal Design" (2008), less black. Grey is kept for
``uncertain`` and near-white for ``neutral``, so that colour means an expression.
"""

from __future__ import annotations

import re

from fer_ros.perception import emotions

PALETTE: dict[str, str] = {
    emotions.ANGRY: "#D55E00",
    emotions.DISGUST: "#009E73",
    emotions.FEAR: "#CC79A7",
    emotions.HAPPY: "#F0E442",
    emotions.SAD: "#0072B2",
    emotions.SURPRISE: "#56B4E9",
    emotions.NEUTRAL: "#E6E6E6",
    emotions.CONTEMPT: "#E69F00",
    emotions.UNCERTAIN: "#A6A6A6",
}
"""``#RRGGBB`` of each label."""

PEOPLE = ("#2B3A8C", "#8C510A", "#7B3294", "#1B5E20", "#9E1B4B", "#455A64")
"""``#RRGGBB`` of people: what joins a face on a picture with its strip on the page. Darker than
every label's, so that none is taken for an expression."""

_NUMBER = re.compile(r"(\d+)$")

_LONGEST_ID = 6

_DARK = 0.21
"""Relative luminance below which white is read better than black (sRGB, WCAG 2)."""


def bgr(label: str) -> tuple[int, int, int]:
    """Return a label's colour as OpenCV wants it; that of ``uncertain`` for an unknown label."""
    return _bgr(PALETTE.get(label, PALETTE[emotions.UNCERTAIN]))


def person_bgr(track_id: str) -> tuple[int, int, int]:
    """Return a person's colour, by the number at the end of the track's id; they come again."""
    found = _NUMBER.search(track_id)
    return _bgr(PEOPLE[int(found[1]) % len(PEOPLE) if found else 0])


def short_id(track_id: str) -> str:
    """Return the part of a track's id that differs between the tracks of a node."""
    return track_id.rpartition("_")[2][-_LONGEST_ID:]


def _bgr(color: str) -> tuple[int, int, int]:
    value = int(color[1:], 16)
    return value & 255, value >> 8 & 255, value >> 16


def ink(color: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return black or white (BGR), whichever is read better on a BGR colour."""
    linear = [(part / 255) ** 2.2 for part in color]
    luminance = 0.0722 * linear[0] + 0.7152 * linear[1] + 0.2126 * linear[2]
    return (0, 0, 0) if luminance > _DARK else (255, 255, 255)
