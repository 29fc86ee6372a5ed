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

"""Results to messages and messages to images; what reads results back is in result_messages.py."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from rosbags.interfaces import Nodetype

from fer_ros.perception import images
from fer_ros.perception.compressed import decode_compressed
from fer_ros.perception.images import ImageMemory
from fer_ros.perception.types import STAGES, Box, FaceEmotion, FrameResult, Image, Origin
from fer_ros.perception.video_stream import VideoPacket
from fer_ros.transport.codec import DecodeError, decode, message_class, typestore
from fer_ros.transport.video_messages import COMPRESSED_VIDEO, FFMPEG_PACKET, VIDEOS, read_packet

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"
IMAGES = (IMAGE, COMPRESSED_IMAGE, *VIDEOS)
EMOTION_ARRAY = "fer_ros/msg/EmotionArray"
DIAGNOSTIC_ARRAY = "diagnostic_msgs/msg/DiagnosticArray"

_SECOND = 1_000_000_000

_MOST_SECONDS = 2**31
"""A builtin_interfaces/Time holds fewer [s]."""

LATEST_NS = _MOST_SECONDS * _SECOND - 1
"""The latest stamp that a builtin_interfaces/Time holds [ns]."""


@dataclass(frozen=True)
class Status:
    """One line of diagnostics."""

    level: int
    """0 OK, 1 WARN, 2 ERROR, as in diagnostic_msgs/DiagnosticStatus."""
    name: str
    message: str
    values: Mapping[str, str]
    hardware_id: str = ""


@dataclass(frozen=True)
class ReceivedImage:
    """A message from a camera whose pixels have not been decoded yet."""

    message: Any
    data: bytes
    """The message's CDR bytes."""
    type_name: str
    """One of :data:`IMAGES`."""

    @property
    def stamp_ns(self) -> int:
        """Stamp of the message [ns]; 0 when the camera gives none."""
        return time_ns(_stamp(self.message, self.type_name))

    @property
    def frame_id(self) -> str:
        """Coordinate frame."""
        own = self.type_name == COMPRESSED_VIDEO
        return str(self.message.frame_id if own else self.message.header.frame_id)

    @property
    def encoding(self) -> str:
        """Encoding or format of its content, e.g. ``bgr8``, ``jpeg`` or ``h264``."""
        named = self.type_name in (IMAGE, FFMPEG_PACKET)
        return str(self.message.encoding if named else self.message.format)

    def packet(self) -> VideoPacket | None:
        """Return its video packet; None where it is an image by itself."""
        return read_packet(self.message, self.stamp_ns)

    def pixels(
        self,
        max_pixels: int,
        convert: Callable[[bytes], Image | None] | None = None,
        memory: ImageMemory | None = None,
    ) -> Image:
        """Decode the pixels of an image; those of a :meth:`packet` need the packets before it.

        Args:
            max_pixels: Larger images are refused.
            convert: The platform's own conversion of raw images, which may return None; called for
                encodings of 8 bits that are not a plain view of the bytes.
            memory: What is known of this camera; none for a single image.

        Raises:
            fer_ros.perception.images.ImageError: The image cannot be decoded; the message says why.
        """
        m = self.message
        if self.type_name == COMPRESSED_IMAGE:
            return decode_compressed(m.data, m.format, max_pixels, memory)
        images.check_size(m.width, m.height, max_pixels)
        own = m.encoding in images.VIEWS or m.encoding in images.WIDE
        if convert is not None and not own:
            converted = convert(self.data)
            if converted is not None:
                return converted
        return images.decode_raw(
            m.data, m.width, m.height, m.step, m.encoding, bool(m.is_bigendian),
            max_pixels=max_pixels, memory=memory,
        )  # fmt: skip


def read_image(data: bytes, type_name: str) -> ReceivedImage:
    """Read the header and layout of a camera's message.

    Args:
        data: CDR bytes.
        type_name: One of :data:`IMAGES`.

    Raises:
        fer_ros.transport.codec.DecodeError: The bytes are no such message.
    """
    if type_name not in IMAGES:
        raise DecodeError(f"{type_name} is no type of images")
    message = decode(data, type_name)
    stamp = _stamp(message, type_name)
    if stamp.sec + stamp.nanosec // _SECOND >= _MOST_SECONDS:
        raise DecodeError(f"its stamp of {stamp.sec} s and {stamp.nanosec} ns is no time")
    return ReceivedImage(message, data, type_name)


def _stamp(message: Any, type_name: str) -> Any:
    return message.timestamp if type_name == COMPRESSED_VIDEO else message.header.stamp


def peek_stamp_ns(data: bytes) -> int:
    """Return the stamp of a message that begins with a header, without reading the rest.

    Args:
        data: CDR bytes; 0 is returned where they are too few, or are no plain CDR.
    """
    if len(data) < 12 or data[0] or data[1] > 1:
        return 0
    seconds, nanoseconds = struct.unpack_from("<iI" if data[1] else ">iI", data, 4)
    return int(seconds) * _SECOND + int(nanoseconds)


def time_ns(stamp: Any) -> int:
    """Return a builtin_interfaces/Time as nanoseconds."""
    return int(stamp.sec) * _SECOND + int(stamp.nanosec)


def leading_stamp_ns(data: bytes, type_name: str) -> int | None:
    """Return the stamp of a message that begins with a header [ns], without reading the rest.

    Args:
        data: CDR bytes.
        type_name: Of the message; None is returned where it begins with something else.
    """
    if not _begins_with_header(type_name) or len(data) < 12:
        return None
    order: Literal["little", "big"] = "little" if data[1] & 1 else "big"
    seconds = int.from_bytes(data[4:8], order, signed=True)
    return seconds * _SECOND + int.from_bytes(data[8:12], order)


@cache
def _begins_with_header(type_name: str) -> bool:
    fields: Any = typestore().fielddefs[type_name][1]
    return bool(fields) and fields[0][1] == (Nodetype.NAME, "std_msgs/msg/Header")


def header(stamp_ns: int, frame_id: str) -> Any:
    """Return a std_msgs/Header.

    Raises:
        ValueError: The stamp does not fit into one.
    """
    seconds, nanoseconds = divmod(stamp_ns, _SECOND)
    if not -_MOST_SECONDS <= seconds < _MOST_SECONDS:
        raise ValueError(f"a stamp of {seconds} s is beyond what builtin_interfaces/Time holds")
    stamp = message_class("builtin_interfaces/msg/Time")(sec=seconds, nanosec=nanoseconds)
    return message_class("std_msgs/msg/Header")(stamp=stamp, frame_id=frame_id)


def emotions(result: FrameResult) -> list[Any]:
    """Return the faces of one frame as Emotion messages."""
    height, width = result.frame.image.shape[:2]
    return [_emotion(face, width, height) for face in result.faces]


def emotion_array(
    result: FrameResult, origin: Origin, age_ms: float, faces: list[Any] | None = None
) -> Any:
    """Return the EmotionArray of one frame.

    Args:
        result: What the pipeline found; ``result.times.publish`` as measured so far.
        origin: Networks and detector in use.
        age_ms: Age of the image at publish, NaN when it carries no stamp.
        faces: Its faces where :func:`emotions` has made them already.
    """
    frame = result.frame
    height, width = frame.image.shape[:2]
    costs = {f"{stage}_ms": float(getattr(result.times, stage)) for stage in STAGES}
    return message_class(EMOTION_ARRAY)(
        header=header(frame.stamp_ns, frame.frame_id),
        source_topic=frame.topic,
        width=width,
        height=height,
        labels=list(origin.labels),
        model_id=origin.model_id,
        model_digest=origin.model_digest,
        detector=origin.detector,
        faces=emotions(result) if faces is None else faces,
        age_ms=age_ms,
        **costs,
    )


def _emotion(found: FaceEmotion, width: int, height: int) -> Any:
    points = found.face.landmarks
    point = message_class("geometry_msgs/msg/Point32")
    return message_class("fer_ros/msg/Emotion")(
        track_id=found.track_id,
        roi=_region(found.face.box, width, height),
        landmarks=[] if points is None else [point(float(x), float(y), 0.0) for x, y in points],
        detection_confidence=float(found.face.score),
        quality=float(found.quality),
        prediction_age_ms=float(found.prediction_age_ms),
        probabilities=np.ascontiguousarray(found.probabilities, np.float32),
        smoothed_probabilities=np.ascontiguousarray(found.smoothed, np.float32),
        label=found.label,
        confidence=float(found.confidence),
    )


def _region(box: Box, width: int, height: int) -> Any:
    """Return a box as a RegionOfInterest inside an image."""
    left = min(max(round(box.x), 0), width)
    top = min(max(round(box.y), 0), height)
    right = min(max(round(box.x + box.width), left), width)
    bottom = min(max(round(box.y + box.height), top), height)
    return message_class("sensor_msgs/msg/RegionOfInterest")(
        x_offset=left, y_offset=top, height=bottom - top, width=right - left, do_rectify=False
    )


def read_statuses(data: bytes) -> list[Status]:
    """Return the content of a DiagnosticArray, given as CDR bytes.

    Raises:
        fer_ros.transport.codec.DecodeError: The bytes are no such message.
    """
    return [
        Status(
            level=int(status.level if isinstance(status.level, int) else status.level[0]),
            name=status.name,
            message=status.message,
            values={pair.key: pair.value for pair in status.values},
            hardware_id=status.hardware_id,
        )
        for status in decode(data, DIAGNOSTIC_ARRAY).status
    ]


def read_jpeg(data: bytes) -> bytes:
    """Return the file that the CDR bytes of a CompressedImage hold.

    Raises:
        fer_ros.transport.codec.DecodeError: The bytes are no such message.
    """
    return bytes(decode(data, COMPRESSED_IMAGE).data)


def image(pixels: Image, stamp_ns: int, frame_id: str) -> Any:
    """Return a sensor_msgs/Image, bgr8 or mono8, of contiguous pixels."""
    height, width = pixels.shape[:2]
    flat = np.ascontiguousarray(pixels).reshape(-1)
    return message_class(IMAGE)(
        header=header(stamp_ns, frame_id),
        height=height,
        width=width,
        encoding="bgr8" if pixels.ndim == 3 else "mono8",
        is_bigendian=0,
        step=flat.size // height,
        data=flat,
    )


def compressed_image(data: bytes, stamp_ns: int, frame_id: str, format: str = "jpeg") -> Any:
    """Return a sensor_msgs/CompressedImage of a JPEG file's bytes, or of the given format."""
    return message_class(COMPRESSED_IMAGE)(
        header=header(stamp_ns, frame_id), format=format, data=np.frombuffer(data, np.uint8)
    )


def diagnostic_array(stamp_ns: int, statuses: Sequence[Status]) -> Any:
    """Return a DiagnosticArray."""
    key_value = message_class("diagnostic_msgs/msg/KeyValue")
    status_class = message_class("diagnostic_msgs/msg/DiagnosticStatus")
    return message_class(DIAGNOSTIC_ARRAY)(
        header=header(stamp_ns, ""),
        status=[
            status_class(
                level=status.level,
                name=status.name,
                message=status.message,
                hardware_id=status.hardware_id,
                values=[key_value(key=key, value=value) for key, value in status.values.items()],
            )
            for status in statuses
        ],
    )
