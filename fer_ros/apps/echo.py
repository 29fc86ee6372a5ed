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

"""``fer-ros echo``: the topics of the graph as a live table, or one topic's messages."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from fer_ros.apps.command_line import duration
from fer_ros.apps.message_text import message_text
from fer_ros.apps.table import MOST_ROWS, LiveTable, columns, faces_table, plain
from fer_ros.bridges import definitions
from fer_ros.perception.strings import in_one_line, shortened
from fer_ros.perception.timing import RollingWindow
from fer_ros.runtime.signals import stop_signals
from fer_ros.transport import messages
from fer_ros.transport.arguments import RosArgs
from fer_ros.transport.base import TopicInfo, Transport
from fer_ros.transport.codec import DecodeError, decode
from fer_ros.transport.image_topics import is_annotated
from fer_ros.transport.opening import open_standalone
from fer_ros.transport.result_messages import EmotionResult, read_result
from fer_ros.transport.topic_follower import TopicFollower

_PERIOD = 0.25
"""Time between two pictures of the table [s]."""

_LOOK_EVERY = 4
"""Pictures of the table between two looks at the graph."""

_WINDOW = 5.0
"""Rates are those of this much time [s]."""

_TYPES_WIDTH = 110
"""Line from which there is room for the types of topics [characters]."""

_FORGET_CAMERA = 5.0
"""Faces of a camera that is silent for longer are taken off the table [s]."""

_MOST_CAMERAS = 32
"""Cameras whose faces are shown at once."""

_MOST_NAMES = 500
"""Longest line of names from the graph [characters]."""

_HINT_AFTER = 2.0
"""Time without a publisher after which the topics that exist are named [s]."""

_HIDDEN = ("/rosout", "/parameter_events", "/clock")


def add_parser(subparsers: Any) -> None:
    """Add the ``echo`` command."""
    parser = subparsers.add_parser(
        "echo",
        description="Without TOPIC: a live table of the topics with their rates and the age of "
        "their newest message, and of the faces. With TOPIC: its messages, as they come. "
        "Images are received in full to be counted, but for annotated ones, which the node makes "
        "only for subscribers; --no-images leaves all of them out.",
        epilog="examples:\n"
        "  fer-ros echo\n"
        "  fer-ros echo /fer/emotions --count 1\n"
        "  fer-ros echo --seconds 5 | tail -20",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help="print its messages instead")
    parser.add_argument("--seconds", type=duration, metavar="S", help="end after this time")
    parser.add_argument("--count", type=int, metavar="N", help="end after N messages of a TOPIC")
    parser.add_argument("--no-images", action="store_true", help="do not subscribe to images")
    parser.set_defaults(func=_echo)


def _echo(args: argparse.Namespace, ros_args: RosArgs) -> int:
    if args.count is not None and not args.topics:
        raise ValueError("--count goes with a TOPIC")
    definitions.use_all()
    with stop_signals() as stop, open_standalone("fer_echo", ros_args) as transport:
        if args.topics:
            return _print_messages(transport, args, stop)
        return _show_table(transport, args, stop)


def _end(seconds: float | None) -> float:
    return float("inf") if seconds is None else time.monotonic() + seconds


def _show_table(transport: Transport, args: argparse.Namespace, stop: threading.Event) -> int:
    board, end, looks = _Board(), _end(args.seconds), 0
    follower = TopicFollower(transport, board.receive, depth=5)
    wanted: list[TopicInfo] = []
    with LiveTable(sys.stdout) as table:
        while not stop.wait(_PERIOD) and time.monotonic() < end:
            if looks % _LOOK_EVERY == 0:
                wanted = [t for t in transport.published_topics() if t.name not in _HIDDEN]
                follower.update(t for t in wanted if _counted(t, args.no_images))
            looks += 1
            table.show(*board.shown(wanted, transport.now_ns(), table.width))
    follower.close()
    return 0


def _counted(topic: TopicInfo, no_images: bool) -> bool:
    """Return whether a topic is heard: a look must not make the node draw pictures."""
    if topic.type_name in messages.IMAGES:
        return not (no_images or is_annotated(topic.name))
    return True


def _print_messages(transport: Transport, args: argparse.Namespace, stop: threading.Event) -> int:
    names = {transport.resolve(name) for name in args.topics}
    printer = _Printer(args.count or sys.maxsize, with_names=len(names) > 1)
    follower = TopicFollower(transport, printer.receive)
    end, hinted, started = _end(args.seconds), False, time.monotonic()
    while not (stop.is_set() or printer.ended.wait(_PERIOD)) and time.monotonic() < end:
        there = transport.published_topics()
        follower.update(topic for topic in there if topic.name in names)
        for why in follower.refused.values():
            raise ValueError(why)
        missing = names - {topic.name for topic in there}
        if missing and not hinted and time.monotonic() - started > _HINT_AFTER:
            hinted = True
            known = shortened(", ".join(topic.name for topic in there), _MOST_NAMES) or "none"
            print(
                f"nobody publishes {', '.join(sorted(missing))} yet; topics there are: {known}",
                file=sys.stderr,
            )
    follower.close()
    if printer.error is not None:
        raise printer.error
    return 0


class _Printer:
    """Prints messages as they come; safe between threads."""

    def __init__(self, count: int, with_names: bool) -> None:
        self.ended = threading.Event()
        """Set when enough have been printed, or no more can be."""
        self.error: OSError | None = None
        """Why the output cannot be written."""
        self._left = count
        self._with_names = with_names
        self._lock = threading.Lock()

    def receive(self, topic: TopicInfo, data: bytes) -> None:
        """Print one message."""
        with self._lock:
            if self._left <= 0 or self.ended.is_set():
                return
            self._left -= 1
            head = f"# {shortened(topic.name)}\n" if self._with_names else ""
            try:
                text = message_text(decode(data, topic.type_name))
            except DecodeError as error:
                text = f"# {in_one_line(error)}\n"
            try:
                sys.stdout.write(f"{head}{text}---\n")
                sys.stdout.flush()
            except OSError as error:
                self.error = error
            if self._left == 0 or self.error is not None:
                self.ended.set()


class _Traffic:
    """Recent traffic on one topic."""

    def __init__(self) -> None:
        self.size = RollingWindow(_WINDOW)
        self.stamp_ns: int | None = None


class _Board:
    """State of the graph; safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._traffic: dict[tuple[str, str], _Traffic] = {}
        self._arrays: dict[tuple[str, str], tuple[float, EmotionResult]] = {}

    def receive(self, topic: TopicInfo, data: bytes) -> None:
        """Take in a message."""
        now = time.monotonic()
        array = self._array(topic, data)
        with self._lock:
            traffic = self._traffic.setdefault((topic.name, topic.type_name), _Traffic())
            traffic.size.add(float(len(data)), now)
            traffic.stamp_ns = messages.leading_stamp_ns(data, topic.type_name)
            if array is not None:
                key = topic.name, array.source_topic
                self._forget(now)
                if key in self._arrays or len(self._arrays) < _MOST_CAMERAS:
                    self._arrays[key] = now, array

    def shown(
        self, topics: Sequence[TopicInfo], now_ns: int, width: int
    ) -> list[RenderableType]:  # fmt: skip
        """Return the tables of this moment, for lines of a width [characters]."""
        if not topics:
            return [Text("nobody publishes anything here: is the node started, in this domain?")]
        numbers = ("publishers>", "Hz>", "kB/s>", "age ms>")
        typed = width >= _TYPES_WIDTH
        table = columns("topic", "type", *numbers) if typed else columns("topic", *numbers)
        now = time.monotonic()
        with self._lock:
            self._traffic = {
                key: self._traffic[key]
                for key in ((topic.name, topic.type_name) for topic in topics)
                if key in self._traffic
            }
            for topic in topics[:MOST_ROWS]:
                traffic = self._traffic.get((topic.name, topic.type_name))
                named = [topic.name, topic.type_name] if typed else [topic.name]
                cells = [str(topic.publishers), *_figures(traffic, now, now_ns)]
                table.add_row(*map(plain, named), *cells)
            self._forget(now)
            arrays = [(name, array) for (name, _), (_, array) in sorted(self._arrays.items())]
        parts: list[RenderableType] = [table]
        if len(topics) > MOST_ROWS:
            parts.append(Text(f"and {len(topics) - MOST_ROWS} more topics", style="dim"))
        for name, array in arrays:
            headline = plain(_headline(name, array), _MOST_NAMES, "bold")
            parts += ["", headline, faces_table(array.faces, array.labels, width)]
        return parts

    @staticmethod
    def _array(topic: TopicInfo, data: bytes) -> EmotionResult | None:
        if topic.type_name != messages.EMOTION_ARRAY:
            return None
        try:
            return read_result(data)
        except DecodeError:  # its traffic counts all the same
            return None

    def _forget(self, now: float) -> None:
        for key in [k for k, (since, _) in self._arrays.items() if now - since >= _FORGET_CAMERA]:
            del self._arrays[key]


def _figures(traffic: _Traffic | None, now: float, now_ns: int) -> tuple[str, str, str]:
    if traffic is None:
        return "-", "-", "-"
    rate, size = traffic.size.rate(now), traffic.size.mean(now)
    age = "-" if not traffic.stamp_ns else f"{(now_ns - traffic.stamp_ns) / 1e6:.0f}"
    return f"{rate:.1f}", f"{rate * size / 1e3:.1f}", age


def _headline(name: str, array: EmotionResult) -> str:
    return (
        f"{name}  {array.source_topic} {array.width}x{array.height}  "
        f"{array.model_id} + {array.detector}  {array.total_ms:.1f} ms, "
        f"age {array.age_ms:.1f} ms"
    )
