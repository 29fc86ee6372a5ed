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

"""Sources of images: a real video, pictures, and what cannot be opened."""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_ros.sources.errors import CameraError
from fer_ros.sources.files import open_source

FRAMES = 20
RATE = 10.0


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty frames of 64x48 at 10 Hz that get brighter by 10 each."""
    path = tmp_path_factory.mktemp("video") / "ramp.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), RATE, (64, 48))
    assert writer.isOpened()
    for index in range(FRAMES):
        writer.write(np.full((48, 64, 3), 10 * index, np.uint8))
    writer.release()
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, value in (("b.png", 20), ("a.JPG", 10), ("c.jpeg", 30)):
        cv2.imwrite(str(tmp_path / name), np.full((30, 40, 3), value, np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def levels(source: str, **options: object) -> list[int]:
    return [round(float(image.mean()) / 10) for image, _ in open_source(source, **options)]


def test_a_video_gives_every_frame_with_its_name(video: Path) -> None:
    frames = list(open_source(str(video)))
    assert [name for _, name in frames] == [f"ramp.avi#{index}" for index in range(FRAMES)]
    assert all(image.shape == (48, 64, 3) and image.dtype == np.uint8 for image, _ in frames)
    assert levels(str(video)) == list(range(FRAMES))


def test_a_video_runs_at_its_own_speed(video: Path) -> None:
    assert levels(str(video), rate=5.0) == list(range(0, FRAMES, 2))
    assert levels(str(video), rate=20.0) == [index // 2 for index in range(2 * FRAMES)]
    assert levels(str(video), rate=RATE) == list(range(FRAMES))


def test_a_video_loops(video: Path) -> None:
    names = [name for _, name in islice(open_source(str(video), loop=True), 2 * FRAMES + 3)]
    assert names[FRAMES : FRAMES + 3] == names[2 * FRAMES :] == names[:3]


def test_pictures_come_in_the_order_of_their_names(folder: Path) -> None:
    assert [name for _, name in open_source(str(folder))] == ["a.JPG", "b.png", "c.jpeg"]
    looped = islice(open_source(str(folder), loop=True), 7)
    assert [name[0] for _, name in looped] == list("abcabca")


def test_a_single_picture_is_a_source(folder: Path) -> None:
    assert [name for _, name in open_source(str(folder / "b.png"))] == ["b.png"]


@pytest.mark.parametrize("size", [(20, 15), (80, 60), (64, 48), (33, 57)])
def test_images_are_scaled(video: Path, folder: Path, size: tuple[int, int]) -> None:
    for source in (video, folder):
        for image, _ in open_source(str(source), size=size):
            assert image.shape == (size[1], size[0], 3)


def test_real_clips_can_be_read(shared: Path) -> None:
    clips = sorted((shared / "data" / "videos").glob("*.m*"))
    assert clips
    for clip in clips:
        images = [image for image, _ in islice(open_source(str(clip), size=(320, 240)), 5)]
        assert len(images) == 5


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("absent.mp4", None, "no video, picture or folder at"),
        ("text.mp4", b"this is no video" * 100, "cannot be opened as a video"),
        ("empty.mp4", b"", "cannot be opened as a video"),
    ],
)
def test_what_cannot_be_opened_is_named(
    name: str, content: bytes | None, words: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CameraError, match=words) as caught:
        open_source(str(tmp_path / name))
    assert name in str(caught.value)


def test_an_empty_name_is_not_this_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(CameraError, match="empty name"):
        open_source("")


def test_a_damaged_picture_is_named(folder: Path) -> None:
    whole = (folder / "b.png").read_bytes()
    (folder / "b.png").write_bytes(whole[: len(whole) // 2])
    images = open_source(str(folder))
    assert next(images)[1] == "a.JPG"
    with pytest.raises(CameraError, match=r"b\.png cannot be read: the PNG is truncated"):
        next(images)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="no pictures"):
        open_source(str(tmp_path))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="devices of Linux")
@pytest.mark.parametrize("device", ["/dev/random", "/dev/full", "/dev/zero", "/dev/null"])
def test_a_device_that_is_no_webcam_is_refused_at_once(device: str) -> None:
    with pytest.raises(CameraError, match=rf"{device} is no webcam"):
        open_source(device)


def test_a_missing_webcam_is_explained() -> None:
    with pytest.raises(CameraError, match=r"webcam 97 cannot be opened.*/dev/video"):
        open_source("97")


@pytest.mark.parametrize("options", [{"size": (0, 10)}, {"rate": -1.0}, {"rate": float("nan")}])
def test_senseless_options_are_refused(video: Path, options: dict) -> None:
    with pytest.raises(ValueError, match="makes no sense"):
        open_source(str(video), **options)
