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

"""Results to messages and back, through the bytes that go over the wire."""

from __future__ import annotations

import contextlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_faces import sample_face

from fer_ros.perception.emotions import FER2013
from fer_ros.perception.types import (
    STAGES,
    Box,
    Frame,
    FrameResult,
    Origin,
    StageTimes,
)
from fer_ros.resources import share_path
from fer_ros.transport import messages
from fer_ros.transport.codec import DecodeError, decode, encode, message_class, type_hash
from fer_ros.transport.result_messages import (
    MOST_FACES,
    MOST_NAME,
    decode_result,
    read_faces,
    read_result,
    total_ms,
)

ORIGIN = Origin(FER2013, "arch1-1.0.0", "ab" * 32, "yunet")


def result(boxes: list[Box], landmarks: bool = True) -> FrameResult:
    frame = Frame(np.zeros((480, 640, 3), np.uint8), 12 * 10**9 + 345, "camera", "/image_raw")
    p = np.array([0.1, 0.1, 0.1, 0.4, 0.1, 0.1, 0.1], np.float32)
    points = np.arange(10, dtype=np.float32).reshape(5, 2)
    faces = [
        sample_face(f"face_{i}", "happy", 0.4, box, points if landmarks else None, p)
        for i, box in enumerate(boxes)
    ]
    return FrameResult(frame, faces, StageTimes(1, 2, 3, 4, 5, 6))


def over_the_wire(message):
    return decode(encode(message), message.__msgtype__)


def test_everything_arrives() -> None:
    sent = result([Box(10.4, 20.6, 30, 40)])
    array = over_the_wire(messages.emotion_array(sent, ORIGIN, 7.5))
    assert messages.time_ns(array.header.stamp) == sent.frame.stamp_ns
    assert array.header.frame_id == "camera"
    assert (array.width, array.height) == (640, 480)
    assert tuple(array.labels) == FER2013
    assert (array.model_id, array.model_digest) == ("arch1-1.0.0", "ab" * 32)
    assert array.age_ms == 7.5
    assert [getattr(array, f"{stage}_ms") for stage in STAGES] == [1, 2, 3, 4, 5, 6]
    assert total_ms(array) == 21
    (face,) = read_faces(array)
    assert face.track_id == "face_0"
    assert face.label == "happy"
    np.testing.assert_array_equal(face.face.landmarks, sent.faces[0].face.landmarks)
    np.testing.assert_array_equal(face.probabilities, sent.faces[0].probabilities)
    assert (face.face.box.x, face.face.box.y) == (10, 21)


def test_unknown_landmarks_are_an_empty_list() -> None:
    array = over_the_wire(messages.emotion_array(result([Box(1, 1, 9, 9)], False), ORIGIN, 0.0))
    assert list(array.faces[0].landmarks) == []
    assert read_faces(array)[0].face.landmarks is None


def test_an_unknown_age_is_nan() -> None:
    array = over_the_wire(messages.emotion_array(result([]), ORIGIN, math.nan))
    assert math.isnan(array.age_ms)


@given(
    st.floats(-2000, 2000), st.floats(-2000, 2000), st.floats(0, 3000), st.floats(0, 3000)
)  # fmt: skip
def test_regions_always_lie_inside_the_image(x, y, width, height) -> None:
    array = messages.emotion_array(result([Box(x, y, width, height)]), ORIGIN, 0.0)
    roi = over_the_wire(array).faces[0].roi
    assert 0 <= roi.x_offset <= roi.x_offset + roi.width <= 640
    assert 0 <= roi.y_offset <= roi.y_offset + roi.height <= 480


def test_an_image_arrives_pixel_by_pixel() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (7, 5, 3), np.uint8)
    received = messages.read_image(encode(messages.image(picture, 5, "camera")), messages.IMAGE)
    assert (received.stamp_ns, received.frame_id) == (5, "camera")
    np.testing.assert_array_equal(received.pixels(1000, lambda _: None), picture)


def test_the_platforms_own_conversion_is_asked_only_where_a_view_is_not_enough() -> None:
    asked = []
    grey = np.full((4, 4), 9, np.uint8)

    def convert(data: bytes):
        asked.append(data)
        return grey

    plain = messages.image(np.zeros((4, 4, 3), np.uint8), 1, "")
    messages.read_image(encode(plain), messages.IMAGE).pixels(100, convert)
    assert asked == []
    plain.encoding = "rgb8"
    converted = messages.read_image(encode(plain), messages.IMAGE).pixels(100, convert)
    assert len(asked) == 1
    np.testing.assert_array_equal(converted, grey)


def test_diagnostics_arrive() -> None:
    status = messages.Status(2, "fer: camera /a", "silent", {"rate_in_hz": "0.00"}, "/a")
    array = over_the_wire(messages.diagnostic_array(10**9, [status]))
    (received,) = array.status
    assert received.level == 2
    assert (received.name, received.message, received.hardware_id) == (
        "fer: camera /a",
        "silent",
        "/a",
    )
    assert [(pair.key, pair.value) for pair in received.values] == [("rate_in_hz", "0.00")]


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_do_more_than_fail(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        messages.read_image(b"\x00\x01\x00\x00" + data, messages.IMAGE)


def test_own_messages_have_hashes_of_their_definition() -> None:
    definitions = list(share_path("msg").glob("*.msg"))
    assert definitions
    for path in definitions:
        assert type_hash(f"fer_ros/msg/{path.stem}").startswith("RIHS01_")
    with pytest.raises(KeyError):
        type_hash("fer_ros/msg/Nothing")


def test_a_result_beyond_all_bounds_is_no_result() -> None:
    def bytes_of(
        names: int = 1, name: str = "face_1", label: str = "happy", classes: int = 7, ns: int = 0
    ) -> bytes:
        array = messages.emotion_array(result([Box(1, 2, 3, 4)]), ORIGIN, 1.0)
        (face,) = array.faces
        face.track_id, face.label = name, label
        array.faces, array.labels = [face] * names, [str(n) for n in range(classes)]
        array.header.stamp.sec, array.header.stamp.nanosec = 2**31 - 1, ns
        return encode(array)

    most = MOST_NAME
    assert len(read_result(bytes_of(MOST_FACES, "t" * most, classes=64)).faces) == 1000
    for data, words in (
        (bytes_of(MOST_FACES + 1), "1001 faces"),
        (bytes_of(classes=65), "65 classes"),
        (bytes_of(ns=10**9), "whose stamp is no time"),
        (bytes_of(name="t" * (most + 1)), "a name of 256 characters"),
        (bytes_of(label="h" * 5000), "a name of 5000 characters"),
        (bytes_of(name="t" * (1 << 20)), "are no EmotionArray of an emotion node"),
    ):
        with pytest.raises(DecodeError, match=words):
            decode_result(data)


def test_stamps_that_no_message_holds_are_refused_in_words() -> None:
    message = messages.image(np.zeros((4, 4), np.uint8), (2**31 - 1) * 10**9, "camera")
    message.header.stamp.nanosec = 4_000_000_000
    with pytest.raises(DecodeError, match="is no time"):
        messages.read_image(encode(message), messages.IMAGE)
    with pytest.raises(ValueError, match="beyond what"):
        messages.header(2**31 * 10**9, "")
    assert messages.peek_stamp_ns(encode(messages.image(np.zeros((4, 4), np.uint8), 7, "c"))) == 7
    assert messages.peek_stamp_ns(b"\\0\\1") == 0


@pytest.mark.parametrize(
    "field", [{"level": 128}, {"level": 300}, {"level": "x"}, {"name": None}, {"name": 5},
              {"name": "\ud800"}, {"values": 3}]
)  # fmt: skip
def test_what_does_not_fit_a_field_is_a_value_error(field: dict) -> None:
    values = {"level": 0, "name": "", "message": "", "hardware_id": "", "values": [], **field}
    with pytest.raises(ValueError, match="DiagnosticStatus has a wrong value"):
        encode(message_class("diagnostic_msgs/msg/DiagnosticStatus")(**values))


@pytest.mark.parametrize("data", [[1, 2], None, np.zeros(2, np.float32), "text"])
def test_an_array_of_another_kind_is_a_value_error(data: object) -> None:
    picture = messages.compressed_image(b"\xff\xd8", 0, "")
    picture.data = data
    with pytest.raises(ValueError, match="CompressedImage has a wrong value"):
        encode(picture)


@pytest.mark.parametrize(
    ("type_name", "known"),
    [
        ("foxglove_msgs/msg/CompressedVideo",
         "32039eafc3770e589c86c4dabff9c392ce9955ebffd43f5f60763011d43d8d1d"),
        ("ffmpeg_image_transport_msgs/msg/FFMPEGPacket",
         "648d84e0d33cbf76daf54b094d8f06154b8a24800a19c14371754df799fbaf79"),
    ],
)  # fmt: skip
def test_messages_of_video_have_the_hashes_that_rosidl_gives_them(type_name, known):
    """As rosidl 4.6.6 of Jazzy computes them from the published definitions."""
    assert type_hash(type_name) == f"RIHS01_{known}"
