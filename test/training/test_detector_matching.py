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

"""Which detections are hits, and which faces count: all, by kind, in loose boxes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic_photos import write_photos

from fer_training.commands import cli
from fer_training.detector import compare, export, labelled_photos, matching
from fer_training.detector.network import FaceNet


def test_matching_follows_the_stated_measure() -> None:
    truth = np.array([[100.0, 100.0, 40.0, 50.0]])
    boxes = np.array(
        [
            [102.0, 103.0, 38.0, 50.0],  # a hit
            [100.0, 100.0, 40.0, 50.0],  # the same face again: false
            [300.0, 300.0, 12.0, 12.0],  # too small to count
            [300.0, 100.0, 40.0, 40.0],
        ]
    )
    judged = matching.judge(boxes, np.array([0.9, 0.8, 0.7, 0.6]), truth)
    assert judged.face.tolist() == [0, -1, -1, -1]
    assert judged.false.tolist() == [False, True, False, True]
    near = np.array([[108.0, 108.0, 24.0, 30.0]])  # by its middle, not by IoU 0.3 alone
    assert matching.hits(near, truth)[0, 0] > 0
    recall, threshold = matching.recall_at([judged], [np.array([True])], 0.0)
    assert (recall, threshold) == (1.0, 0.8)


def test_in_a_loose_box_a_detection_of_the_face_is_a_hit() -> None:
    head = np.array([[100.0, 100.0, 80.0, 120.0]])
    boxes = np.array(
        [
            [118.0, 125.0, 44.0, 45.0],  # the face in it, far from an IoU of 0.3
            [118.0, 125.0, 44.0, 46.0],  # the face again
            [185.0, 100.0, 44.0, 45.0],  # beside it
            [130.0, 150.0, 20.0, 20.0],  # too small to be its face
        ]
    )
    scores = np.array([0.9, 0.8, 0.7, 0.6])
    assert matching.judge(boxes, scores, head).face.tolist() == [-1, -1, -1, -1]
    judged = matching.judge(boxes, scores, head, loose=True)
    assert judged.face.tolist() == [0, -1, -1, -1]
    assert judged.false.tolist() == [False, True, True, True]


def test_photos_of_a_source_of_loose_boxes_are_told(tmp_path: Path) -> None:
    path = write_photos(tmp_path / "a.npz", [0.9, 0.9])
    data = dict(np.load(path))
    data["source"] = np.array([31, 30, 14], np.uint8)
    np.savez(path, **data)
    assert [photo.loose for photo in labelled_photos.load(path)] == [True, False, False]


def test_loosely_boxed_faces_count_by_kind_alone(shared: Path) -> None:
    """Seven real faces, and the same ones in boxes that take in hair and shoulders."""
    close = next(labelled_photos.load(shared / "data" / "faces_in_photos"))
    grown = close.boxes + np.array([-0.7, -0.4, 1.4, 1.4]) * close.boxes[:, 2:3]
    every = np.ones(len(grown), bool)
    photos = [
        replace(close, kinds={"masked": ~every}),
        replace(close, boxes=grown, kinds={"masked": every}, loose=True),
    ]
    (whole,) = compare.on_photos([compare.contestant("fer-face@640")], photos)
    assert whole.kinds == {"masked": (7, 1.0)}
    assert sum(count for count, _ in whole.bands.values()) == 7
    assert (whole.recall, whole.false_a_photo) == (1.0, 0.0)


def test_recall_is_told_by_kind_of_face(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, path = tmp_path / "face.onnx", write_photos(tmp_path / "a.npz", [0.9, 0.9, 0.9])
    export.export(FaceNet().eval(), file, 0.5, {"model_id": "face", "version": "1"}, [])
    kinds = np.array([[True, False], [True, False], [False, False]])
    np.savez(path, **np.load(path), kinds=kinds, kind_names=np.array(["masked", "dark"]))
    words = ["detector", "compare", "--detector", f"{file}@160", "--photos", str(path)]
    record = tmp_path / "record.json"
    assert cli.main([*words, "--json", str(record)]) == 0
    (own,) = json.loads(record.read_text("utf-8"))["on_photos"]
    assert {kind: count for kind, (count, _) in own["kinds"].items()} == {"masked": 2}
    assert "| masked (2) |" in capsys.readouterr().out
