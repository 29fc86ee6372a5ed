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

"""The whole way over real DDS: camera process, node process, and what a subscriber hears."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dds_domains import loopback_environment
from support import wait_for

from fer_ros.apps.children import Child
from fer_ros.node.parameters import Settings
from fer_ros.perception.classification import EmotionNetwork
from fer_ros.perception.emotions import FER2013
from fer_ros.runtime.assembly import locate_model
from fer_ros.transport import messages
from fer_ros.transport.arguments import RosArgs
from fer_ros.transport.base import Qos, TransportError
from fer_ros.transport.codec import decode

try:
    from fer_ros.transport.dds.node import DdsTransport
except TransportError as error:
    pytest.skip(f"no DDS here: {error}", allow_module_level=True)

HERE = Path(__file__).parent


@pytest.fixture
def domain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A DDS domain for this test alone, on loopback."""
    for name, value in loopback_environment().items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("domain")
def test_a_subscriber_gets_results_of_camera_and_node_processes() -> None:
    arrays: list = []
    camera = ["camera", "--source", "demo", "--rate", "20"]
    node = ["run", "--ros-args", "-p", "detector:=fer-face", "-r", "__ns:=/robot"]
    remap = ["--ros-args", "-r", "__ns:=/robot"]
    listener = DdsTransport("listener", "/", RosArgs())
    try:
        listener.subscribe(
            "/robot/fer/emotions",
            messages.EMOTION_ARRAY,
            Qos(),
            lambda data: arrays.append(decode(data, messages.EMOTION_ARRAY)),
        )
        with Child("node", node) as node_process, Child("camera", [*camera, *remap]) as source:
            wait_for(lambda: len(arrays) >= 20 or node_process.ended() or source.ended(), 30)
            assert not node_process.ended(), node_process.output()
            assert not source.ended(), source.output()
        assert node_process.stop() == 0, node_process.output()
    finally:
        listener.close()
    assert {a.source_topic for a in arrays} == {"/robot/image_raw"}
    stamps = [messages.time_ns(a.header.stamp) for a in arrays]
    assert stamps == sorted(set(stamps)), "answered in order, each image once"
    assert max(len(a.faces) for a in arrays) == 3
    assert {face.label for face in arrays[-1].faces} <= {*FER2013, "uncertain"}


@pytest.mark.usefixtures("domain")
def test_pasted_public_test_faces_come_back(shared: Path) -> None:
    """Tracks as many as faces found, and accuracy within 3 points of the bare crops."""
    npz = shared / "data" / "fer2013_train_public.npz"
    detector = shared / "models" / "yunet_s_dynamic.onnx"
    parameters = {"detector": "yunet", "detector_model": str(detector), "detection_size": 960}
    arguments = [w for name, v in parameters.items() for w in ("-p", f"{name}:={v}")]
    arrays: dict[int, object] = {}

    def receive(data: bytes) -> None:
        array = decode(data, messages.EMOTION_ARRAY)
        arrays[messages.time_ns(array.header.stamp)] = array

    listener = DdsTransport("listener", "/", RosArgs())
    try:
        listener.subscribe("/fer/emotions", messages.EMOTION_ARRAY, Qos(depth=50), receive)
        with Child("node", ["run", "--ros-args", *arguments]) as node:
            camera = subprocess.run(
                [sys.executable, str(HERE / "face_camera.py"), str(npz), "600"],
                capture_output=True, text=True, timeout=240, check=False,
            )  # fmt: skip
            assert camera.returncode == 0, camera.stderr + node.output()
        truth = json.loads(camera.stdout)
        wait_for(lambda: all(scene["stamp"] in arrays for scene in truth))
    finally:
        listener.close()
    with np.load(npz) as data:
        _compare(data["images"], data["emotion"], truth, arrays)


def _compare(images: np.ndarray, emotions: np.ndarray, truth: list, arrays: dict) -> None:
    network = EmotionNetwork(locate_model(Settings().models[0]))
    direct = network.classify([images[row] for s in truth for row, *_ in s["faces"]])
    answers = iter(direct.argmax(axis=1))
    shown = found = strays = right = right_direct = 0
    ids = set()
    for scene in truth:
        faces = list(arrays[scene["stamp"]].faces)
        ids.update(face.track_id for face in faces)
        matched = 0
        for row, x, y, size in scene["faces"]:
            shown += 1
            answer = next(answers)
            near = [face for face in faces if _covers(face.roi, x, y, size)]
            if not near:
                continue
            matched += 1
            label = FER2013[emotions[row]]
            right += FER2013[int(np.argmax(near[0].probabilities))] == label
            right_direct += FER2013[answer] == label
        found += matched
        strays += len(faces) - matched
    print(f"{found} of {shown} faces found, {strays} strays, {len(ids)} tracks; accuracy "
          f"{right / found:.3f}, of the bare crops {right_direct / found:.3f}")  # fmt: skip
    assert found >= 0.88 * shown
    assert strays <= 0.02 * shown
    assert len(ids) == found + strays, "one track for each face, whatever scene it was in"
    assert right / found >= right_direct / found - 0.03


def _covers(roi, x: int, y: int, size: int) -> bool:
    dx = roi.x_offset + roi.width / 2 - x
    dy = roi.y_offset + roi.height / 2 - y
    return max(abs(dx), abs(dy)) < size / 3
