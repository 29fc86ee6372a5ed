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

"""Events and faces through the bytes that go over the wire."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sample_faces import sample_face

from fer_ros.perception.types import (
    STAGES,
    Box,
    FaceEmotion,
    Frame,
    FrameResult,
    Origin,
    StageTimes,
)
from fer_ros.transport import messages
from fer_ros.transport.codec import decode, encode
from fer_ros.transport.event_messages import (
    EMOTION_EVENT,
    Event,
    emotion_event,
    read_event,
    read_face_table,
)

LABELS = ("happy", "sad")


def array(*faces: FaceEmotion):
    frame = Frame(np.zeros((100, 200, 3), np.uint8), 5_000_000_001, "cam", "/image_raw")
    times = StageTimes(**dict.fromkeys(STAGES, math.nan))
    origin = Origin(LABELS, "model", "0" * 64, "yunet")
    message = messages.emotion_array(FrameResult(frame, list(faces), times), origin, 1.0)
    return decode(encode(message), messages.EMOTION_ARRAY)


def face(track_id: str, label: str = "happy", landmarks=None, height: float = 40.0) -> FaceEmotion:
    return sample_face(
        track_id, label, 0.75, Box(10, 10, 30, height), landmarks, probabilities=[0.75, 0.25]
    )


def test_an_event_comes_back_as_it_went():
    event = Event(
        "end", "left", "greet", "/image_raw", 7_000_000_002, "cam", "k7w2xq_1", "happy", "sad",
        0.75, 5_000_000_001, 1_500_000_000,
    )  # fmt: skip
    assert read_event(decode(encode(emotion_event(event)), EMOTION_EVENT)) == event


def test_faces_become_columns():
    table = read_face_table(array(face("a"), face("b", "uncertain", height=50.0)))
    assert (table.source_topic, table.stamp_ns, table.frame_id) == (
        "/image_raw", 5_000_000_001, "cam",
    )  # fmt: skip
    assert table.track_ids == ("a", "b")
    assert table.label_index.tolist() == [0, -1]
    assert table.probabilities.tolist() == [[0.75, 0.25]] * 2
    assert table.height.tolist() == pytest.approx([0.4, 0.5])
    assert table.area.tolist() == [1200, 1500]
    assert table.closeness[1] > table.closeness[0]


def test_no_face_is_a_table_of_no_rows():
    assert read_face_table(array()).probabilities.shape == (0, 2)


def test_a_face_without_a_name_or_with_one_twice_is_left_out():
    table = read_face_table(array(face("a"), face(""), face("a", "sad"), face("b")))
    assert table.track_ids == ("a", "b")
    assert table.label_index.tolist() == [0, 0]


def test_one_probability_does_not_stand_for_all_classes():
    message = array(face("a"))
    message.faces[0].smoothed_probabilities = np.ones(1, np.float32)
    with pytest.raises(ValueError, match="1 probabilities of 2 classes"):
        read_face_table(message)


def test_a_head_that_turns_is_as_close_as_before():
    front = np.array([[0, 0], [10, 0], [5, 5], [1, 10], [9, 10]], np.float32)
    turned = front * (0.5, 1)
    near, far = (
        read_face_table(array(face("a", landmarks=points))).closeness[0]
        for points in (turned, front * 0.8)
    )
    assert near == 10
    assert near > far
