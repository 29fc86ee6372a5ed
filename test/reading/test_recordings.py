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

"""When the frames of a recording were, by the clock that replay places them by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from packets import FORMS, encoded
from videos import write_video

from fer_ros.reading.drawing import VIDEO_ENDINGS
from fer_ros.reading.finding import find_sources
from fer_ros.reading.reader import Reader
from fer_ros.reading.recordings import Part, RecordingFrames
from fer_ros.reading.work import Work, Worker
from fer_ros.sources.video import Video
from fer_ros.transport import codec, messages
from fer_ros.transport.bag import BagWriter
from fer_ros.transport.base import Qos
from fer_ros.transport.video_messages import COMPRESSED_VIDEO

SECOND, HOUR = 10**9, 3600 * 10**9
START = 1_700_000_000 * SECOND
WALL = np.full((48, 64, 3), 120, np.uint8)
_COUNT = 40
WHOLE = Part(0.0, 0.0, float("inf"))


def recorded(folder: Path, *images: tuple[str, int]) -> Path:
    """Write images ten times a second; topic and stamp of each are given."""
    writer = BagWriter(folder)
    for topic in sorted({topic for topic, _ in images}):
        writer.add_topic(topic, messages.IMAGE, Qos())
    for index, (topic, stamp) in enumerate(images):
        image = messages.image(WALL, stamp, "camera")
        writer.write(topic, START + index * SECOND // 10, codec.encode(image))
    writer.close()
    return folder


def read(path: Path, part: Part = WHOLE) -> tuple[list[float], list[str]]:
    """Return the frames' times after the first one and what is warned of."""
    (source,) = find_sources([str(path)])
    source = replace(source, topics=dict.fromkeys(("/a", "/b", "/cam"), messages.IMAGE))
    frames = RecordingFrames(source, Reader(), part)
    times = [reading.time or 0.0 for _, reading, _ in frames]
    assert not frames.notes.damage
    return [round(time - times[0], 1) for time in times], frames.notes.remarks


@pytest.mark.parametrize(
    ("stamps", "warned"),
    [
        ([START + i * SECOND // 10 for i in range(_COUNT)], ""),
        ([0] * _COUNT, ""),
        ([0, *(START + i * SECOND // 10 for i in range(1, _COUNT))], ""),
        ([(50 + i) * SECOND // 10 for i in range(_COUNT)], ""),
        ([START + i * SECOND // 10 + HOUR * (i >= 25) for i in range(_COUNT)], "3600.0 s"),
        ([START + i * SECOND // 10 - HOUR * (i >= 25) for i in range(_COUNT)], "3599.9 s"),
        ([START + i * SECOND // 10 - HOUR * (i in (20, 30)) for i in range(_COUNT)], "3600.0 s"),
    ],
    ids=["plain", "unstamped", "first unstamped", "since boot", "ahead", "back", "to and fro"],
)
def test_time_goes_on_whatever_the_stamps_do(tmp_path: Path, stamps, warned: str) -> None:
    times, warnings = read(recorded(tmp_path / "bag", *(("/cam", stamp) for stamp in stamps)))
    assert times == [round(i / 10, 1) for i in range(_COUNT)]
    assert len(warnings) == bool(warned), warnings
    assert warned in "".join(warnings)


def test_cameras_of_two_clocks_share_an_axis(tmp_path: Path) -> None:
    images = [
        ("/a", START + i * SECOND // 10) if i % 2 else ("/b", START + i * SECOND // 10 - HOUR)
        for i in range(_COUNT)
    ]
    path = recorded(tmp_path / "bag", *images)
    times, warnings = read(path)
    assert times == [round(i / 10, 1) for i in range(_COUNT)]
    assert ["/b: its clock is 3600.0 s behind" in text for text in warnings] == [True]
    assert read(path, Part(0.0, 0.25, 0.75))[0] == [0.0, 0.1, 0.2, 0.3, 0.4]


def test_a_period_shorter_than_clocks_count_takes_every_frame(tmp_path: Path) -> None:
    stamps = [START + i * SECOND // 10 for i in range(_COUNT)]
    path = recorded(tmp_path / "bag", *(("/cam", stamp) for stamp in stamps))
    assert len(read(path, Part(1e-12, 0.0, float("inf")))[0]) == _COUNT


@pytest.mark.parametrize(
    ("lost", "frames", "damage", "remark"),
    [
        ((0, 1), 4, 0, "the first 2 images of /cam came before a key frame"),
        ((5,), 5, 1, ""),
    ],
    ids=["joined between key frames", "a packet lost"],
)
def test_a_recorder_may_join_a_video_where_it_likes(
    tmp_path: Path, lost: tuple[int, ...], frames: int, damage: int, remark: str
) -> None:
    images = [np.full((48, 64, 3), 20 * index, np.uint8) for index in range(8)]
    writer = BagWriter(tmp_path / "bag")
    writer.add_topic("/cam", COMPRESSED_VIDEO, Qos())
    for index, packet in enumerate(encoded(images, every=4)):
        stamp = START + index * SECOND // 10
        if index not in lost:
            writer.write("/cam", stamp, codec.encode(FORMS["foxglove"](packet, stamp, index)))
    writer.close()
    (source,) = find_sources([str(tmp_path / "bag")])
    source = replace(source, topics={"/cam": COMPRESSED_VIDEO})
    found = RecordingFrames(source, Reader(), WHOLE)
    assert len(list(found)) == frames
    assert len(found.notes.damage) == damage
    assert found.notes.remarks == ([remark] if remark else [])


def test_what_is_drawn_of_a_recording_begins_at_zero(tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="videos need PyAV (pip install 'fer_ros[video]')")
    stamps = [START + i * SECOND // 10 for i in range(6)]
    bag = recorded(tmp_path / "bag", *zip(("/a", "/b") * 3, stamps))
    (source,) = find_sources([str(bag)])
    source = replace(source, topics=dict.fromkeys(("/a", "/b"), messages.IMAGE))
    list(Worker(Reader(), Work(WHOLE, drawn=tmp_path / "drawn")).read(0, source))
    for name, first in (("bag_a", 0.0), ("bag_b", 0.1)):
        with av.open(str(tmp_path / "drawn" / f"{name}.mp4")) as container:
            times = [frame.time for frame in container.decode(video=0)]
        assert times == pytest.approx([first, first + 0.2, first + 0.4])


def test_what_is_drawn_of_a_part_of_a_video_begins_there(tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="videos need PyAV (pip install 'fer_ros[video]')")
    film = write_video(tmp_path / "film.mp4", [WALL] * 10, [i * 1000 for i in range(10)])
    (source,) = find_sources([str(film)])
    work = Work(Part(0.0, 5.5, 9.0), drawn=tmp_path / "drawn")
    list(Worker(Reader(), work).read(0, source))
    with av.open(str(tmp_path / "drawn" / "film.mp4")) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx([0.5, 1.5, 2.5])


@pytest.mark.parametrize("missing", ["", "libx264"])
@pytest.mark.parametrize("ending", VIDEO_ENDINGS)
def test_frames_that_are_drawn_keep_their_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, missing: str
) -> None:
    av = pytest.importorskip("av", reason="videos need PyAV (pip install 'fer_ros[video]')")
    monkeypatch.setattr(av, "codecs_available", av.codecs_available - {missing})
    moments = [0, 100, 200, 300, 2300, 2400, 2433, 2500]
    (source,) = find_sources([str(write_video(tmp_path / "film.mp4", [WALL] * 8, moments))])
    drawn = tmp_path / f"drawn{ending}"
    list(Worker(Reader(), Work(WHOLE, drawn_file=drawn)).read(0, source))
    times = [frame.time_ns / 1e6 for frame in Video(drawn).frames()]
    assert times == pytest.approx(moments, abs=2)


def test_an_image_may_be_as_large_as_the_parameter_says(tmp_path: Path) -> None:
    path = recorded(tmp_path / "bag", ("/cam", START), ("/cam", START + SECOND))
    (source,) = find_sources([str(path)])
    source = replace(source, topics={"/cam": messages.IMAGE})
    height, width = WALL.shape[:2]
    for most, read_ones in ((height * width, 2), (height * width - 1, 0)):
        frames = RecordingFrames(source, Reader(max_image_pixels=most), WHOLE)
        assert len(list(frames)) == read_ones
        assert ("max_image_pixels" in "".join(frames.notes.damage)) == (read_ones == 0)
