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

"""Video files: every frame, at its own time, upright, the same pixels on every machine."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import wave
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from videos import av, grey_levels, level, write_video

from fer_ros.sources.ahead import ahead
from fer_ros.sources.errors import CameraError
from fer_ros.sources.files import open_source, paced
from fer_ros.sources.video import Video, VideoFrame, square_size

UNEVEN = [0, 33, 70, 99, 133, 210, 233, 267, 300, 1500, 1533, 1567]
"""Milliseconds, as a browser that had other things to do records them."""


def frames_of(path: Path, start: float = 0.0, end: float = math.inf) -> list[VideoFrame]:
    with Video(path) as video:
        return list(video.frames(start, end))


def times_ms(frames: list[VideoFrame]) -> list[int]:
    return [round(frame.time_ns / 1e6) for frame in frames]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("browser.webm", "libvpx", {"deadline": "realtime"}),
        ("phone.mp4", "libx264", {"bf": "0"}),
        ("b-frames.mp4", "libx264", {"bf": "3"}),
        ("camera.mkv", "mjpeg", {}),
        ("stream.ts", "libx264", {"bf": "2"}),
        ("phone.mov", "mpeg4", {}),
    ],
)
def test_every_frame_comes_at_its_own_time(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    path = write_video(tmp_path / name, grey_levels(len(UNEVEN)), UNEVEN, codec, options)
    frames = frames_of(path)
    assert times_ms(frames) == UNEVEN
    assert [level(frame.image) for frame in frames] == list(range(len(UNEVEN)))
    assert [frame.index for frame in frames] == list(range(len(UNEVEN)))


def test_a_delay_by_edit_list_is_kept(tmp_path: Path) -> None:
    late = [time + 500 for time in UNEVEN]
    path = write_video(tmp_path / "late.mp4", grey_levels(len(late)), late, options={"bf": "2"})
    assert times_ms(frames_of(path)) == late


@pytest.mark.parametrize("start", [0.0, 0.1, 0.25, 0.3, 1.4, 1.567, 5.0])
@pytest.mark.parametrize("options", [{"g": "4", "bf": "2"}, {"g": "100", "bf": "0"}])
def test_a_part_holds_the_same_frames_as_the_whole(
    tmp_path: Path, start: float, options: dict[str, str]
) -> None:
    path = write_video(tmp_path / "v.mp4", grey_levels(len(UNEVEN)), UNEVEN, options=options)
    whole, part = frames_of(path), frames_of(path, start, end=1.55)
    expected = [f for f in whole if start <= f.time_ns / 1e9 < 1.55]
    assert times_ms(part) == times_ms(expected)
    assert [frame.index for frame in part] == [frame.index for frame in expected]
    for one, other in zip(part, expected):
        np.testing.assert_array_equal(one.image, other.image)


def corner(image: np.ndarray) -> str:
    """Return in which corner an image is bright."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    parts = {
        "top left": image[:height, :width], "top right": image[:height, width:],
        "bottom left": image[height:, :width], "bottom right": image[height:, width:],
    }  # fmt: skip
    return max(parts, key=lambda name: float(parts[name].mean()))


@pytest.mark.skipif(
    not hasattr(av.VideoStream, "set_display_rotation"), reason="this PyAV writes no display matrix"
)
@pytest.mark.parametrize(
    ("degrees", "mirror", "place", "shape"),
    [
        (0, False, "top left", (48, 64)),
        (-90, False, "top right", (64, 48)),
        (180, False, "bottom right", (48, 64)),
        (90, False, "bottom left", (64, 48)),
        (0, True, "top right", (48, 64)),
    ],
    ids=["upright", "a quarter clockwise", "upside down", "a quarter back", "mirrored"],
)
def test_the_display_matrix_is_applied(
    tmp_path: Path, degrees: int, mirror: bool, place: str, shape: tuple[int, int]
) -> None:
    image = np.zeros((48, 64, 3), np.uint8)
    image[:24, :32] = 255

    def turn(stream: object) -> None:
        stream.set_display_rotation(degrees, hflip=mirror)  # FFmpeg counts against the clock

    path = write_video(tmp_path / "turned.mp4", [image] * 2, [0, 40], prepare=turn)
    for frame in frames_of(path):
        assert corner(frame.image) == place
        assert frame.image.shape[:2] == shape


@pytest.mark.parametrize(
    ("aspect", "shape"),
    [
        ((2, 1), (48, 128)),
        ((16, 15), (48, 68)),
        ((1, 2), (96, 64)),
        ((1, 1), (48, 64)),
        ((1281, 1280), (48, 64)),
        ((100, 1), (48, 64)),
    ],
    ids=["wide", "PAL", "high", "square", "rounded", "absurd"],
)
@pytest.mark.parametrize(("name", "turned"), [("v.mp4", False), ("v.mkv", False), ("v.mp4", True)])
def test_pixels_come_out_square(
    tmp_path: Path, name: str, turned: bool, aspect: tuple[int, int], shape: tuple[int, int]
) -> None:
    image = np.zeros((48, 64, 3), np.uint8)
    image[:24, :32] = 255

    def stretch(stream: object) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(*aspect)
        if turned:
            stream.set_display_rotation(-90)

    if turned and not hasattr(av.VideoStream, "set_display_rotation"):
        pytest.skip("this PyAV writes no display matrix")
    path = write_video(tmp_path / name, [image] * 2, [0, 40], prepare=stretch)
    for frame in frames_of(path):
        assert corner(frame.image) == ("top right" if turned else "top left")
        assert frame.image.shape[:2] == (shape[::-1] if turned else shape)
        lit = frame.image.mean(axis=2) > 128
        assert abs(lit.mean() - 0.25) < 0.02


def test_a_size_without_an_aspect_stays() -> None:
    assert square_size(64, 48, None) == square_size(64, 48, Fraction(0)) == (64, 48)


@pytest.mark.parametrize("colorspace", [1, 5], ids=["BT.709", "BT.601"])
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
def test_colours_follow_the_flags_of_the_stream(
    tmp_path: Path, colorspace: int, full: bool
) -> None:
    orange = np.full((48, 64, 3), (30, 120, 230), np.uint8)
    path = tmp_path / "orange.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.colorspace = colorspace
        stream.codec_context.color_range = 2 if full else 1
        frame = av.VideoFrame.from_ndarray(orange, format="bgr24").reformat(
            format="yuv420p", dst_colorspace=colorspace, dst_color_range=2 if full else 1
        )
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    (found,) = frames_of(path)
    np.testing.assert_allclose(found.image.mean(axis=(0, 1)), (30, 120, 230), atol=6)


_DIGEST = """
import ctypes, glob, hashlib, pathlib, sys
import av
from fer_ros.sources.video import Video
if sys.argv[2] == "plain":
    (library,) = glob.glob(str(pathlib.Path(av.__file__).parents[1] / "av.libs" / "libavutil*"))
    ctypes.CDLL(library).av_force_cpu_flags(0)
digest = hashlib.sha256()
with Video(sys.argv[1]) as video:
    for frame in video.frames():
        digest.update(frame.image.tobytes())
print(digest.hexdigest())
"""


@pytest.mark.parametrize(
    ("name", "codec", "aspect"),
    [
        ("v.mp4", "libx264", 1),
        ("v.webm", "libvpx", 1),
        ("v.avi", "mjpeg", 1),
        ("v.mp4", "libx264", Fraction(64, 45)),
        ("v.mp4", "libx264", Fraction(8, 9)),
    ],
)
def test_pixels_do_not_depend_on_the_processor(
    tmp_path: Path, name: str, codec: str, aspect: Fraction | int
) -> None:
    if not list((Path(av.__file__).parents[1] / "av.libs").glob("libavutil*")):
        pytest.skip("this PyAV brings no FFmpeg of its own, so its vector code stays on")
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (3, 6, 8, 3), np.uint8)
    images = [np.kron(image, np.ones((9, 9, 1), np.uint8)) for image in coarse]
    images = [image[:50, :70] for image in images]

    def stretch(stream: object) -> None:
        stream.codec_context.sample_aspect_ratio = aspect

    path = write_video(tmp_path / name, images, [0, 40, 80], codec, prepare=stretch)
    digests = {
        subprocess.run(
            [sys.executable, "-c", _DIGEST, str(path), how],
            capture_output=True, text=True, check=True, env={**os.environ},
        ).stdout
        for how in ("vectors", "plain")
    }  # fmt: skip
    assert len(digests) == 1


@pytest.mark.parametrize("rate", [5.0, 10.0, 30.0, 60.0])
def test_uneven_times_are_played_at_their_own_speed(rate: float) -> None:
    image = grey_levels(1)[0]
    frames = [VideoFrame(image, time * 1_000_000, i) for i, time in enumerate(UNEVEN)]
    shown = [frame.index for frame in paced(iter(frames), rate)]
    assert shown == sorted(shown)
    mean = UNEVEN[-1] / (len(UNEVEN) - 1)
    assert len(shown) == pytest.approx((UNEVEN[-1] + mean) / 1000 * rate, abs=1)
    for tick, index in enumerate(shown):
        earlier = UNEVEN[index] / 1000 <= tick / rate + 0.25 / rate + 1e-9
        later = index + 1 == len(UNEVEN) or UNEVEN[index + 1] / 1000 > tick / rate + 0.2 / rate
        assert earlier, f"frame {index} at tick {tick}"
        assert later, f"frame {index} still at tick {tick}"


def test_a_jump_of_the_clock_is_no_endless_pause() -> None:
    image = grey_levels(1)[0]
    times = [0, 10**15, 10**15 + 100_000_000, 5]
    frames = [VideoFrame(image, time, index) for index, time in enumerate(times)]
    assert len(list(paced(iter(frames), 10.0))) < 200


def test_a_browsers_clip_is_a_source_of_all_its_frames(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(np.maximum(1, np.rint(rng.normal(33, 6, 40)))).astype(int).tolist()
    path = write_video(tmp_path / "clip.webm", grey_levels(20) * 2, times, "libvpx")
    assert [name for _, name in open_source(str(path))] == [f"clip.webm#{i}" for i in range(40)]
    assert len(list(open_source(str(path), rate=30.0))) == pytest.approx(40, abs=2)


def test_a_cut_file_gives_the_frames_that_are_there(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (48, 64, 3), np.uint8) for _ in range(20)]
    path = write_video(tmp_path / "v.mkv", images, list(range(0, 800, 40)), options={"g": "1"})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert 5 < len(frames_of(path)) < 15


def test_damage_is_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (48, 64, 3), np.uint8) for _ in range(10)]
    path = write_video(tmp_path / "v.mkv", images, list(range(0, 400, 40)), "mjpeg")
    content = bytearray(path.read_bytes())
    fifth = [at for at in range(len(content)) if content[at : at + 3] == b"\xff\xd8\xff"][4]
    content[fifth : fifth + 900] = bytes(900)
    path.write_bytes(content)
    with Video(path) as video:
        indices = [round(frame.time_ns / 1e6) for frame in video.frames()]
        assert indices == [time for time in range(0, 400, 40) if time != 160]
        assert video.damaged == 1


def test_a_name_with_a_colon_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = write_video(tmp_path / "v.mp4", grey_levels(2), [0, 40])
    made.rename(tmp_path / "rtsp:12:30.mp4")
    monkeypatch.chdir(tmp_path)
    assert len(frames_of(Path("rtsp:12:30.mp4"))) == 2


def silence(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(1600))


@pytest.mark.parametrize(
    ("name", "write", "words"),
    [
        ("sound.wav", silence, "holds no video"),
        ("text.mp4", lambda path: path.write_text("no video " * 50), "cannot be opened as a video"),
        ("empty.mp4", lambda path: path.write_bytes(b""), "cannot be opened as a video"),
        ("folder", lambda path: path.mkdir(), "is no file"),
        ("pipe.mp4", os.mkfifo, "is no file"),
        ("none.mp4", lambda path: None, "is no file"),
    ],
)
def test_what_is_no_video_is_named(tmp_path: Path, name: str, write: object, words: str) -> None:
    write(tmp_path / name)
    with pytest.raises(CameraError, match=words) as caught:
        Video(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_video_without_frames_is_named(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mkv", grey_levels(1), [0], "mjpeg")
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"\xff\xd8\xff")])
    with pytest.raises(CameraError, match="holds no readable frame"):
        frames_of(path)


def test_without_pyav_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(CameraError, match=r"pip install 'fer_ros\[video\]'"):
        Video(tmp_path / "v.mp4")


def test_reading_ahead_keeps_order_and_errors() -> None:
    assert list(ahead(iter(range(50)), 3)) == list(range(50))

    def failing() -> object:
        yield 1
        raise CameraError("gone")

    items = ahead(failing(), 3)
    assert next(items) == 1
    with pytest.raises(CameraError, match="gone"):
        next(items)


def test_reading_ahead_ends_with_its_reader() -> None:
    closed = []

    def endless() -> object:
        try:
            yield from range(10**9)
        finally:
            closed.append(True)

    items = ahead(endless(), 2)
    assert [next(items), next(items)] == [0, 1]
    items.close()
    assert closed
