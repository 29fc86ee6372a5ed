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

"""The frame engine by itself: answers and drops, each in its place."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from fer_ros.node.parameters import Settings
from fer_ros.perception.types import Frame
from fer_ros.runtime.engine import CameraImage, Drop, FrameEngine
from fer_ros.transport import messages
from fer_ros.transport.codec import encode

ROOT = Path(__file__).resolve().parents[2]


def data(level: int = 120, stamp: int = 7, encoding: str = "") -> bytes:
    message = messages.image(np.full((8, 8, 3), level, np.uint8), stamp, "camera")
    message.encoding = encoding or message.encoding
    return encode(message)


def read(engine: FrameEngine, topic: str, content: bytes, received_ns: int = 9) -> CameraImage:
    image = engine.read(topic, content, messages.IMAGE, received_ns=received_ns)
    assert isinstance(image, CameraImage)
    return image


def test_results_and_drops_come_in_the_order_of_the_images() -> None:
    engine = FrameEngine(lambda frames: [frame.topic for frame in frames], 10_000)
    images = [read(engine, "a", data()), read(engine, "b", data(encoding="h264"))]
    first, second, third = engine.process([*images, read(engine, "c", data())])
    assert (first, third) == ("a", "c")
    assert isinstance(second, Drop)
    assert second.cause == "undecodable"
    assert "h264" in second.reason
    assert second.frame is None


def test_what_is_no_message_is_a_drop() -> None:
    engine = FrameEngine(lambda frames: frames, 10_000)
    drop = engine.read("a", b"\0\1\0\0nothing", messages.IMAGE, received_ns=0)
    assert isinstance(drop, Drop)
    assert drop.cause == "undecodable"


def test_a_failure_in_processing_is_a_drop_that_keeps_the_image() -> None:
    def broken(frames: list[Frame]) -> list[None]:
        raise MemoryError("no space")

    engine = FrameEngine(broken, 10_000)
    (drop,) = engine.process([read(engine, "a", data())])
    assert isinstance(drop, Drop)
    assert (drop.cause, drop.reason) == ("failed", "MemoryError: no space")
    assert drop.frame is not None
    assert drop.frame.stamp_ns == 7


def test_no_images_need_no_results() -> None:
    engine = FrameEngine(lambda _: pytest.fail("asked for nothing"), 10_000)
    assert engine.process([]) == []


def test_it_remembers_what_was_wrong_with_each_camera() -> None:
    engine = FrameEngine(lambda frames: list(frames), 10_000)
    for index in range(10):
        engine.process([read(engine, "dark", data(0, index + 1)), read(engine, "still", data())])
    assert engine.condition("dark").faults == {"images are black or nearly so": 8}
    assert engine.condition("still").faults == {"stamps do not advance": 7}
    assert engine.condition("nobody").remarks == ()


def test_rotations_are_given_by_topic() -> None:
    one = Settings().with_values({"image_rotation": 90})
    assert one.rotations(["/x", "/y"]) == {"/x": 90, "/y": 90}
    two = Settings().with_values({"image_topics": ["/a", "/b"], "image_rotation": [0, 180]})
    assert two.rotations(["/b", "/c"]).get("/b") == 180
    engine = FrameEngine(lambda frames: list(frames), 10_000, rotations={"a": 180})
    (frame,) = engine.process([read(engine, "a", data())])
    assert isinstance(frame, Frame)
    assert frame.rotation == 180


def test_only_the_engine_decodes_the_images_of_messages() -> None:
    """Decode, frame, pipeline, drop: written once."""
    decoders = []
    places = ("node", "runtime", "replay", "apps")  # who answers images; a bridge may show them
    for path in (path for place in places for path in (ROOT / "fer_ros" / place).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Attribute) and called.attr == "pixels":
                decoders.append(path.relative_to(ROOT).as_posix())
    assert set(decoders) == {"fer_ros/runtime/engine.py", "fer_ros/apps/filming.py"}
