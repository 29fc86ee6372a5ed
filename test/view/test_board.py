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

"""What the page knows of the graph, from messages as they come."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, replace

import numpy as np
import pytest
from sample_faces import sample_face

from fer_ros.perception.emotions import FER2013
from fer_ros.perception.types import Frame, FrameResult, Origin
from fer_ros.transport import messages
from fer_ros.transport.base import TopicInfo
from fer_ros.transport.codec import encode
from fer_ros.transport.event_messages import EMOTION_EVENT, Event, emotion_event
from fer_ros.transport.messages import Status
from fer_ros.view import board as board_module
from fer_ros.view.board import Board

ORIGIN = Origin(FER2013, "net", "0" * 64, "haar")


def topic(name: str, kind: str) -> TopicInfo:
    return TopicInfo(name, kind, 1, reliable=True, latched=False)


def array(source: str = "/cam", faces: int = 1, confidence: float = 0.8) -> bytes:
    found = [sample_face(f"f_{i}", confidence=confidence) for i in range(faces)]
    frame = Frame(np.zeros((48, 64, 3), np.uint8), 1, "camera", source)
    result = FrameResult(frame, found)
    message = messages.emotion_array(result, ORIGIN, 1.0, messages.emotions(result))
    return encode(message)


def hear(board: Board, source: str = "/cam", node: str = "/fer", **what) -> None:
    board.receive(topic(f"{node}/emotions", messages.EMOTION_ARRAY), array(source, **what))


def diagnose(board: Board, *statuses: Status) -> None:
    data = encode(messages.diagnostic_array(0, statuses))
    board.receive(topic("/diagnostics", messages.DIAGNOSTIC_ARRAY), data)


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(board_module.time, "monotonic", lambda: now[0])
    return now


def test_a_timeline_has_at_most_five_points_a_second_and_a_minute(clock) -> None:
    board = Board()
    for _ in range(3000):
        hear(board)
        clock[0] += 0.03
    moments, cursor = board.moments("/fer/emotions /cam", 0)
    assert len(moments) == 300
    assert board.moments("/fer/emotions /cam", cursor) == ([], cursor)
    clock[0] += 1
    hear(board)
    news, after = board.moments("/fer/emotions /cam", cursor)
    assert (len(news), after) == (1, cursor + 1)


def test_a_number_from_before_a_restart_brings_the_whole_timeline(clock) -> None:
    board = Board()
    hear(board)
    assert len(board.moments("/fer/emotions /cam", 500)[0]) == 1
    assert board.moments("/fer/emotions /nothing", 5) == ([], 0)


def test_everything_is_bounded(clock) -> None:
    board = Board()
    for number in range(100):
        hear(board, source=f"/cam_{number}", faces=2)
    hear(board, source="/cam_0", faces=2)
    clock[0] += 1
    hear(board, source="/cam_0", faces=200)
    for number in range(200):
        event = Event("start", "", "rule", "/cam", number, "", "f", "happy", "", math.nan, 0, 0)
        board.receive(topic("/events", EMOTION_EVENT), encode(emotion_event(event)))
    for number in range(100):
        names = [f"n{number}: node", *(f"n{number}: x{i}" for i in range(300))]
        diagnose(board, *(Status(0, name, "", {"state": "active"}) for name in names))
    board.set_topics(topic(f"/free_{n}", messages.IMAGE) for n in range(1000))
    seen = board.snapshot()
    assert len(seen.events) == 60
    assert seen.events[-1].stamp_ns == 199
    assert len(seen.cameras) <= 64
    assert len(seen.nodes) <= 32
    assert max(len(node.statuses) for node in seen.nodes) <= 64
    assert len(board.moments("/fer/emotions /cam_0", 0)[0][-1].faces) == 64
    assert "NaN" not in json.dumps([event.confidence for event in seen.events])


def test_numbers_that_are_none_do_not_reach_the_browser() -> None:
    board = Board()
    hear(board, confidence=math.nan)
    moments, _ = board.moments("/fer/emotions /cam", 0)
    json.loads(moments[0].text, parse_constant=pytest.fail)


def test_a_camera_is_joined_from_its_results_its_diagnostics_and_its_pictures() -> None:
    board = Board()
    hear(board, "/left/image_raw/compressed")
    hear(board, "/right/image_raw")
    diagnose(
        board,
        Status(0, "fer: node", "active", {"state": "active"}),
        Status(1, "fer: camera /left/image_raw/compressed", "slow", {"received": "7"}),
        Status(0, "fer: camera /third", "no image yet", {}),
        Status(2, "motor: left", "hot", {}),
    )
    jpegs = ("/fer/image_annotated/left/image_raw/compressed", "/left/image_raw/compressed")
    board.set_topics(
        [*(topic(name, messages.COMPRESSED_IMAGE) for name in jpegs), topic("/b", messages.IMAGE)]
    )
    seen = board.snapshot()
    assert [status.name for status in seen.nodes[0].statuses] == [
        "fer: node", "fer: camera /left/image_raw/compressed", "fer: camera /third",
    ]  # fmt: skip
    left, right, third, free = seen.cameras
    assert (left.node, left.level, left.values, left.picture) == (
        "/fer",
        1,
        {"received": "7"},
        jpegs[0],
    )
    assert (left.size, left.faces) == ("64x48", 1)
    assert (right.topic, right.picture) == ("/right/image_raw", "")
    assert (third.topic, third.silent, third.size) == ("/third", None, "")
    assert (free.topic, free.node) == ("/b", "")


def test_a_single_camera_and_a_node_in_a_namespace() -> None:
    board = Board()
    hear(board, "/image_raw", node="/robot/fer")
    diagnose(board, Status(0, "robot.fer: node", "active", {"state": "active"}),
             Status(0, "robot.fer: camera /image_raw", "", {}))  # fmt: skip
    name = "/robot/fer/image_annotated/compressed"
    board.set_topics([topic(name, messages.COMPRESSED_IMAGE)])
    (camera,) = board.snapshot().cameras
    assert (camera.node, camera.picture, camera.size) == ("/robot/fer", name, "64x48")


def test_what_is_long_gone_is_forgotten(clock) -> None:
    board = Board()
    hear(board)
    diagnose(board, Status(0, "fer: node", "active", {"state": "active"}))
    clock[0] += 60
    board.set_topics([])
    assert board.snapshot().cameras[0].silent == 60
    clock[0] += 70
    board.set_topics([])
    assert board.snapshot() == board_module.Snapshot((), (), ())


def test_the_moment_is_made_to_text_once() -> None:
    board = Board()
    hear(board)
    (moment,), _ = board.moments("/fer/emotions /cam", 0)
    assert moment.text is moment.text
    shown = json.loads(moment.text)
    assert shown["t"] == pytest.approx(time.time(), abs=60)
    assert shown["faces"][0]["id"] == "f_0"


def test_the_age_of_a_prediction_reaches_the_page():
    face = sample_face("a", prediction_age_ms=100.0)
    result = FrameResult(Frame(np.zeros((48, 64, 3), np.uint8), 1, "camera", "/cam"), [face])
    board = Board()
    data = encode(messages.emotion_array(result, ORIGIN, 1.0, messages.emotions(result)))
    board.receive(topic("/fer/emotions", messages.EMOTION_ARRAY), data)
    (camera,) = board.snapshot().cameras
    ((moment,), _) = board.moments(camera.id, 0)
    assert json.loads(moment.text)["faces"][0]["age"] == 0.1


def size_of(board: Board) -> int:
    """Return the characters of what a page gets of a board."""
    state = json.dumps(asdict(board.snapshot()))
    cameras = [view.id for view in board.snapshot().cameras]
    return len(state) + sum(len(m.text) for key in cameras for m in board.moments(key, 0)[0])


LONG = "x" * 200_000


def test_events_of_any_length_are_cut() -> None:
    board = Board()
    event = Event("start", "", LONG, LONG, 1, LONG, LONG, LONG, LONG, 0.9, 1, 0)
    with pytest.raises(ValueError, match="left out"):
        board.receive(topic("/fer/events", EMOTION_EVENT), encode(emotion_event(event)))
    assert size_of(board) < 1000
    short = replace(event, frame_id="c", track_id="a", previous_label="")
    for _ in range(100):
        board.receive(topic("/fer/events", EMOTION_EVENT), encode(emotion_event(short)))
    assert len(board.snapshot().events) == 60
    assert size_of(board) < 100_000
    assert board.snapshot().events[0].rule.endswith("(200000 characters)")


def test_diagnostics_of_any_length_and_number_are_cut(clock) -> None:
    board = Board()
    values = {f"key {number} {'k' * 500}": "v" * 5000 for number in range(100)}
    with pytest.raises(ValueError, match="left out"):
        diagnose(board, *(Status(0, f"fer: {n}", LONG, values) for n in range(130)))
    for node in range(100):
        name = f"fer{node}"
        diagnose(
            board,
            Status(0, f"{name}: node", "m" * 900, {"state": "active"}),
            *(Status(0, f"{name}: camera /c{n}", "m" * 900, {"k": "v" * 900}) for n in range(200)),
        )
    snapshot = board.snapshot()
    assert len(snapshot.nodes) == 32
    assert len(snapshot.cameras) <= 64
    assert snapshot.nodes[0].statuses[0].values == {"state": "active"}
    assert "more lines are not shown" in snapshot.nodes[0].statuses[-1].message
    assert size_of(board) < 32 * 30_000


def test_diagnostics_of_thousands_of_nodes_are_read_for_a_page_full_of_them(clock) -> None:
    # Each node's lines are looked for among all: as many as a message holds would take a minute.
    looked = 0

    class Name(str):
        def startswith(self, *args) -> bool:
            nonlocal looked
            looked += 1
            return super().startswith(*args)

    lines = [Status(0, Name(f"n{n}: node"), "", {"state": "active"}) for n in range(500)]
    board = Board()
    board._hear_diagnostics(lines)
    assert len(board.snapshot().nodes) == 32
    assert looked <= 33 * len(lines)


def test_timelines_of_crowds_are_shorter(clock) -> None:
    board = Board()
    for _ in range(300):
        hear(board, faces=64)
        clock[0] += 0.21
    moments, cursor = board.moments("/fer/emotions /cam", 0)
    assert sum(len(moment.faces) for moment in moments) <= 6000
    assert cursor == 300
    for _ in range(300):
        hear(board, faces=1)
        clock[0] += 0.21
    moments, _ = board.moments("/fer/emotions /cam", 0)
    assert len(moments) == 300
    camera = board._cameras["/fer/emotions /cam"]
    assert camera.points == sum(len(moment.faces) for moment in moments) == 300


def test_the_most_that_a_result_can_say_fits(clock) -> None:
    board = Board()
    face = sample_face("t" * 255, "l" * 255, probabilities=np.full(64, 1 / 64))
    frame = Frame(np.zeros((48, 64, 3), np.uint8), 1, "camera", "/" + "c" * 254)
    result = FrameResult(frame, [face])
    origin = Origin(tuple(f"{n:3} {'l' * 250}" for n in range(64)), "net", "0" * 64, "haar")
    message = messages.emotion_array(result, origin, 1.0, messages.emotions(result))
    board.receive(topic("/fer/emotions", messages.EMOTION_ARRAY), encode(message))
    (view,) = board.snapshot().cameras
    ((moment,), _) = board.moments(view.id, 0)
    assert len(moment.labels) == len(moment.faces[0].probabilities) == 32
    assert size_of(board) < 20_000
