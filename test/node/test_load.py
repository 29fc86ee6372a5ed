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

"""More images than there is time for: fair, newest first, and said."""

from __future__ import annotations

import threading
import time

import pytest
from support import SECOND, smiling, wait_for

from fer_ros.node.backlog import Message
from fer_ros.node.parameters import ParameterError, Settings
from fer_ros.node.stream import Stream
from fer_ros.transport import messages

TOPICS = tuple(f"/cam{i}/image_raw" for i in range(4))


def test_cameras_take_turns_when_time_is_short(build) -> None:
    robot = build(image_topics=TOPICS).start()
    assert robot.node._assembly is not None
    detector = robot.node._assembly.pipeline.detector
    search = detector.candidates

    def slow(*arguments):
        time.sleep(0.06)  # more than a batch may take
        return search(*arguments)

    detector.candidates = slow
    picture, index, answered = smiling(160, 120, 80, 60), 0, [0]
    end = time.monotonic() + 120
    while min(answered) < 4 and time.monotonic() < end:
        index += 1
        for topic in TOPICS[: 4 if index % 2 else 1]:  # the first camera is twice as fast
            robot.send(picture, topic=topic, stamp_ns=1000 * SECOND + index * SECOND // 100)
        time.sleep(0.005)
        answered = [robot.camera_counts(topic)["published"] for topic in TOPICS]
    assert min(answered) == 4
    assert max(answered) <= 6


def test_an_overloaded_node_says_what_it_loses(build) -> None:
    robot = build(image_depth=50).start()
    assert robot.node._assembly is not None
    detector = robot.node._assembly.pipeline.detector
    search, free = detector.candidates, threading.Event()

    def waiting(*arguments):
        free.wait(30)
        return search(*arguments)

    detector.candidates = waiting
    robot.send(smiling(), stamp_ns=1000 * SECOND)
    wait_for(lambda: not robot.node._inputs["/image_raw"].stream.waiting)
    for index in range(20):
        robot.send(smiling(), stamp_ns=1000 * SECOND + index)
    wait_for(lambda: robot.camera_counts()["dropped.superseded"] == 19)
    free.set()
    wait_for(lambda: robot.camera_counts()["published"] == 2)
    (status,) = [s for s in robot.node.diagnose() if "camera" in s.name]
    assert float(status.values["lost_percent"]) > 80
    assert status.level == 1
    assert "overloaded" in status.message
    assert "max_rate" in status.message


def test_a_rate_limit_drops_what_comes_too_soon(build) -> None:
    robot = build(image_topics=TOPICS[:2], max_rate=(0.001, 0.0), image_depth=50).start()
    for index in range(10):
        for topic in TOPICS[:2]:
            robot.send(smiling(), topic=topic, stamp_ns=1000 * SECOND + index)
    wait_for(lambda: all(robot.camera_counts(t)["received"] == 10 for t in TOPICS[:2]))
    assert robot.camera_counts(TOPICS[0])["dropped.rate_limited"] == 9
    assert robot.camera_counts(TOPICS[1])["dropped.rate_limited"] == 0
    (status,) = [s for s in robot.node.diagnose() if s.name.endswith(TOPICS[0])]
    assert "overloaded" not in status.message


def test_a_rate_limit_keeps_to_its_rate(monkeypatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    stream = Stream("/cam", messages.IMAGE, lambda: None, max_rate=10.0)
    admitted = 0
    for _ in range(300):  # ten seconds at 30 Hz
        stream.put(Message(b"", 0))
        admitted += stream.take() is not None
        now[0] += 1 / 30
    assert 98 <= admitted <= 101
    assert stream.counts().dropped["rate_limited"] == 300 - admitted


def test_lists_hold_one_number_or_one_for_each_camera() -> None:
    settings = Settings().with_values(
        {"image_topics": ["a", "b"], "max_rate": [10, 2.5], "image_rotation": 90}
    )
    assert settings.max_rate == (10.0, 2.5)
    assert [settings.of_camera(settings.image_rotation, i) for i in (0, 1)] == [90, 90]
    for name, value in [
        ("max_rate", [1.0, 2.0]), ("max_rate", [-1.0]), ("max_rate", ["x"]), ("max_rate", []),
        ("image_rotation", [45]), ("image_rotation", [90.5]), ("image_rotation", [True]),
    ]:  # fmt: skip
        with pytest.raises(ParameterError, match=name):
            Settings().with_values({name: value})
