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

"""Where a video ends: of its own, after a last frame that stays, or because it is cut."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from videos import av

from fer_ros.sources.video import Video


def slides(path: Path, codec: str, durations_ms: list[int]) -> Path:
    """Write pictures that are shown for given times; the head stands before them."""
    rng = np.random.default_rng(0)
    options = {"movflags": "faststart"} if path.suffix == ".mp4" else {}
    kind = {"mjpeg": "yuvj420p", "gif": "rgb8"}.get(codec, "yuv420p")
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=100)
        stream.width, stream.height, stream.pix_fmt = 64, 48, kind
        stream.time_base = stream.codec_context.time_base = Fraction(1, 100)
        time = 0
        for duration in durations_ms:
            noise = rng.integers(0, 256, (48, 64, 3), np.uint8)
            frame = av.VideoFrame.from_ndarray(noise, format="bgr24").reformat(format=kind)
            frame.pts, frame.time_base = time // 10, Fraction(1, 100)
            for packet in stream.encode(frame):
                packet.duration = duration // 10
                container.mux(packet)
            time += duration
    return path


def ends_early(path: Path) -> float | None:
    with Video(path) as video:
        assert list(video.frames())
        return video.ended_early


@pytest.mark.parametrize("durations", [[100] * 5 + [3000], [2000] * 3, [2000]])
@pytest.mark.parametrize(
    ("name", "codec"), [("v.mp4", "mpeg4"), ("v.gif", "gif"), ("v.mkv", "mjpeg")]
)
def test_a_last_frame_that_stays_is_no_missing_end(
    tmp_path: Path, name: str, codec: str, durations: list[int]
) -> None:
    assert ends_early(slides(tmp_path / name, codec, durations)) is None


@pytest.mark.parametrize("duration", [100, 2000])
@pytest.mark.parametrize(("name", "codec"), [("v.mp4", "mpeg4"), ("v.mkv", "mjpeg")])
def test_a_cut_file_ends_early(tmp_path: Path, name: str, codec: str, duration: int) -> None:
    path = slides(tmp_path / name, codec, [duration] * 20)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert 0.2 < ends_early(path) / (0.02 * duration) < 0.8
