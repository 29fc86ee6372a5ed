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

"""Frame engine: from message bytes through pixels to a result, or a drop with its cause.

The live worker, replays and label sheets all use it, so that an image that one of them drops is
dropped by all, for the same reason and with the same message.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from fer_ros.perception.frame_clock import FrameClock
from fer_ros.perception.image_watch import ImageWatch
from fer_ros.perception.images import ImageError, ImageMemory
from fer_ros.perception.strings import in_one_line, shortened
from fer_ros.perception.timing import milliseconds_since
from fer_ros.perception.types import Frame, Image
from fer_ros.sources.packets import NoKeyFrameError, PacketDecoder, Picture
from fer_ros.transport import messages
from fer_ros.transport.codec import DecodeError
from fer_ros.transport.messages import ReceivedImage

R = TypeVar("R")
"""Result of a frame, e.g. :class:`fer_ros.perception.types.FrameResult`."""

Converter = Callable[[bytes], Image | None]
"""A platform's own conversion of a sensor_msgs/Image (CDR bytes) to BGR or grey, such as
cv_bridge; None where it cannot, so that the package's own decoder tries."""


@dataclass(frozen=True)
class Drop:
    """Why an image has no result."""

    cause: str
    """One of :data:`fer_ros.node.stream.DROP_CAUSES`."""
    reason: str = ""
    """In words; empty where the cause says it all."""
    frame: Frame | None = None
    """The image, where it could be decoded."""


@dataclass(frozen=True)
class CameraImage:
    """An image message whose header could be read."""

    topic: str
    received: ReceivedImage
    received_ns: int
    """Clock on arrival; in a replay the time of recording."""
    read_ms: float = 0.0
    """What reading the header cost."""
    time_ns: int = 0
    """When it belongs in time by the clock of its camera."""
    picture: Picture | Exception | None = None
    """Of a video: its picture, or why there is none."""


@dataclass(frozen=True)
class CameraCondition:
    """Condition of a camera's images."""

    remarks: tuple[str, ...] = ()
    """What is wrong with them now, in words."""
    faults: Mapping[str, int] = field(default_factory=dict)
    """How many images each kind of remark has been about so far."""
    frozen_stamps: int = 0
    """Images whose stamp did not advance."""
    unended_jpegs: int = 0
    """Whole JPEGs that lacked only their end marker."""
    foreign_ns: int = 0
    """How far the stamps are behind the clock of arrivals, where they are of another clock; else 0
    [ns]."""


class _Camera:
    """State of one camera, kept from image to image."""

    def __init__(self, clock: FrameClock, max_pixels: int) -> None:
        self.memory = ImageMemory()
        self.decoder = PacketDecoder(max_pixels)
        self.clock = clock
        self.watch = ImageWatch()
        self.faults: Counter[str] = Counter()

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is wrong with its images now, as a message."""
        found = (self.clock.step_remark(), *self.lasting_remarks)
        return tuple(remark for remark in found if remark)

    @property
    def lasting_remarks(self) -> tuple[str, ...]:
        """What is wrong with each of the latest images, without steps of the clock."""
        found = (self.clock.remark(), self.watch.remark())
        return tuple(remark for remark in found if remark)


class FrameEngine(Generic[R]):
    """Decodes and processes images; whatever an image causes is a drop, never an exception."""

    def __init__(
        self,
        process: Callable[[Sequence[Frame]], Sequence[R]],
        max_pixels: int,
        convert: Converter | None = None,
        rotations: Mapping[str, int] | None = None,
        clocks: Mapping[str, FrameClock] | None = None,
    ) -> None:
        """Put the parts together.

        Args:
            process: Returns a result for each frame, in their order, of different cameras, e.g.
                :meth:`fer_ros.perception.pipeline.Pipeline.process`.
            max_pixels: Larger images are undecodable.
            convert: The platform's own conversion of raw images.
            rotations: By topic, how far images must be turned clockwise to be upright [degrees].
            clocks: Clocks of cameras by topic, where something is known of them beforehand; one
                may be added until the first image of its camera is read.
        """
        self._process = process
        self._max_pixels = max_pixels
        self._convert = convert
        self._rotations = rotations or {}
        self._clocks = {} if clocks is None else clocks
        self._cameras: dict[str, _Camera] = {}

    def condition(self, topic: str) -> CameraCondition:
        """Return the condition of a camera's images; may be called from another thread."""
        camera = self._cameras.get(topic)
        if camera is None:
            return CameraCondition()
        return CameraCondition(
            remarks=camera.remarks,
            faults=dict(camera.faults),
            frozen_stamps=camera.clock.frozen,
            unended_jpegs=camera.memory.unended_jpegs,
            foreign_ns=camera.clock.foreign_ns,
        )

    def read(self, topic: str, data: bytes, type_name: str, received_ns: int) -> CameraImage | Drop:
        """Read the header and layout of a message, not yet its pixels, and place it in time.

        Video is decoded here: every packet has to be read, in its turn, also where its picture is
        not wanted.

        Args:
            topic: Fully qualified name.
            data: CDR bytes.
            type_name: Of the message, one of :data:`fer_ros.transport.messages.IMAGES`.
            received_ns: Clock on arrival.
        """
        start = time.perf_counter()
        camera = self._camera(topic)
        try:
            received = messages.read_image(data, type_name)
        except DecodeError as error:
            return Drop("undecodable", in_one_line(error))
        picture = _picture(camera.decoder, received)
        time_ns = camera.clock.place(received.stamp_ns, received_ns)
        return CameraImage(
            topic, received, received_ns, milliseconds_since(start), time_ns, picture
        )

    def interrupt(self, topic: str) -> None:
        """Note that messages of a camera have not been read; of a video others rest on them."""
        self._camera(topic).decoder.interrupt("packets before it were left unread")

    def process(self, images: Sequence[CameraImage]) -> list[R | Drop]:
        """Process images of different cameras together.

        Returns:
            A result or a drop for each, in their order.
        """
        outcomes: list[R | Drop | None] = [None] * len(images)
        frames: dict[int, Frame] = {}
        for index, image in enumerate(images):
            decoded = self._decode(image)
            if isinstance(decoded, Drop):
                outcomes[index] = decoded
            else:
                frames[index] = decoded
        if frames:
            for index, outcome in zip(frames, self._processed(list(frames.values()))):
                outcomes[index] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    def _camera(self, topic: str) -> _Camera:
        if topic not in self._cameras:
            self._cameras[topic] = _Camera(
                self._clocks.get(topic) or FrameClock(), self._max_pixels
            )
        return self._cameras[topic]

    def _decode(self, image: CameraImage) -> Frame | Drop:
        start = time.perf_counter()
        received = image.received
        camera = self._camera(image.topic)
        try:
            if image.picture is None:
                pixels = received.pixels(self._max_pixels, self._convert, camera.memory)
            elif isinstance(image.picture, Exception):
                raise image.picture
            else:
                pixels = image.picture.pixels()
        except NoKeyFrameError as error:
            return Drop("no_key_frame", in_one_line(error))
        except ImageError as error:
            return Drop("undecodable", in_one_line(error))
        except Exception as error:  # one image must not end the node, nor a replay
            return _failed(error)
        camera.watch.note(pixels, image.received_ns)
        camera.faults.update(remark.partition(" (")[0] for remark in camera.lasting_remarks)
        return Frame(
            image=pixels,
            stamp_ns=received.stamp_ns,
            frame_id=received.frame_id,
            topic=image.topic,
            received_ns=image.received_ns,
            decode_ms=image.read_ms + milliseconds_since(start),
            time_ns=image.time_ns,
            rotation=self._rotations.get(image.topic, 0),
        )

    def _processed(self, frames: list[Frame]) -> Sequence[R | Drop]:
        try:
            return self._process(frames)
        except Exception as error:  # as above
            return [_failed(error, frame) for frame in frames]


def _picture(decoder: PacketDecoder, received: ReceivedImage) -> Picture | Exception | None:
    packet = received.packet()
    if packet is None:
        return None
    try:
        return decoder.decode(packet)
    except Exception as error:  # kept until the image has its turn
        return error


def _failed(error: Exception, frame: Frame | None = None) -> Drop:
    return Drop("failed", f"{type(error).__name__}: {shortened(str(error), 500)}", frame)
