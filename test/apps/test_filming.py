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

"""Recordings and cameras that take less room: video, and packed files."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np
import pytest
from packets import encoded
from rosbags.rosbag2 import Reader
from support import smiling, wait_for

from fer_ros.apps.camera import CameraPublisher
from fer_ros.apps.cli import main
from fer_ros.apps.filming import Filming
from fer_ros.apps.record import Recorder
from fer_ros.runtime.engine import CameraImage, FrameEngine
from fer_ros.sources.scene import demo_scene
from fer_ros.transport import codec, messages
from fer_ros.transport.bag import BagReader
from fer_ros.transport.base import TopicInfo
from fer_ros.transport.memory import MemoryTransport
from fer_ros.transport.video_messages import COMPRESSED_VIDEO, compressed_video

RAW = TopicInfo("/cam/image_raw", messages.IMAGE, 1, reliable=True, latched=False)
START, PERIOD = 1_700_000_000_000_000_000, 33_333_333
LOG = logging.getLogger("filming")


def images(count: int) -> list[np.ndarray]:
    scene = demo_scene(320, 240)
    return [scene.render(index / 30)[0] for index in range(count)]


def record(folder: Path, pictures, packed: bool = False, video: bool = True) -> int:
    """Record raw images; return the size of the recording [bytes]."""
    recorder = Recorder(folder, packed=packed, video=Filming(LOG) if video else None)
    for index, picture in enumerate(pictures):
        data = codec.encode(messages.image(picture, START + index * PERIOD, "lens"))
        recorder.receive(RAW, data)
    recorder.close()
    assert recorder.error is None
    return sum(path.stat().st_size for path in folder.glob("*.mcap"))


def frames_of(folder: Path, topic: str) -> list:
    """Return the frames of a topic as the engine hands them on."""
    engine = FrameEngine(list, 10**6)
    found = []
    for message in BagReader(folder).messages([topic]):
        image = engine.read(topic, message.data, message.type_name, message.time_ns)
        assert isinstance(image, CameraImage)
        found += engine.process([image])
    return found


def test_video_takes_a_fraction_and_shows_the_same(tmp_path: Path) -> None:
    pictures = images(45)
    whole = record(tmp_path / "raw", pictures, video=False)
    film = record(tmp_path / "film", pictures)
    assert film < whole / 40
    (topic,) = BagReader(tmp_path / "film").topics
    assert (topic.name, topic.type_name) == ("/cam/image_raw/foxglove", COMPRESSED_VIDEO)
    assert topic.type_hash == codec.type_hash(COMPRESSED_VIDEO)
    frames = frames_of(tmp_path / "film", topic.name)
    assert [frame.stamp_ns for frame in frames] == [START + i * PERIOD for i in range(45)]
    assert {frame.frame_id for frame in frames} == {"lens"}
    for frame, picture in zip(frames, pictures):
        assert np.abs(frame.image.astype(int) - picture).mean() < 5


@pytest.mark.parametrize("video", [False, True])
def test_packed_files_are_read_by_others_too(tmp_path: Path, video: bool) -> None:
    pictures = images(20)
    plain = record(tmp_path / "plain", pictures, video=video)
    packed = record(tmp_path / "packed", pictures, packed=True, video=video)
    assert packed < plain if video else packed < plain / 2
    (path,) = (tmp_path / "packed").glob("*.mcap")
    assert b"zstd" in path.read_bytes()
    index = (tmp_path / "packed" / "metadata.yaml").read_text()
    assert "compression_format: ''" in index  # that is of whole files or messages
    with Reader(tmp_path / "packed") as reader:
        others = [bytes(data) for _, _, data in reader.messages()]
    topic = "/cam/image_raw/foxglove" if video else "/cam/image_raw"
    assert others == [m.data for m in BagReader(tmp_path / "packed").messages([topic])]
    assert others == [m.data for m in BagReader(tmp_path / "plain").messages([topic])]


def test_images_that_cannot_be_filmed_are_recorded_as_they_are(tmp_path, caplog) -> None:
    recorder = Recorder(tmp_path / "bag", video=Filming(LOG))
    odd = messages.image(smiling(64, 48), START, "lens")
    odd.encoding = "octarine8"
    for message in (odd, messages.image(smiling(63, 47), START, "lens")):
        recorder.receive(RAW, codec.encode(message))
    recorder.receive(RAW, b"\0\1\0\0 no image")
    recorder.close()
    counts = {topic.name: topic.count for topic in BagReader(tmp_path / "bag").topics}
    assert counts == {"/cam/image_raw": 2, "/cam/image_raw/foxglove": 1}
    assert "octarine8" in caplog.text


def test_a_video_that_is_there_already_is_not_mixed_with_another(tmp_path: Path) -> None:
    film = TopicInfo("/cam/image_raw/foxglove", COMPRESSED_VIDEO, 1, reliable=True, latched=False)
    recorder = Recorder(tmp_path / "bag", video=Filming(LOG))
    for index, packet in enumerate(encoded(images(3))):
        stamp = START + index * PERIOD
        recorder.receive(film, codec.encode(compressed_video(packet, stamp, "lens")))
        recorder.receive(RAW, codec.encode(messages.image(images(1)[0], stamp, "lens")))
    recorder.close()
    counts = {topic.name: topic.count for topic in BagReader(tmp_path / "bag").topics}
    assert counts == {"/cam/image_raw": 3, "/cam/image_raw/foxglove": 3}


@pytest.mark.parametrize("words", [("record", "--video"), ("camera", "--transport", "h264")])
def test_without_the_extra_it_is_one_line(tmp_path, monkeypatch, capfd, words) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "av", None)
    assert main([*words]) == 2
    assert "pip install 'fer_ros[video]'" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_camera_publishes_video_that_a_node_reads(build) -> None:
    robot = build(image_topics=("/image_raw",), image_transport="foxglove").start()
    transport = MemoryTransport(robot.graph, "camera")
    camera = CameraPublisher(transport, "h264", "lens")
    assert camera.topic == "/image_raw/foxglove"
    wait_for(lambda: camera.subscription_count() == 1)
    for index in range(35):
        before = robot.camera_counts(camera.topic)["received"]
        camera.send(smiling(), 1000 * 10**9 - (35 - index) * PERIOD)
        wait_for(lambda n=before: robot.camera_counts(camera.topic)["received"] > n)
    wait_for(lambda: robot.arrays and robot.arrays[-1].faces)
    counts = robot.camera_counts(camera.topic)
    assert counts["dropped.no_key_frame"] == counts["dropped.undecodable"] == 0
    transport.close()
