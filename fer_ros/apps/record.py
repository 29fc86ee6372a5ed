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

"""``fer-ros record``: topics of the graph into a recording."""

from __future__ import annotations

import argparse
import queue
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from fer_ros.apps.command_line import duration
from fer_ros.apps.filming import Filming
from fer_ros.behaviors.workers import error_text
from fer_ros.bridges import definitions
from fer_ros.runtime.signals import stop_signals
from fer_ros.transport import rosout
from fer_ros.transport.arguments import RosArgs
from fer_ros.transport.bag import BagError, BagWriter
from fer_ros.transport.base import TopicInfo, Transport
from fer_ros.transport.codec import DecodeError, decode
from fer_ros.transport.opening import open_standalone
from fer_ros.transport.topic_follower import TopicFollower, adaptive_qos

_LOOK_PERIOD = 0.5
"""Time between two looks at the graph for new topics [s]."""

_MOST_WARNINGS = 200
"""Topics that are left out and named; of more, the later ones are not named."""

_REPORT_PERIOD = 5.0
"""Time between two lines on how far it is [s]."""

_MEMORY = 256 * 2**20
"""Largest backlog of the disk [bytes]; beyond it messages are dropped, which is logged."""

_FLUSH_PERIOD = 2.0
"""How much of the newest messages a killed process or a full disk may cost, at most [s]."""

_DEPTH = 100


def add_parser(subparsers: Any) -> None:
    """Add the ``record`` command."""
    parser = subparsers.add_parser(
        "record",
        description="Records topics as a rosbag2 folder in mcap storage, until Ctrl-C. Topics that "
        "appear later are recorded too. Images show people: keep the folder accordingly.",
        epilog="examples:\n"
        "  fer-ros record --out drive\n"
        "  fer-ros record /image_raw /fer/emotions --seconds 60\n"
        "  fer-ros record --video --compression zstd --seconds 600\n"
        "  fer-ros record --exclude '.*annotated.*' && fer-ros replay rosbag2_* --out results",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help="only these (default: all)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="new folder (default: named by "
        "date and time)")  # fmt: skip
    parser.add_argument("--seconds", type=duration, metavar="S", help="end after this time")
    parser.add_argument(
        "--exclude", metavar="REGEX", default=r".*/image_annotated(/.*)?",
        help="leave out topics whose whole name matches (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--video", action="store_true", help="record raw images as H.264, "
        "foxglove_msgs/CompressedVideo on <topic>/foxglove (needs PyAV and a core)",
    )  # fmt: skip
    parser.add_argument(
        "--compression", choices=("none", "zstd"), default="none",
        help="of the file's chunks; zstd is read by ros2 bag too (default: %(default)s)",
    )  # fmt: skip
    parser.set_defaults(func=_record)


def _record(args: argparse.Namespace, ros_args: RosArgs) -> int:
    try:
        excluded = re.compile(args.exclude or r"(?!)")
    except re.error as error:
        raise ValueError(f"--exclude {args.exclude!r} is no regular expression: {error}") from None
    out = args.out or Path(f"rosbag2_{datetime.now():%Y_%m_%d-%H_%M_%S}")
    if out.exists():
        raise BagError(f"{out} exists already; name another folder with --out")
    definitions.use_all()
    with stop_signals() as stop, open_standalone("fer_record", ros_args) as transport:
        wanted = {transport.resolve(name) for name in args.topics}
        recorder = Recorder(
            out,
            packed=args.compression == "zstd",
            video=Filming(transport.log) if args.video else None,
        )
        return _run(transport, recorder, wanted, excluded, args.seconds, stop)


def _run(
    transport: Transport, recorder: Recorder, wanted: set[str], excluded: re.Pattern[str],
    seconds: float | None, stop: threading.Event,
) -> int:  # fmt: skip
    log, started, reported = transport.log, time.monotonic(), time.monotonic()
    follower = TopicFollower(transport, without_own_log(transport, recorder.receive), depth=_DEPTH)
    log.info(f"recording into {recorder.folder}; Ctrl-C ends it")
    warned_of: set[tuple[str, str]] = set()
    while not stop.wait(_LOOK_PERIOD) and recorder.error is None:
        now = time.monotonic()
        if seconds is not None and now - started >= seconds:
            break
        follower.update(
            topic for topic in transport.published_topics()
            if (topic.name in wanted if wanted else not excluded.fullmatch(topic.name))
        )  # fmt: skip
        for key in list(follower.refused.keys() - warned_of)[: _MOST_WARNINGS - len(warned_of)]:
            warned_of.add(key)
            log.warning(f"{key[0]} is left out: {follower.refused[key]}")
        if now - reported >= _REPORT_PERIOD:
            reported = now
            log.info(_progress(recorder, follower, wanted))
    follower.close()
    recorder.close()
    if recorder.error is not None:
        log.error(f"{recorder.error}; {recorder.kept()}")
        return 2
    if recorder.written == 0:
        there = ", ".join(topic.name for topic in transport.published_topics())
        log.error(f"nothing came, so nothing was written; topics there are: {there or 'none'}")
        return 1
    log.info(f"{recorder.summary()} -> {recorder.folder}")
    return 0


def _progress(recorder: Recorder, follower: TopicFollower, wanted: set[str]) -> str:
    missing = wanted - {topic.name for topic in follower.topics}
    waiting = f"; nobody publishes {', '.join(sorted(missing))} yet" if missing else ""
    return recorder.summary() + waiting


def without_own_log(
    transport: Transport, receive: Callable[[TopicInfo, bytes], None]
) -> Callable[[TopicInfo, bytes], None]:
    """Return a receiver that leaves out this node's own messages on ``/rosout``."""
    own = transport.node_name.strip("/").replace("/", ".")

    def take(topic: TopicInfo, data: bytes) -> None:
        if topic.name == rosout.TOPIC and topic.type_name == rosout.TYPE:
            with suppress(DecodeError):  # then it is of somebody else
                if decode(data, rosout.TYPE).name == own:
                    return
        receive(topic, data)

    return take


class Recorder:
    """Writes messages on a thread of its own, so that a slow disk blocks no callback."""

    def __init__(
        self,
        folder: Path,
        memory: int = _MEMORY,
        packed: bool = False,
        video: Filming | None = None,
    ) -> None:
        """Prepare; the folder is made when the first message comes.

        Args:
            folder: Must not exist.
            memory: What may wait for the disk [bytes]; beyond, messages are lost, and counted.
            packed: Whether the file's chunks are compressed.
            video: Turns raw images into video, if that is wanted.
        """
        self.folder = folder
        self._packed, self._video = packed, video
        self._memory = memory
        self.written = 0
        """Messages that are in the recording."""
        self.lost = 0
        """Messages that came while the disk was too far behind."""
        self.error: BagError | None = None
        """Why recording ended."""
        self._bag: BagWriter | None = None
        self._topics: dict[str, str] = {}
        self._waiting: queue.SimpleQueue[tuple[TopicInfo, int, bytes] | None] = queue.SimpleQueue()
        self._bytes = 0
        self._flushed = time.monotonic()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def receive(self, topic: TopicInfo, data: bytes) -> None:
        """Take in a message; returns at once."""
        with self._lock:
            if self._bytes + len(data) > self._memory:
                self.lost += 1
                return
            self._bytes += len(data)
        self._waiting.put((topic, time.time_ns(), data))

    def close(self) -> None:
        """Write what waits, and the index: the recording is whole."""
        self._waiting.put(None)
        self._thread.join()

    def kept(self) -> str:
        """Return what there is of a recording that ended with an error."""
        if not self._topics:
            return "nothing was written"
        return (
            f"the messages before are in {self.folder}, which has no index but is read by "
            "fer-ros replay as far as it is whole"
        )

    def summary(self) -> str:
        """Return what has been written so far."""
        lost = f", {self.lost} lost because the disk is too slow" if self.lost else ""
        return f"{self.written} messages of {len(self._topics)} topics{lost}"

    def _run(self) -> None:
        try:
            while (entry := self._next()) is not None:
                topic, time_ns, data = entry
                self._write(topic, time_ns, data)
                with self._lock:
                    self._bytes -= len(data)
            if self._bag is not None:
                self._bag.close()
        except Exception as error:  # of whatever kind: a thread that ends unseen records nothing
            self.error = (
                error
                if isinstance(error, BagError)
                else BagError(f"recording failed: {error_text(error)}")
            )
            if self._bag is not None:
                self._bag.abort()

    def _next(self) -> tuple[TopicInfo, int, bytes] | None:
        """Return the next message, None at the end; flush what was written meanwhile."""
        while True:
            try:
                if time.monotonic() - self._flushed >= _FLUSH_PERIOD:
                    self._flushed = time.monotonic()
                    if self._bag is not None:
                        self._bag.flush()
                return self._waiting.get(timeout=_FLUSH_PERIOD)
            except queue.Empty:
                continue

    def _write(self, topic: TopicInfo, time_ns: int, data: bytes) -> None:
        if self._bag is None:
            self._bag = BagWriter(self.folder, self._packed)
        if self._video is not None:
            topic, data = self._video.film(topic, data)
        if topic.name not in self._topics:
            self._bag.add_topic(topic.name, topic.type_name, adaptive_qos(topic, depth=10))
            self._topics[topic.name] = topic.type_name
        if self._topics[topic.name] == topic.type_name:  # a bag has one type a name
            self._bag.write(topic.name, time_ns, data)
            self.written += 1
