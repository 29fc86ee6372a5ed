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

"""Name tags of faces as small pictures, drawn once and then only copied.

Text that is drawn four times too large and averaged down is read at heights at which OpenCV's own
thin strokes are not, and a copy costs a few microseconds where drawing costs a hundred.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from fer_ros.perception import emotions
from fer_ros.perception.palette import bgr, ink, person_bgr, short_id
from fer_ros.perception.types import Image

Color = tuple[int, int, int]

DARK: Color = (28, 28, 28)
"""Background of bars and of what is uncertain (BGR)."""

LIGHT: Color = (225, 225, 225)
"""Text on it."""

_FONT = cv2.FONT_HERSHEY_DUPLEX
_CAPITAL = 21.0
"""Height of that font's capitals at scale 1 [pixels]."""
_OVERSAMPLING = 4
_SHORT = 3
"""Letters of a shortened label; they distinguish all labels."""


@dataclass(frozen=True)
class TagStyle:
    """Content and size of a tag."""

    label: str
    capital: int
    """Height of a capital letter [pixels]; 0 leaves the text out."""
    short: bool = False
    track_id: str = ""
    """Shown behind the label, short and in the person's colour; may be empty."""

    @property
    def bar(self) -> int:
        """Height of the confidence bar [pixels]."""
        return max(round(0.4 * self.capital), 4)


def text_of(style: TagStyle) -> str:
    """Return the label part of a tag, without its id."""
    if style.label == emotions.UNCERTAIN:
        return "?" if style.short else style.label
    return style.label[:_SHORT] if style.short else style.label


@lru_cache(maxsize=512)
def tag_picture(style: TagStyle) -> Image:
    """Return the tag without its bar, shape (height, width, 3), BGR; not to be written to."""
    background = DARK if style.label == emotions.UNCERTAIN else bgr(style.label)
    color = LIGHT if style.label == emotions.UNCERTAIN else ink(background)
    parts = [_text(text_of(style), style.capital, color, background)]
    if style.track_id:
        own = person_bgr(style.track_id)
        parts.append(_text(short_id(style.track_id), style.capital, ink(own), own))
    picture = np.concatenate(parts, axis=1)
    picture.setflags(write=False)
    return picture


@lru_cache(maxsize=1024)
def tag_size(style: TagStyle) -> tuple[int, int]:
    """Return width and height of the whole tag with its bar [pixels]."""
    bar = 0 if style.label == emotions.UNCERTAIN else style.bar
    height, width = tag_picture(style).shape[:2]
    return width, height + bar


def _text(text: str, capital: int, color: Color, background: Color) -> Image:
    """Return a line of text with a margin around it."""
    scale = _OVERSAMPLING * capital / _CAPITAL
    stroke = max(round(1.6 * scale), 1)
    (width, _), _ = cv2.getTextSize(text, _FONT, scale, stroke)
    margin = max(capital // 3, 2)
    tall, wide = capital + 2 * margin, -(-width // _OVERSAMPLING) + 2 * margin
    large = np.empty((tall * _OVERSAMPLING, wide * _OVERSAMPLING, 3), np.uint8)
    large[:] = background
    # Half of the margin below goes to the tails of g and p.
    place = (margin * _OVERSAMPLING, (margin + capital) * _OVERSAMPLING - _OVERSAMPLING // 2)
    cv2.putText(large, text, place, _FONT, scale, color, stroke, cv2.LINE_AA)
    return np.asarray(cv2.resize(large, (wide, tall), interpolation=cv2.INTER_AREA), np.uint8)
