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

"""Small videos, made by PyAV's encoders for a test."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

av = pytest.importorskip("av", reason="videos need PyAV (pip install 'fer_ros[video]')")

MILLISECONDS = Fraction(1, 1000)


def write_video(
    path: Path,
    images: Sequence[np.ndarray],
    times_ms: Sequence[int],
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    prepare: Any = None,
) -> Path:
    """Write BGR images that are shown at given times.

    Args:
        path: Its ending names the container.
        images: uint8, shape (height, width, 3), all of one size.
        times_ms: When each is shown [ms].
        codec: FFmpeg's name of the encoder.
        options: Of the encoder.
        prepare: Called with the stream before it is written.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=1000, options=options or {})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.time_base = stream.codec_context.time_base = MILLISECONDS
        if prepare:
            prepare(stream)
        for image, time_ms in zip(images, times_ms):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = time_ms, MILLISECONDS
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def grey_levels(count: int, size: tuple[int, int] = (64, 48)) -> list[np.ndarray]:
    """Return images of one grey each, 10 brighter from one to the next; at most 22."""
    width, height = size
    return [np.full((height, width, 3), 20 + 10 * index, np.uint8) for index in range(count)]


def level(image: np.ndarray) -> int:
    """Return which of :func:`grey_levels` an image shows."""
    return round((float(image.mean()) - 17) / 10)
