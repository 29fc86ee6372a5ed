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

"""``fer-ros demo``: a camera, the node and a subscriber, with real DDS between them."""

from __future__ import annotations

import argparse
import math
import os
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
from rich.console import RenderableType

from fer_ros.apps.camera import CameraPublisher, camera_images, camera_rate
from fer_ros.apps.children import Child, node_command
from fer_ros.apps.command_line import duration
from fer_ros.apps.hints import check_parameters
from fer_ros.apps.run import NODE_NAME
from fer_ros.apps.table import LiveTable, faces_table, plain
from fer_ros.apps.view import page_port
from fer_ros.node.core import EmotionNode
from fer_ros.node.parameters import Settings
from fer_ros.perception.images import decode_raw
from fer_ros.perception.timing import RollingWindow
from fer_ros.runtime.signals import GRACE, stop_signals
from fer_ros.transport import messages
from fer_ros.transport.arguments import RosArgs
from fer_ros.transport.base import Qos, Transport, TransportError
from fer_ros.transport.codec import decode
from fer_ros.transport.memory import MemoryGraph, MemoryTransport
from fer_ros.transport.opening import chosen_rmw, open_standalone, private_graph
from fer_ros.transport.result_messages import EmotionResult, read_result

_SECONDS = 11.0
"""How long the demo lasts by default [s]; the faces then hold still."""

_VIEW = "view"
"""Name of the page's process; it says its address when it is there."""

_START_TIME = 60.0
"""How long the demo waits for the first result [s]."""

_MOST_TRACKS = 10_000
"""Tracks are counted up to this many."""

_PICTURE_TIME = 3.0
"""How long it waits for the annotated picture [s]."""


def add_parser(subparsers: Any) -> None:
    """Add the ``demo`` command."""
    parser = subparsers.add_parser(
        "demo",
        description="Starts a camera process and the emotion node, subscribes to what it "
        "publishes, shows it as a live table, and saves an annotated picture at the end. "
        "Without --source the camera is synthetic: averaged faces that change expression.",
    )
    parser.add_argument(
        "--source",
        default="demo",
        metavar="WHAT",
        help="'demo', a webcam's number, a video file or a folder of pictures (default: demo)",
    )
    parser.add_argument(
        "--view", action="store_true", help="show it in the browser as well, until Ctrl-C"
    )
    parser.add_argument(
        "--seconds",
        type=duration,
        help=f"how long (default: {_SECONDS:g}; with --view until Ctrl-C)",
    )
    parser.add_argument(
        "--rate", type=float, help="images per second (default: 30; pictures: one every 2 s)"
    )
    parser.add_argument(
        "--picture",
        type=Path,
        default=Path("fer-demo.png"),
        help="where the annotated picture goes (default: fer-demo.png)",
    )
    parser.set_defaults(func=_demo)


def _demo(args: argparse.Namespace, ros_args: RosArgs) -> int:
    with stop_signals() as stop:
        return _run(args, ros_args, stop)


def _run(args: argparse.Namespace, ros_args: RosArgs, stop: threading.Event) -> int:
    if ros_args.remaps or ros_args.node_names or ros_args.namespaces:
        raise TransportError("the demo takes parameters (-p, --params-file), but no other names")
    check_parameters(ros_args, f"/{NODE_NAME}")
    if not cv2.haveImageWriter(str(args.picture)):
        raise ValueError(f"--picture must end in .png or .jpg, not {args.picture}")
    way = f"camera ({args.source}) -> /image_raw -> node /{NODE_NAME} -> /{NODE_NAME}/emotions"
    try:
        chosen_rmw()
    except TransportError as error:
        if args.view:
            raise TransportError(f"--view takes several processes: {error}") from error
        print(f"{error}\nSo camera, node and subscriber run in this one process: {way}")
        return _in_one_process(args, ros_args, stop)
    parameters = {rule.name: rule.value for rule in ros_args.parameter_rules}
    rate = camera_rate(args.source) if args.rate is None else args.rate
    camera = ["camera", "--source", args.source, "--rate", str(rate), "--loop"]
    commands = {"node": node_command(parameters), "camera": camera}
    if args.view:
        commands[_VIEW] = ["view", "--port", str(page_port())]
    with ExitStack() as stack:
        # It should neither see nor disturb a robot next to it.
        where = stack.enter_context(private_graph(os.environ.get("ROS_DOMAIN_ID", "")))
        print(f"{where}, three processes: {way}")
        transport = stack.enter_context(open_standalone("fer_demo"))
        children = [stack.enter_context(Child(*command)) for command in commands.items()]
        status = _watch(transport, tuple(children), args, stop)
    if not args.view:
        print(f"to see it live in the browser: {_own_name()} demo --view")
    return status


def _own_name() -> str:
    """Return how the user called this program."""
    path = Path(sys.argv[0])
    return sys.argv[0] if path.name == "fer-ros" else "fer-ros"


def _in_one_process(args: argparse.Namespace, ros_args: RosArgs, stop: threading.Event) -> int:
    graph = MemoryGraph()
    transports = [MemoryTransport(graph, name, args=ros_args) for name in (NODE_NAME, "camera")]
    node = EmotionNode(transports[0], Settings.from_overrides(transports[0].parameter_overrides()))
    ended = threading.Event()
    rate = camera_rate(args.source) if args.rate is None else args.rate
    images = camera_images(args.source, rate, None, loop=True)
    camera = CameraPublisher(transports[1], "raw", frame_id="camera")
    thread = threading.Thread(
        target=camera.run, args=(images, rate, ended), name="fer-camera", daemon=True
    )
    watcher = MemoryTransport(graph, "fer_demo")
    try:
        node.configure()
        node.activate()
        thread.start()
        return _watch(watcher, (), args, stop)
    finally:
        ended.set()
        if thread.is_alive():
            thread.join(GRACE)
        node.close()
        for transport in (watcher, *transports):
            transport.close()


def _watch(
    transport: Transport, children: tuple[Child, ...], args: argparse.Namespace,
    stop: threading.Event,
) -> int:  # fmt: skip
    watcher = _Watcher(transport)
    started = time.monotonic()
    while watcher.count == 0 or not all(
        child.output() for child in children if child.name == _VIEW
    ):
        _check_alive(children)
        if time.monotonic() - started > _START_TIME:
            logs = "\n".join(child.output() for child in children)
            raise TransportError(f"no EmotionArray within {_START_TIME:.0f} s:\n{logs}")
        if stop.wait(0.05):
            return 130
    for child in children:
        if child.output():
            print(child.output())
    print(f"first EmotionArray {time.monotonic() - started:.1f} s after the start\n")
    seconds = args.seconds
    if seconds is None:
        seconds = math.inf if args.view else _SECONDS
    end = time.monotonic() + seconds
    with LiveTable(sys.stdout) as table:
        while time.monotonic() < end and not stop.wait(0.25):
            _check_alive(children)
            table.show(*watcher.shown(table.width))
    print(f"\n{watcher.summary()}")
    return watcher.save_picture(args.picture)


def _check_alive(children: tuple[Child, ...]) -> None:
    ended = next((child for child in children if child.ended()), None)
    if ended is not None:
        raise TransportError(f"the {ended.name} process ended:\n{ended.output()}")


class _Watcher:
    """A subscriber as a robot's behaviour would be one."""

    def __init__(self, transport: Transport) -> None:
        self.count = 0
        self._transport = transport
        self._latest: EmotionResult | None = None
        self._rate, self._age, self._total = RollingWindow(), RollingWindow(), RollingWindow()
        self._seen: set[str] = set()
        self._first = 0.0
        qos = Qos("reliable", depth=10)
        topic = f"/{NODE_NAME}/emotions"
        transport.subscribe(topic, messages.EMOTION_ARRAY, qos, self._receive)

    def _receive(self, data: bytes) -> None:
        array = read_result(data)
        now = time.monotonic()
        age_ms = (time.time_ns() - array.stamp_ns) / 1e6
        self._rate.add(1.0, now)
        self._age.add(age_ms, now)
        self._total.add(array.total_ms, now)
        if len(self._seen) < _MOST_TRACKS:
            self._seen.update(face.track_id for face in array.faces[:_MOST_TRACKS])
        self._latest, self._first = array, self._first or now
        self.count += 1

    def shown(self, width: int) -> tuple[RenderableType, ...]:
        """Return the newest message as a line and a table, for lines of a width [characters]."""
        array, now = self._latest, time.monotonic()
        assert array is not None, "shown before the first message"
        head = (
            f"{array.source_topic} {array.width}x{array.height}  "
            f"{self._rate.rate(now):.1f} Hz  {array.model_id} + {array.detector}  "
            f"camera to subscriber p50 {_figure(self._age, 'p50')} ms  "
            f"of that in the node {_figure(self._total, 'p50')} ms"
        )
        return plain(head, 500), faces_table(array.faces, array.labels, width)

    def summary(self) -> str:
        """Return what came in the whole time."""
        now = time.monotonic()
        seen = len(self._seen)
        tracks = f"{seen}" if seen < _MOST_TRACKS else f"{_MOST_TRACKS} or more"
        return (
            f"{self.count} EmotionArrays in {now - self._first:.1f} s, {tracks} tracks; "
            f"camera to subscriber p50 {_figure(self._age, 'p50')} ms, "
            f"p99 {_figure(self._age, 'p99')} ms"
        )

    def save_picture(self, path: Path) -> int:
        """Save one image of ``~/image_annotated``; the node draws it only from now on."""
        arrived, box = threading.Event(), []

        def receive(data: bytes) -> None:
            box.append(data)
            arrived.set()

        topic = f"/{NODE_NAME}/image_annotated"
        qos = Qos("reliable", depth=1)
        subscription = self._transport.subscribe(topic, messages.IMAGE, qos, receive)
        if not arrived.wait(_PICTURE_TIME):
            print(f"no annotated picture came on {topic}", file=sys.stderr)
            return 1
        subscription.close()
        m = decode(box[0], messages.IMAGE)
        picture = decode_raw(m.data, m.width, m.height, m.step, m.encoding, False)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(str(path), picture):
            raise OSError(f"cannot write the picture to {path}")
        print(f"annotated picture: {path.resolve()}")
        return 0


def _figure(window: RollingWindow, name: str) -> str:
    """Return a percentile of the recent past; a dash where nothing came lately."""
    value = window.percentiles(time.monotonic()).get(name)
    return "-" if value is None else f"{value:.1f}"
