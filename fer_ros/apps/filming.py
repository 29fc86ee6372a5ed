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

"""Raw images into video, for a recording."""

from __future__ import annotations

from dataclasses import replace

from fer_ros.perception.images import MAX_PIXELS, ImageError
from fer_ros.perception.strings import in_one_line
from fer_ros.runtime.throttle import Throttle
from fer_ros.sources.encoding import PacketEncoder
from fer_ros.sources.errors import CameraError
from fer_ros.sources.video import pyav
from fer_ros.transport.base import Logger, TopicInfo
from fer_ros.transport.codec import DecodeError, encode
from fer_ros.transport.messages import IMAGE, read_image
from fer_ros.transport.video_messages import COMPRESSED_VIDEO, compressed_video


class Filming:
    """Encodes the raw images of each topic; for one thread."""

    def __init__(self, log: Logger) -> None:
        """Begin.

        Args:
            log: Gets warnings on images that cannot be encoded; they are recorded as they are.

        Raises:
            CameraError: PyAV is not there.
        """
        pyav()
        self._log = log
        self._encoders: dict[str, PacketEncoder] = {}
        self._there: set[str] = set()
        """Topics of video that somebody publishes."""
        self._throttle = Throttle()

    def film(self, topic: TopicInfo, data: bytes) -> tuple[TopicInfo, bytes]:
        """Return the topic and message that are recorded in place of a message.

        Args:
            topic: Of the message; if not of raw images, both are returned as they are.
            data: CDR bytes.
        """
        own = replace(topic, name=f"{topic.name}/foxglove", type_name=COMPRESSED_VIDEO)
        if topic.type_name == COMPRESSED_VIDEO:
            self._there.add(topic.name)
        if topic.type_name != IMAGE or own.name in self._there:
            return topic, data
        try:
            received = read_image(data, topic.type_name)
            encoder = self._encoders.get(topic.name) or PacketEncoder()
            self._encoders[topic.name] = encoder
            packet = encoder.encode(received.pixels(MAX_PIXELS))
        except (DecodeError, ImageError, CameraError) as error:
            text = self._throttle.admit(topic.name, f"{topic.name}: {in_one_line(error)}")
            if text:
                self._log.warning(f"{text}; recorded as it is")
            return topic, data
        message = compressed_video(packet, received.stamp_ns, received.frame_id)
        return own, encode(message)
