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

"""``fer-ros camera``: a webcam, a video, pictures or a synthetic scene as a camera topic."""

from __future__ import annotations

import argparse
import math
import threading
import time
from collections.abc import Iterator
from typing import Any

from fer_ros.perception.images import MAX_PIXELS, encode_jpeg
from fer_ros.perception.types import Image
from fer_ros.runtime.signals import stop_signals
from fer_ros.sources.encoding import PacketEncoder
from fer_ros.sources.files import holds_pictures, open_source
from fer_ros.sources.scene import crowd_scene, demo_scene
from fer_ros.transport import messages
from fer_ros.transport.arguments import RosArgs
from fer_ros.transport.base import NO_CLOCK, Qos, Transport
from fer_ros.transport.codec import encode
from fer_ros.transport.image_topics import type_by_name
from fer_ros.transport.opening import open_standalone
from fer_ros.transport.video_messages import compressed_video

SYNTHETIC = "demo"
"""Source that needs no camera: averaged faces, see :mod:`fer_ros.sources.scene`."""

TRANSPORTS = {"raw": "", "compressed": "/compressed", "h264": "/foxglove"}
"""Forms in which images are published, and the ending of their topics."""

_RATE = 30.0
"""Images per second where none is asked for."""

_PICTURE_RATE = 0.5
"""The same for pictures: further apart than `track_timeout`, so that neither tracks nor smoothing
pass from one to the next."""

_MOST_FACES = 1000
"""Of the synthetic scene."""

_CLOCK_POLL = 0.05
"""Time between two looks for the first /clock [s]."""

_CLOCK_PATIENCE = 3.0
"""How long it may take before that is logged: nodes start together [s]."""


def add_parser(subparsers: Any) -> None:
    """Add the ``camera`` command."""
    parser = subparsers.add_parser(
        "camera",
        description="Publishes images on /image_raw (or /image_raw/compressed, or as video on "
        "/image_raw/foxglove) over Cyclone DDS or Zenoh, as a camera driver does.",
        epilog="examples:\n"
        "  fer-ros camera --source 0\n"
        "  fer-ros camera --source talk.mp4 --loop --ros-args -r image_raw:=/left/image_raw\n"
        "  fer-ros camera --source pictures/ --rate 2 --compressed\n"
        "  fer-ros camera --source 0 --transport h264",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    parser.set_defaults(func=_camera)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options on what is published, and how."""
    parser.add_argument(
        "--source",
        default=SYNTHETIC,
        metavar="WHAT",
        help="a webcam's number, a video file, a folder of pictures, or 'demo' (the default): "
        "synthetic faces; 'demo:N' shows N of them",
    )
    parser.add_argument(
        "--rate",
        type=float,
        help=f"images per second (default: {_RATE:g}; of pictures one every "
        f"{1 / _PICTURE_RATE:g} s, so that each is read by itself)",
    )
    parser.add_argument(
        "--size", type=_size, metavar="WxH", help="scale images to this size (demo: 640x480)"
    )
    parser.add_argument(
        "--transport",
        choices=tuple(TRANSPORTS),
        default="raw",
        help="raw: sensor_msgs/Image (the default); compressed: JPEG on …/compressed; h264: video, "
        "foxglove_msgs/CompressedVideo on …/foxglove (needs PyAV)",
    )
    parser.add_argument(
        "--compressed", dest="transport", action="store_const", const="compressed",
        help="the same as --transport compressed",
    )  # fmt: skip
    parser.add_argument("--frame-id", default="camera", help="frame_id of the headers")
    parser.add_argument("--loop", action="store_true", help="start again at the end")
    parser.add_argument("--count", type=int, default=0, metavar="N", help="stop after N images")


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 640x480") from None
    if width < 1 or height < 1:
        raise argparse.ArgumentTypeError(f"{text!r} has a side below 1")
    if width * height > MAX_PIXELS:
        raise argparse.ArgumentTypeError(f"{text!r} has more than {MAX_PIXELS} pixels")
    return width, height


def _camera(args: argparse.Namespace, ros_args: RosArgs) -> int:
    with stop_signals() as stop, open_standalone("camera", ros_args) as transport:
        publish(args, transport, stop)
    return 0


def publish(args: argparse.Namespace, transport: Transport, stop: threading.Event) -> None:
    """Publish what the options of :func:`add_arguments` ask for.

    Raises:
        fer_ros.sources.errors.CameraError: The source cannot be opened.
        ValueError: An option has no sensible value.
    """
    rate = camera_rate(args.source) if args.rate is None else args.rate
    if not 0 < rate <= 1000:
        raise ValueError(f"--rate must be above 0 and at most 1000 images per second, not {rate}")
    images = camera_images(args.source, rate, args.size, args.loop)
    publisher = CameraPublisher(transport, args.transport, args.frame_id)
    transport.log.info(f"{args.source} -> {publisher.topic} ({args.transport}, {rate:g} Hz)")
    sent = publisher.run(images, rate, stop, args.count)
    transport.log.info(f"{sent} images published")


def camera_rate(source: str) -> float:
    """Return how many images per second a source gives where nobody asks for a rate."""
    return _PICTURE_RATE if holds_pictures(source) else _RATE


def camera_images(
    source: str, rate: float, size: tuple[int, int] | None, loop: bool
) -> Iterator[Image]:
    """Open a source of images.

    Args:
        source: ``demo``, ``demo:N``, a webcam's number, a video file or a folder.
        rate: Images per second; the synthetic scene moves accordingly.
        size: Width and height to scale to [pixels]; None keeps the source's own.
        loop: Whether files start again at their end; the synthetic scene never ends.

    Raises:
        fer_ros.sources.errors.CameraError: The source cannot be opened.
    """
    kind, _, number = source.partition(":")
    if kind != SYNTHETIC:
        return (image for image, _ in open_source(source, size, loop, rate))
    width, height = size or (640, 480)
    if number and not (number.isdecimal() and len(number) <= 4 and int(number) <= _MOST_FACES):
        raise ValueError(f"{source!r}: after 'demo:' comes a number of faces, 0 to {_MOST_FACES}")
    scene = crowd_scene(width, height, int(number)) if number else demo_scene(width, height)
    return _rendered(scene, rate)


def _rendered(scene: Any, rate: float) -> Iterator[Image]:
    index = 0
    while True:
        yield scene.render(index / rate)[0]
        index += 1


class CameraPublisher:
    """Publishes images at a steady rate, stamped when they are taken."""

    def __init__(
        self, transport: Transport, form: str, frame_id: str, topic: str = "image_raw"
    ) -> None:
        """Open a topic.

        Args:
            transport: The camera's place in the graph.
            form: One of :data:`TRANSPORTS`.
            frame_id: Of the headers.
            topic: Of the raw images; other forms have an ending behind it.

        Raises:
            fer_ros.sources.errors.CameraError: Video needs PyAV, which is not there.
        """
        self._transport = transport
        self._form = form
        self._frame_id = frame_id
        self._encoder = PacketEncoder() if form == "h264" else None
        ending = TRANSPORTS[form]
        depth = 30 if self._encoder else 2  # a lost packet costs all up to the next key frame
        self._publisher = transport.publisher(
            topic + ending, type_by_name(ending), Qos("reliable", depth)
        )

    @property
    def topic(self) -> str:
        """Fully qualified name."""
        return self._publisher.topic

    def subscription_count(self) -> int:
        """Return how many subscriptions there are."""
        return self._publisher.subscription_count()

    def run(
        self, images: Iterator[Image], rate: float, stop: threading.Event, count: int = 0
    ) -> int:
        """Publish until the images end, ``count`` is reached or ``stop`` is set.

        On simulated time it begins with the first /clock, before which there are no stamps.

        Returns:
            How many were published.
        """
        self._await_clock(stop)
        sent, due = 0, time.monotonic()
        for image in images:
            if stop.wait(max(due - time.monotonic(), 0)):
                break
            # A source slower than the rate sets the pace; it is not caught up with in a burst.
            due = max(due + 1 / rate, time.monotonic() - 1 / rate)
            self.send(image, self._transport.now_ns())
            sent += 1
            if sent == count:
                break
        return sent

    def _await_clock(self, stop: threading.Event) -> None:
        patient_until = time.monotonic() + _CLOCK_PATIENCE
        while self._transport.now_ns() == 0 and not stop.wait(_CLOCK_POLL):
            if time.monotonic() >= patient_until:
                self._transport.log.warning(f"{NO_CLOCK}; no image is published before")
                patient_until = math.inf

    def send(self, image: Image, stamp_ns: int) -> None:
        """Publish one image, BGR or grey."""
        if self._encoder is not None:
            packet = self._encoder.encode(image)
            message = compressed_video(packet, stamp_ns, self._frame_id)
        elif self._form == "compressed":
            jpeg = encode_jpeg(image, quality=90)
            message = messages.compressed_image(jpeg, stamp_ns, self._frame_id)
        else:
            message = messages.image(image, stamp_ns, self._frame_id)
        self._publisher.publish(encode(message))
