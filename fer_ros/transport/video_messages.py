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

"""Video messages of other packages: reading and making them.

Their definitions are known without these packages, see :mod:`fer_ros.transport.codec`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fer_ros.perception.compressed import holds_picture
from fer_ros.perception.video_stream import VideoPacket, codec_of
from fer_ros.transport.codec import message_class

COMPRESSED_VIDEO = "foxglove_msgs/msg/CompressedVideo"
FFMPEG_PACKET = "ffmpeg_image_transport_msgs/msg/FFMPEGPacket"
VIDEOS = (COMPRESSED_VIDEO, FFMPEG_PACKET)
"""Types that hold video alone; a CompressedImage may hold it too."""


def read_packet(message: Any, stamp_ns: int) -> VideoPacket | None:
    """Return the video packet of an image message; None where it is an image by itself.

    Args:
        message: Decoded.
        stamp_ns: Its stamp [ns].
    """
    type_name, head = message.__msgtype__, bytes(message.data[:16])
    if type_name not in VIDEOS and (not hasattr(message, "format") or holds_picture(head)):
        return None
    format_name = str(message.encoding if type_name == FFMPEG_PACKET else message.format)
    codec = codec_of(format_name, head)
    if not codec and type_name not in VIDEOS:
        return None
    count = int(message.pts) if type_name == FFMPEG_PACKET else None
    return VideoPacket(codec or format_name, bytes(message.data), stamp_ns, count)


def compressed_video(data: bytes, stamp_ns: int, frame_id: str, format: str = "h264") -> Any:
    """Return a foxglove_msgs/CompressedVideo of the packet of one picture."""
    seconds, nanoseconds = divmod(stamp_ns, 1_000_000_000)
    time = message_class("builtin_interfaces/msg/Time")(sec=seconds, nanosec=nanoseconds)
    return message_class(COMPRESSED_VIDEO)(
        timestamp=time, frame_id=frame_id, data=np.frombuffer(data, np.uint8), format=format
    )
