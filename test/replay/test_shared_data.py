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

"""Recordings of real faces: PublicTest of FER2013 pasted into scenes, and a clip."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from bags import CAMERA, START, recording

from fer_ros.node.parameters import Settings
from fer_ros.perception.classification import EmotionNetwork
from fer_ros.perception.emotions import FER2013
from fer_ros.perception.types import Box
from fer_ros.runtime.assembly import locate_model
from fer_ros.sources.scene import background

PERIOD = 66_666_667
HOLD = 4
"""Frames for which one picture stays."""
PEOPLE, PICTURES, SIZE = 2, 70, 192


@pytest.fixture(scope="module")
def faces(shared):
    """Pictures and classes of some PublicTest rows."""
    with np.load(shared / "data" / "fer2013_train_public.npz") as data:
        public = np.flatnonzero(data["usage"] == 1)
        rows = np.random.default_rng(3).permutation(public)[: PEOPLE * PICTURES]
        return data["images"][rows], data["emotion"][rows]


def write(folder, faces, storage):
    """Two people side by side who sway and change their expression every HOLD frames.

    Every change is a cut to another person, with a second of pause so that it is a new track.
    """
    images, emotions = faces
    with recording(folder, storage=storage) as bag:
        for index in range(PICTURES * HOLD):
            picture = background(640, 480).copy()
            pause = index // HOLD * 1_200_000_000
            stamp = START + index * PERIOD + pause
            shown = []
            for person in range(PEOPLE):
                row = index // HOLD * PEOPLE + person
                sway = round(4 * np.sin(index / 5 + person))
                left, top = 60 + 320 * person + sway, 140
                face = cv2.resize(images[row], (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
                picture[top : top + SIZE, left : left + SIZE] = face[:, :, None]
                shown.append((FER2013[emotions[row]], Box(left, top, SIZE, SIZE)))
            bag.image(picture, stamp)
            for label, box in shown:
                bag.label(label, stamp, box)
    return folder


@pytest.fixture(scope="module", params=["mcap", "sqlite3"])
def replayed(request, command, shared, faces, tmp_path_factory):
    folder = tmp_path_factory.mktemp("public")
    bag = write(folder / "bag", faces, request.param)
    yunet = shared / "models" / "yunet_s_dynamic.onnx"
    parameters = ("detector:=yunet", f"detector_model:={yunet}", "detection_size:=640")
    words = [word for value in parameters for word in ("-p", value)]
    arguments = ("replay", bag, "--out", folder / "out")
    assert command(*arguments, ros_args=words) == 0
    yield folder / "out"
    # The recording is large.
    for path in bag.iterdir():
        path.unlink()


def test_accuracy_is_that_of_the_bare_pictures(replayed, faces):
    images, emotions = faces
    metrics = json.loads((replayed / "metrics.json").read_text())
    direct = (
        EmotionNetwork(locate_model(Settings().models[0])).classify(list(images)).argmax(axis=1)
    )
    spans = metrics["evaluation"]["interval_mean"]
    assert metrics["detection_rate"] > 0.85
    assert spans["count"] > 0.85 * len(images)
    # 140 pictures: one standard error of the difference is about 4 points.
    assert spans["accuracy"] == pytest.approx(np.mean(direct == emotions), abs=0.1)
    counts = metrics["evaluation"]["labels"]
    assert counts["spans"] == len(images)
    assert counts["spans_without_frame"] == 0
    undetected = counts["frames_undetected"]
    answered = metrics["evaluation"]["frame"]["count"]
    assert answered + undetected == PICTURES * HOLD * PEOPLE


def test_every_person_is_a_track_of_their_own(replayed):
    metrics = json.loads((replayed / "metrics.json").read_text())
    found = metrics["evaluation"]["labels"]["spans_scored"]
    assert metrics["tracks"]["count"] == pytest.approx(found, rel=0.06)
    assert metrics["track_switches_per_min"] < 3


def test_a_clip_is_replayed_whole(command, shared, tmp_path):
    video = cv2.VideoCapture(
        str(shared / "data/videos/head-pose-face-detection-female.preview.mp4")
    )
    with recording(tmp_path / "clip") as bag:
        count = 0
        while count < 90:
            more, picture = video.read()
            if not more:
                break
            bag.image(picture, START + count * 33_333_333, f"{CAMERA}/compressed")
            count += 1
    yunet = shared / "models" / "yunet_s_dynamic.onnx"
    words = ["-p", "detector:=yunet", "-p", f"detector_model:={yunet}"]
    out = tmp_path / "out"
    assert command("replay", tmp_path / "clip", "--out", out, ros_args=words) == 0
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["recording"]["answered"] == count > 20
    assert metrics["tracks"]["count"] >= 1
    tracks = (out / "tracks.jsonl").read_text().splitlines()
    longest = max(json.loads(line)["frames"] for line in tracks)
    assert longest > 0.8 * count
