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

"""Readers: each picture by itself, frames of a video one after the other."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from support import smiling

import fer_ros
from fer_ros.perception.class_balance import prior_weights, reweighted
from fer_ros.perception.classification import EmotionNetwork
from fer_ros.perception.model_store import shipped_models
from fer_ros.reading.reader import Reader, thinned
from fer_ros.runtime.parameter_rows import ParameterError
from fer_ros.sources.errors import CameraError
from fer_ros.sources.pictures import read_picture
from fer_ros.sources.scene import Actor, Scene
from fer_ros.sources.video import VideoFrame


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(models="fer-lite", detector="fer-face")


def showing(expression: str) -> np.ndarray:
    return Scene(480, 360, (Actor(240, 180, 200, (expression,)),)).render(0.0)[0]


def values(reading: fer_ros.Reading) -> list[tuple[str, list[float]]]:
    return [(face.label, face.smoothed.tolist()) for face in reading]


def test_a_picture_is_read_by_itself_whatever_came_before(reader: Reader) -> None:
    alone = values(reader.read(showing("fear")))
    for before in ("happy", "neutral"):
        reader.read(showing(before))
        assert values(reader.read(showing("fear"))) == alone
    (face,) = reader.read(showing("fear"))
    shares = EmotionNetwork(shipped_models()["fer-lite"]).metadata.class_shares
    balanced = reweighted(face.probabilities, prior_weights(shares, 0.5))
    np.testing.assert_allclose(face.smoothed, balanced, atol=1e-6)


def test_a_list_is_read_as_its_pictures_are(reader: Reader) -> None:
    pictures = [showing(name) for name in ("fear", "happy", "neutral")]
    assert [values(r) for r in reader.read(pictures)] == [values(reader.read(p)) for p in pictures]


def test_a_path_and_its_array_give_the_same(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "smile.png"
    cv2.imwrite(str(path), smiling())
    reading = reader.read(path)
    assert values(reading) == values(reader.read(str(path))) == values(reader.read(smiling()))
    assert (reading.source, reading.frame, reading.time) == (str(path), 0, None)


def test_the_order_of_colours_is_named(reader: Reader) -> None:
    bgr = np.ascontiguousarray(smiling() * np.array([0.3, 0.6, 1.0])).astype(np.uint8)
    rgb = bgr[:, :, ::-1]
    assert values(reader.read(rgb, order="rgb")) == values(reader.read(bgr))
    assert values(reader.read(rgb)) != values(reader.read(bgr))
    grey = cv2.cvtColor(smiling(), cv2.COLOR_BGR2GRAY)
    assert [face.label for face in reader.read(grey)] == ["happy"]


@pytest.mark.parametrize(
    ("picture", "order", "error", "words"),
    [
        (None, "bgr", TypeError, "a path or a NumPy array of uint8, not a NoneType"),
        (np.zeros((9, 9, 3)), "bgr", TypeError, "uint8, 0 to 255, not of float64"),
        (np.zeros((9, 9, 4), np.uint8), "bgr", ValueError, r"not \(9, 9, 4\)"),
        (np.zeros(9, np.uint8), "bgr", ValueError, r"not \(9,\)"),
        (np.zeros((0, 9), np.uint8), "bgr", ValueError, "has no pixels"),
        (np.zeros((9, 9), np.uint8), "BGR", ValueError, "order must be 'bgr' or 'rgb'"),
        ("absent.png", "bgr", CameraError, "absent.png cannot be read"),
        ([np.zeros((9, 9)), None], "bgr", TypeError, "uint8"),
    ],
)
def test_wrong_input_is_named(
    reader: Reader, picture: object, order: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        reader.read(picture, order)


def limited(most: int) -> Reader:
    return Reader(models="fer-lite", detector="fer-face", max_image_pixels=most)


def test_a_picture_may_be_as_large_as_the_parameter_says(tmp_path: Path) -> None:
    picture = tmp_path / "smile.png"
    cv2.imwrite(str(picture), smiling())
    assert len(limited(640 * 480).read(picture)) == 1
    small = limited(640 * 480 - 1)
    with pytest.raises(CameraError, match=r"640x480 has more than 307199 pixels; .* max_image_pix"):
        small.read(picture)
    assert len(small.read(smiling())) == 1  # in memory already


def test_a_frame_may_be_as_large_as_the_parameter_says(tmp_path: Path) -> None:
    from videos import write_video

    clip = write_video(tmp_path / "smile.mp4", [smiling()] * 2, [0, 40])
    assert len(list(limited(640 * 480).read_video(clip))) == 2
    with pytest.raises(CameraError, match=r"640x480 has more than 307199 pixels; .* max_image_pix"):
        list(limited(640 * 480 - 1).read_video(clip))


def test_a_picture_of_more_than_the_default_is_read_where_that_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "wide.png"
    cv2.imwrite(str(path), np.zeros((4321, 7680), np.uint8))
    with pytest.raises(CameraError, match=r"more than 33177600 pixels; .* max_image_pixels"):
        read_picture(path)
    assert read_picture(path, 4321 * 7680).shape == (4321, 7680)


def test_wrong_parameters_are_named() -> None:
    with pytest.raises(ParameterError, match="smoothing_time"):
        Reader(smoothing_tim=1.0)
    with pytest.raises(ParameterError, match="smoothing_time"):
        Reader(smoothing_time=-1.0)


def test_a_reading_shows_no_pixels_but_its_picture(reader: Reader) -> None:
    reading = reader.read(smiling())
    assert "happy" in repr(reading)
    assert len(repr(reading)) < 100
    shown = cv2.imdecode(np.frombuffer(reading._repr_jpeg_(), np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape == reading.image.shape
    assert np.abs(shown.astype(int) - reading.image).mean() > 1  # a box and a tag
    np.testing.assert_array_equal(reading.image, smiling())
    frame = fer_ros.Frame(smiling(), stamp_ns=1)
    assert "array" not in repr(frame)


def test_a_reading_becomes_a_dictionary_and_a_table(reader: Reader) -> None:
    reading = reader.read(smiling())
    found = reading.to_dict()
    assert found["source"] == ""
    assert found["time"] is None
    (face,) = found["faces"]
    assert face["label"] == "happy"
    assert face["smoothed_happy"] == round(float(reading[0].smoothed[3]), 6)
    assert reader.read(np.zeros((90, 90), np.uint8)).to_dict()["faces"] == []
    pytest.importorskip("pandas")
    table = reading.to_pandas()
    assert list(table["label"]) == ["happy"]
    assert table["x"][0] == pytest.approx(reading[0].face.box.x, abs=0.01)


def test_tables_of_frames_with_and_without_a_face_hold_numbers(reader: Reader) -> None:
    pandas = pytest.importorskip("pandas")
    empty = reader.read(np.zeros((90, 90), np.uint8))
    table = pandas.concat(r.to_pandas() for r in (empty, reader.read(smiling())))
    assert table["confidence"].describe()["count"] == 1
    assert {"frame", "time", "face", "confidence", "roll"} <= {*table.select_dtypes("number")}
    assert table["face"].dropna().tolist() == [0]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds at uneven times: a face that is neutral, and happy from 1.5 s on."""
    pytest.importorskip("av", reason="videos need PyAV (pip install 'fer_ros[video]')")
    from videos import write_video

    times = [round(i * 100 + 15 * (i % 3)) for i in range(30)]
    images = [showing("neutral" if time < 1500 else "happy") for time in times]
    return write_video(tmp_path_factory.mktemp("film") / "film.mp4", images, times)


def test_the_frames_of_a_video_follow_one_another(reader: Reader, film: Path) -> None:
    readings = list(reader.read_video(film))
    assert [r.frame for r in readings] == list(range(30))
    assert [round(r.time * 1000) for r in readings] == [i * 100 + 15 * (i % 3) for i in range(30)]
    assert {face.track_id for r in readings for face in r} == {"face_1"}
    changes = [r for r in readings if r.time >= 1.5]
    assert [face.label for face in readings[0]] == ["neutral"]
    assert [face.label for face in readings[-1]] == ["happy"]
    (first,) = changes[0]
    assert first.smoothed[3] < first.probabilities[3]  # it is smoothed over the track


def test_a_part_of_a_video_is_read(reader: Reader, film: Path) -> None:
    part = [r.time for r in reader.read_video(film, every=0.5, start=1.0, end=2.2)]
    assert part == pytest.approx([1.015, 1.5, 2.03])


def test_readings_of_two_videos_and_a_picture_may_alternate(reader: Reader, film: Path) -> None:
    alone = [values(r) for r in reader.read_video(film, end=1.0)]
    one, other = reader.read_video(film, end=1.0), reader.read_video(film, end=1.0)
    mixed = []
    for reading, _ in zip(one, other):
        reader.read(showing("happy"))
        mixed.append(values(reading))
    assert mixed == alone


def test_a_video_that_is_left_early_leaves_no_thread(reader: Reader, film: Path) -> None:
    before = threading.active_count()
    readings = reader.read_video(film)
    next(readings)
    readings.close()
    assert threading.active_count() == before


@pytest.mark.parametrize("times", [{"every": -1.0}, {"start": 3.0, "end": 2.0}, {"every": np.inf}])
def test_times_that_make_no_sense_are_refused(reader: Reader, film: Path, times: dict) -> None:
    with pytest.raises(ValueError, match=r"makes no sense|is empty"):
        reader.read_video(film, **times)


@pytest.mark.parametrize(
    ("every", "taken"),
    [(0.0, [0, 40, 80, 120, 300, 10, 50]), (0.1, [0, 120, 300, 10]), (0.3, [0, 300, 10])],
    ids=["all", "a tenth", "three tenths"],
)
def test_frames_are_thinned_by_their_times(every: float, taken: list[int]) -> None:
    times = [0, 40, 80, 120, 300, 10, 50]  # the clock of the last two was set back
    frames = [VideoFrame(np.zeros((1, 1), np.uint8), t * 1_000_000, i) for i, t in enumerate(times)]
    assert [round(frame.time_ns / 1e6) for frame in thinned(frames, every)] == taken
