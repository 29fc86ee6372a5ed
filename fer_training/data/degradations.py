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

"""Degradations of face crops, at fixed severities, for the robustness table.

Unlike the random changes of ``augment.py``, these are fixed, run outside PyTorch, and share no
code with training, so that a network is not measured by the very function that trained it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from fer_ros.perception.alignment import Window, cut
from fer_ros.perception.types import Image

Change = Callable[[Image, np.random.Generator], Image]
"""A new crop, of the same height and width, from a crop and a source of random numbers."""


@dataclass(frozen=True)
class Condition:
    """One row of the robustness table."""

    name: str
    change: Change
    draws: int = 1
    """How often every face is changed; the accuracy is the mean over them."""
    largest_drop: float | None = None
    """Loss of accuracy from which a network does not count as fit for cameras [0..1]."""


def jitter(image: Image, rng: np.random.Generator, extent: float) -> Image:
    """Move the crop window and change its side, each uniformly within ±extent crop sides.

    FER2013's crops end at their border, so what lies outside repeats it. A camera image would show
    hair and background there, so the figure is somewhat pessimistic.
    """
    x, y, scale = rng.uniform(-extent, extent, 3)
    return _window(image, float(x), float(y), 1 + float(scale))


def jitter_inwards(image: Image, rng: np.random.Generator, extent: float) -> Image:
    """Shrink the crop window by up to 2 extent of its side and move it, never beyond the border.

    Against a window of 1 - extent, the mean, side and middle vary by ±extent as in :func:`jitter`,
    with nothing invented; but the face is always too large, and far moves go with small windows.
    """
    side = 1 - float(rng.uniform(0, 2 * extent))
    x, y = rng.uniform(-(1 - side) / 2, (1 - side) / 2, 2)
    return _window(image, float(x), float(y), side)


def rotate(image: Image, rng: np.random.Generator, degrees: float) -> Image:
    """Turn the face about the middle, either way; the border is repeated outside."""
    return _window(image, 0.0, 0.0, 1.0, math.radians(degrees) * (1 - 2 * int(rng.integers(2))))


def _window(image: Image, x: float, y: float, side: float, roll: float = 0.0) -> Image:
    """Resample a square window of a crop once, bicubic; arguments in crop sides and rad."""
    height, width = image.shape[:2]
    cos, sin = side * math.cos(roll), side * math.sin(roll)
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    to_source = np.array(
        [
            [cos, -sin, middle_x + x * width - cos * middle_x + sin * middle_y],
            [sin, cos, middle_y + y * height - sin * middle_x - cos * middle_y],
        ]
    )
    flags = cv2.WARP_INVERSE_MAP | cv2.INTER_CUBIC
    changed = cv2.warpAffine(
        image, to_source, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(changed, np.uint8)


def far(image: Image, _: np.random.Generator, side: float) -> Image:
    """Shrink a face of 48 pixels to a side as the lens would; enlarge it as the node does.

    The mean over areas down, :func:`fer_ros.perception.alignment.cut` (bicubic) up.
    """
    height, width = image.shape[:2]
    small_side = round(side * width / 48)
    small = cv2.resize(image, (small_side, small_side), interpolation=cv2.INTER_AREA)
    middle = (small_side - 1) / 2
    channels = 1 if image.ndim == 2 else 3
    window = Window(middle, middle, small_side)
    return cut(np.asarray(small, np.uint8), window, width, height, channels)


def blur(image: Image, _: np.random.Generator, sigma: float) -> Image:
    """Blur by a Gaussian; sigma in pixels of a crop of 48."""
    sigma *= image.shape[1] / 48
    blurred = cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.uint8)


def noise(image: Image, rng: np.random.Generator, sigma: float) -> Image:
    """Add Gaussian noise; sigma in ranges of the pixel values."""
    return _quantised(image + rng.normal(0, 255 * sigma, image.shape))


def low_light(image: Image, rng: np.random.Generator, sigma: float) -> Image:
    """Gamma 2, two fifths of the brightness, noise of sigma, then eight bits: at most 102 grey."""
    dark = 0.4 * 255 * (image / 255.0) ** 2
    return _quantised(dark + rng.normal(0, 255 * sigma, image.shape))


def overexpose(image: Image, _: np.random.Generator, gain: float) -> Image:
    """Multiply and clip."""
    return _quantised(gain * image.astype(np.float64))


def jpeg(image: Image, _: np.random.Generator, quality: int) -> Image:
    """Encode and decode the crop itself, which is harder than a JPEG of a larger face."""
    encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED), np.uint8)


def contrast(image: Image, _: np.random.Generator, factor: float) -> Image:
    """Stretch the pixels about their mean and clip, as of faces under one hard lamp."""
    mean = float(image.mean())
    return _quantised((image.astype(np.float64) - mean) * factor + mean)


def border(image: Image, _: np.random.Generator, share: float) -> Image:
    """Show the face smaller, with a border of a share of the crop's side; the edge is repeated."""
    return _window(image, 0.0, 0.0, 1 + 2 * share)


def sharpen(image: Image, _: np.random.Generator, amount: float) -> Image:
    """Add an unsharp mask, as of a face shrunk from a large photo; FER2013's are soft."""
    soft = cv2.GaussianBlur(image, (0, 0), 0.8 * image.shape[1] / 48)
    return _quantised(image + amount * (image.astype(np.float64) - soft))


def hide_quarter(image: Image, rng: np.random.Generator) -> Image:
    """Hide one of the four quarters by middle grey."""
    height, width = image.shape[:2]
    top, left = int(rng.integers(2)) * (height // 2), int(rng.integers(2)) * (width // 2)
    changed = image.copy()
    changed[top : top + height // 2, left : left + width // 2] = 128
    return changed


def hide_rows(image: Image, _: np.random.Generator, rows: tuple[float, float], grey: int) -> Image:
    """Hide a band; first and last row in crop sides."""
    height = image.shape[0]
    changed = image.copy()
    changed[round(rows[0] * height) : round(rows[1] * height)] = grey
    return changed


def tint(
    image: Image,
    _: np.random.Generator,
    exponents: tuple[float, float, float] = (1.0, 1.0, 1.0),
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> Image:
    """Colour the crop (blue, green, red) and let the node turn it to grey again.

    FER2013 is grey, so its true colours are unknown. What is measured is the way of the node from
    BGR to grey (:func:`fer_ros.perception.alignment.cut`) on crops coloured evenly: the tone curve
    and the clipping of channels change, but not the contrast between parts of different colour.
    """
    bgr = np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image
    coloured = _quantised(255 * np.array(gains) * (bgr / 255.0) ** np.array(exponents))
    height, width = image.shape[:2]
    return cut(coloured, Window((width - 1) / 2, (height - 1) / 2, width), width, height, 1)


def _quantised(values: np.ndarray) -> Image:
    """Round and clip to eight bits."""
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


_JITTER_DRAWS = 5

CONDITIONS = (
    Condition("crop ±5 %", partial(jitter, extent=0.05), _JITTER_DRAWS),
    Condition("crop ±10 %", partial(jitter, extent=0.10), _JITTER_DRAWS, largest_drop=0.015),
    Condition("crop ±15 %", partial(jitter, extent=0.15), _JITTER_DRAWS),
    Condition("crop inwards, 5 %", partial(jitter_inwards, extent=0.05), _JITTER_DRAWS),
    Condition("crop inwards, 10 %", partial(jitter_inwards, extent=0.10), _JITTER_DRAWS),
    Condition("face of 32 px", partial(far, side=32)),
    Condition("face of 24 px", partial(far, side=24)),
    Condition("face of 16 px", partial(far, side=16)),
    Condition("blur, sigma 1 px", partial(blur, sigma=1.0)),
    Condition("blur, sigma 2 px", partial(blur, sigma=2.0)),
    Condition("noise, sigma 5 %", partial(noise, sigma=0.05)),
    Condition("noise, sigma 10 %", partial(noise, sigma=0.10)),
    Condition("low light", partial(low_light, sigma=0.0)),
    Condition("low light, noise 2 %", partial(low_light, sigma=0.02)),
    Condition("overexposed 1.5 times", partial(overexpose, gain=1.5)),
    Condition("overexposed 2 times", partial(overexpose, gain=2.0)),
    Condition("JPEG quality 50", partial(jpeg, quality=50)),
    Condition("JPEG quality 20", partial(jpeg, quality=20)),
    Condition("rotated 10°", partial(rotate, degrees=10.0)),
    Condition("rotated 20°", partial(rotate, degrees=20.0)),
    Condition("a quarter hidden", hide_quarter),
    Condition("mask (lower third, light grey)", partial(hide_rows, rows=(2 / 3, 1.0), grey=200)),
    Condition("bar over the eyes (black)", partial(hide_rows, rows=(0.28, 0.49), grey=0)),
    Condition("skin tint to grey", partial(tint, exponents=(1.25, 1.0, 0.8))),
    Condition("warm lamp to grey", partial(tint, gains=(0.5, 0.9, 1.5))),
    Condition("blue light to grey", partial(tint, gains=(1.6, 1.0, 0.5))),
)
"""Every row of the table, in its order; the names are stable, since random numbers hang on them."""

SHIFTS = (
    *(
        entry
        for entry in CONDITIONS
        if entry.name
        in {
            "crop ±15 %",
            "face of 24 px",
            "blur, sigma 1 px",
            "noise, sigma 5 %",
            "low light",
            "overexposed 1.5 times",
            "JPEG quality 20",
            "rotated 20°",
            "a quarter hidden",
        }
    ),
    Condition("contrast 1.5 times", partial(contrast, factor=1.5)),
    Condition("border of a tenth", partial(border, share=0.1)),
    Condition("sharpened", partial(sharpen, amount=1.0)),
)
"""How faces of other sources differ from FER2013's: what `fer-train shift` changes."""

LIGHTS = (
    *(entry for entry in CONDITIONS if entry.name == "low light, noise 2 %"),
    Condition("contrast 0.4 times", partial(contrast, factor=0.4)),
)
"""More of poor light, which the node corrects (:mod:`fer_ros.perception.exposure`)."""
