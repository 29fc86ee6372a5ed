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

"""cv_bridge, ROS's own conversion of camera images, where it is installed."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image as ImageMessage

from fer_ros.perception.types import Image
from fer_ros.transport.base import Logger


class CvBridgeConverter:
    """Converts sensor_msgs/Image messages by means of cv_bridge."""

    def __init__(self, log: Logger) -> None:
        """Keep where to report; cv_bridge is loaded when it is needed."""
        self._log = log

    @cached_property
    def _bridge(self) -> Any:
        """A CvBridge, or None where it cannot be loaded."""
        try:
            from cv_bridge import CvBridge

            return CvBridge()
        except Exception as error:  # besides a missing one, there are builds for another numpy
            self._log.info(f"cv_bridge is not used, fer_ros decodes images itself: {error}")
            return None

    def __call__(self, data: bytes) -> Image | None:
        """Return the pixels as BGR, or as grey for the mono encodings.

        None where cv_bridge is missing or cannot convert; the node's own decoder then tries, and
        says what is wrong with the image.
        """
        if self._bridge is None:
            return None
        try:
            message = deserialize_message(data, ImageMessage)
            wanted = "mono8" if message.encoding.startswith("mono") else "bgr8"
            return np.ascontiguousarray(self._bridge.imgmsg_to_cv2(message, wanted))
        except Exception:  # cv_bridge raises whatever the message leads it to
            return None
