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

"""Streams of video as cameras send them, one packet a picture, made by PyAV's encoders."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from videos import av

from fer_ros.transport import codec, messages
from fer_ros.transport.video_messages import compressed_video

LIVE = {
    "libx264": {"tune": "zerolatency", "bf": "0", "sc_threshold": "0"},
    "libx265": {"tune": "zerolatency", "x265-params": "bframes=0:scenecut=0:log-level=none"},
    "libvpx-vp9": {"deadline": "realtime", "lag-in-frames": "0"},
    "libsvtav1": {"preset": "12", "svtav1-params": "pred-struct=1:lookahead=0:lp=1"},
    "libvpx": {"deadline": "realtime", "lag-in-frames": "0"},
}
"""Encoders and what makes them give one packet a picture."""


def encoded(
    images: Sequence[np.ndarray], every: int = 5, encoder: str = "libx264", **options: str
) -> list[bytes]:
    """Return the packets of BGR images, in the order of coding.

    Args:
        images: uint8, shape (height, width, 3), all of one size.
        every: A key frame every so many.
        encoder: FFmpeg's name.
        options: Of the encoder, beside those of :data:`LIVE`.
    """
    context = av.CodecContext.create(encoder, "w")
    context.height, context.width = images[0].shape[:2]
    context.pix_fmt, context.time_base, context.framerate = "yuv420p", Fraction(1, 30), 30
    context.thread_count, context.gop_size = 1, every
    context.options = {**LIVE[encoder], **options}
    packets = []
    for index, image in enumerate(images):
        frame = av.VideoFrame.from_ndarray(image, format="bgr24")
        frame.pts = index
        packets += [bytes(packet) for packet in context.encode(frame)]
    return packets + [bytes(packet) for packet in context.encode(None)]


def with_lengths(packet: bytes) -> bytes:
    """Return a packet of H.264 as MP4 files hold it."""
    units = [unit.strip(b"\0") for unit in packet.split(b"\0\0\x01") if unit.strip(b"\0")]
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def ffmpeg_packet(data: bytes, stamp_ns: int, count: int, encoding: str = "libx264"):
    """Return an FFMPEGPacket as ffmpeg_image_transport sends it."""
    return codec.message_class(messages.FFMPEG_PACKET)(
        header=messages.header(stamp_ns, "camera"), width=64, height=48, encoding=encoding,
        pts=count, flags=0, is_bigendian=False, data=np.frombuffer(data, np.uint8),
    )  # fmt: skip


FORMS = {
    "foxglove": lambda data, stamp, _: compressed_video(data, stamp, "cam"),
    "ffmpeg": ffmpeg_packet,
    "compressed": lambda data, stamp, _: messages.compressed_image(data, stamp, "cam", "h264"),
}
"""What carries a packet: data, stamp and count to a message."""
