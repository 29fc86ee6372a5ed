"""A camera process for the end-to-end test: FER2013 PublicTest faces pasted into scenes.

Publishes each scene a few times, the next image as soon as the last one is answered, and prints
what it showed as JSON.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import cv2
import numpy as np

from fer_ros import messages
from fer_ros.codec import decode
from fer_ros.publish import CameraPublisher
from fer_ros.scene import background
from fer_ros.transport.base import Qos
from fer_ros.transport.dds import DdsTransport
from fer_ros.transport.ros_args import RosArgs

WIDTH, HEIGHT = 960, 720
SIZES = (64, 96, 128, 192, 256)
REPEATS = 3
SECOND = 1_000_000_000


def scenes(images: np.ndarray, rows: np.ndarray, rng: np.random.Generator):
    """Yield (picture, [(row, x, y, size), …]); five faces of five sizes in each."""
    slots = [(160, 180), (480, 180), (800, 180), (240, 540), (640, 540)]
    for start in range(0, len(rows), len(slots)):
        picture = background(WIDTH, HEIGHT).copy()
        shown = []
        sizes = rng.permutation(SIZES)
        for row, (x, y), size in zip(rows[start:], slots, sizes):
            x, y = x + int(rng.integers(-20, 20)), y + int(rng.integers(-20, 20))
            face = cv2.resize(images[row], (int(size), int(size)), interpolation=cv2.INTER_CUBIC)
            left, top = x - size // 2, y - size // 2
            picture[top : top + size, left : left + size] = face[:, :, None]
            shown.append((int(row), x, y, int(size)))
        yield picture, shown


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
    camera = CameraPublisher(transport, compressed=False, frame_id="camera")
    truth = []
    # Ten seconds between scenes: no face of one can belong to a track of the other.
    for index, (picture, shown) in enumerate(scenes(data["images"], rows, rng)):
        for repeat in range(REPEATS):
            newest[0] = (1000 + 10 * index) * SECOND + repeat * SECOND // 30
            answered.clear()
            for _ in range(100):
                camera.send(picture, newest[0])
                if answered.wait(0.2):
                    break
            else:
                sys.exit("the node does not answer")
        truth.append({"stamp": newest[0], "faces": shown})
    print(json.dumps(truth))
    transport.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
