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

"""A camera process for the end-to-end test: FER2013 PublicTest faces pasted into scenes.

Publishes each scene a few times, the next image as soon as the last one is answered, and prints
what it showed as JSON.
"""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import astuple
from pathlib import Path

import numpy as np

from fer_ros.apps.camera import CameraPublisher
from fer_ros.transport import messages
from fer_ros.transport.arguments import RosArgs
from fer_ros.transport.base import Qos
from fer_ros.transport.codec import decode
from fer_ros.transport.dds.node import DdsTransport
from fer_training.data.scenes import compose

REPEATS = 3
SECOND = 1_000_000_000


def main(npz: Path, count: int) -> None:
    data = np.load(npz)
    rng = np.random.default_rng(0)
    public = np.flatnonzero(data["usage"] == 1)
    rows = rng.permutation(public)[:count]
    transport = DdsTransport("face_camera", "/", RosArgs())
    answered = threading.Event()
    newest = [0]

    def receive(raw: bytes) -> None:
        stamp = messages.time_ns(decode(raw, messages.EMOTION_ARRAY).header.stamp)
        if stamp == newest[0]:
            answered.set()

    transport.subscribe("/fer/emotions", messages.EMOTION_ARRAY, Qos(), receive)
    camera = CameraPublisher(transport, "raw", frame_id="camera")
    truth = []
    # Each scene is older than the one before: the clock begins anew, and so do the tracks.
    for index, (picture, shown) in enumerate(compose(data["images"], rows, rng)):
        for repeat in range(REPEATS):
            newest[0] = (100_000 - 10 * index) * SECOND + repeat * SECOND // 30
            answered.clear()
            for _ in range(100):
                camera.send(picture, newest[0])
                if answered.wait(0.2):
                    break
            else:
                sys.exit("the node does not answer")
        truth.append({"stamp": newest[0], "faces": [astuple(face) for face in shown]})
    print(json.dumps(truth))
    transport.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
