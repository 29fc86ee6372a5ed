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

"""Images into packets of H.264, one a picture, as messages carry video."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import cv2
import numpy as np

from fer_ros.perception.types import Image
from fer_ros.sources.errors import CameraError
from fer_ros.sources.video import EXACT, pyav

FORMAT = "h264"
"""What messages call it."""

_ENCODER = "libx264"

_KEY_EVERY = 30
"""Pictures from one key frame to the next: so many wait where one is joined, or loses a packet."""

_OPTIONS = {"preset": "veryfast", "tune": "zerolatency", "crf": "20", "bf": "0"}
"""One packet a picture, at once; a quality at which faces are read as before."""

_BT709, _LIMITED = 1, 1
"""Of colours, as FFmpeg numbers them (ITU-T H.273)."""


class PacketEncoder:
    """Encodes the images of one camera; not safe between threads."""

    def __init__(self) -> None:
        """Prepare.

        Raises:
            CameraError: PyAV, or its encoder, is not there.
        """
        self._av = pyav()
        if _ENCODER not in self._av.codecs_available:
            raise CameraError(f"the installed PyAV has no encoder {_ENCODER}")
        self._context: Any = None
        self._count = 0

    def encode(self, image: Image) -> bytes:
        """Return the packet of the next image, annex B, parameters before each key frame.

        Args:
            image: BGR or grey. Where another size begins, so does another stream; a row or column
                is repeated where there is an odd number of them.

        Raises:
            CameraError: It cannot be encoded.
        """
        height, width = image.shape[:2]
        if height % 2 or width % 2:
            image = np.asarray(
                cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
            )
        kind = "bgr24" if image.ndim == 3 else "gray"
        try:
            frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format=kind)
            if self._context is None or (self._context.width, self._context.height) != (
                frame.width, frame.height,
            ):  # fmt: skip
                self._open(frame.width, frame.height)
            frame = frame.reformat(
                format="yuv420p", dst_colorspace=_BT709, dst_color_range=_LIMITED,
                interpolation=EXACT,
            )  # fmt: skip
            frame.pts, self._count = self._count, self._count + 1
            packets = self._context.encode(frame)
        except (self._av.FFmpegError, ValueError) as error:
            raise CameraError(f"an image of {width}x{height} cannot be encoded: {error}") from error
        return b"".join(bytes(packet) for packet in packets)

    def _open(self, width: int, height: int) -> None:
        context = self._av.CodecContext.create(_ENCODER, "w")
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base, context.framerate = Fraction(1, 30), 30
        context.thread_count, context.gop_size = 1, _KEY_EVERY
        context.colorspace, context.color_range = _BT709, _LIMITED
        context.options = dict(_OPTIONS)
        self._context, self._count = context, 0
