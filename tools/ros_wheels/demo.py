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

"""Camera, node and a subscriber on a real rclpy, as `make demo-ros` shows them."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import rclpy
from ament_index_python.packages import get_package_prefix
from fer_ros.msg import EmotionArray
from rclpy.node import Node


class Echo(Node):
    """Prints what `ros2 topic echo /fer/emotions` would show, a line a message."""

    def __init__(self) -> None:
        super().__init__("echo")
        self.messages = 0
        self.create_subscription(EmotionArray, "/fer/emotions", self.show, 10)

    def show(self, array: EmotionArray) -> None:
        """Print one message."""
        self.messages += 1
        faces = ", ".join(
            f"{face.track_id} {face.label} {face.confidence:.0%}" for face in array.faces
        )
        print(f"{self.messages:5d}  {array.age_ms:6.1f} ms  {faces or 'nobody'}", flush=True)


@contextmanager
def running(*command: str | Path):
    """Run a program for the length of a block; it ends as by Ctrl-C."""
    process = subprocess.Popen(command)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(10)


def main() -> int:
    """Show the messages for a while; return 0 when there were any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0, help="how long to show messages")
    parser.add_argument("--source", default="demo", help="webcam number, video, folder or demo")
    given = parser.parse_args()
    programs = Path(get_package_prefix("fer_ros"), "lib", "fer_ros")
    with ExitStack() as stack:
        stack.enter_context(running(programs / "camera", "--source", given.source, "--loop"))
        node = (programs / "emotion_node", "--ros-args", "-p", "autostart:=true")
        stack.enter_context(running(*node))
        rclpy.init()
        echo = Echo()
        end = time.monotonic() + given.seconds
        try:
            while time.monotonic() < end:
                rclpy.spin_once(echo, timeout_sec=0.1)
        except KeyboardInterrupt:
            pass
    return 0 if echo.messages else 1


if __name__ == "__main__":
    sys.exit(main())
