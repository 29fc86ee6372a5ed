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

"""Video that comes in packets, one a picture, as messages carry it: decoded by PyAV.

The decoder keeps nothing back, so that a packet gives its picture at once. Where packets are
missing it waits for the next picture that needs none of them.
"""

from __future__ import annotations

from typing import Any

from fer_ros.perception.images import ImageError, check_size
from fer_ros.perception.strings import shortened
from fer_ros.perception.types import Image
from fer_ros.perception.video_stream import H264, H265, Continuity, VideoPacket, has_lengths
from fer_ros.sources.errors import CameraError
from fer_ros.sources.video import AvFrame, Turn, bgr, pyav

_DECODERS = {
    H264: "h264", H265: "hevc", "AV1": "libdav1d", "VP8": "vp8", "VP9": "vp9", "MPEG-4": "mpeg4",
}  # fmt: skip
"""FFmpeg's names."""

_KNOW_WHEN = (H264, H265)
"""Codecs whose decoders, once emptied, give nothing until a picture is whole, which may be some
pictures after one that is marked as a key frame, or without one (periodic intra refresh)."""

_JOINED = "the stream was joined between key frames"


class NoKeyFrameError(ImageError):
    """A picture depends on missing packets."""


class Picture:
    """A decoded picture, not yet converted."""

    def __init__(self, frame: AvFrame, turn: Turn) -> None:
        """Keep a decoder's frame and how it has to be turned."""
        self._frame, self._turn = frame, turn

    def pixels(self) -> Image:
        """Return the picture, uint8, (height, width, 3), BGR, upright."""
        return self._turn.apply(bgr(self._frame))


class PacketDecoder:
    """Decodes the packets of one camera; not safe between threads."""

    def __init__(self, max_pixels: int) -> None:
        """Start before the first key frame.

        Args:
            max_pixels: Larger pictures are refused.
        """
        self._max_pixels = max_pixels
        self._codec = ""
        self._context: Any = None
        self._errors: tuple[type[Exception], ...] = ()
        self._continuity = Continuity("")
        self._turn = Turn()
        self._waiting = _JOINED
        """Why pictures are waited for; empty where none is."""

    def interrupt(self, reason: str) -> None:
        """Return no pictures until the next key frame, because packets were skipped."""
        self._waiting = reason
        if self._context is not None:
            self._context.flush_buffers()

    def decode(self, packet: VideoPacket) -> Picture:
        """Decode the next packet.

        Raises:
            NoKeyFrameError: Its picture needs packets that did not come.
            ImageError: It cannot be decoded: it is damaged or too large, its codec or form is not
                known, it has B frames, or PyAV is not there.
        """
        refused = self._context is not None and self._context.has_b_frames
        if packet.codec != self._codec or (refused and packet.begins_anew):
            self._open(packet.codec)
        gap = self._continuity.gap(packet)
        if gap:
            self.interrupt(f"packets before it are missing ({gap})")
        frames = self._frames(packet)
        if self._context.has_b_frames:
            raise ImageError(
                f"the {packet.codec} has B frames, whose pictures come in another order than their "
                "packets; encode it without (bf=0, tune=zerolatency)"
            )
        if not frames or frames[-1].is_corrupt or self._still_waits(frames[-1]):
            raise self._no_picture(packet, "packets before it are missing, says its decoder")
        frame = frames[-1]
        check_size(frame.width, frame.height, self._max_pixels)
        self._waiting = ""
        if frame.key_frame:
            self._turn = Turn.of(frame)
        return Picture(frame, self._turn)

    def _open(self, codec: str) -> None:
        name = _DECODERS.get(codec)
        if name is None:
            raise ImageError(f"video of {shortened(codec)!r} is not read; publish H.264")
        try:
            av = pyav()
        except CameraError as error:
            raise ImageError(f"the images are video ({codec}); {error}") from error
        try:
            self._context = av.CodecContext.create(name, "r")
        except ValueError as error:  # of an unknown name
            raise ImageError(f"the installed PyAV has no decoder for {codec}") from error
        # Threads of frames would keep pictures back; one core decodes, others are for faces.
        self._context.thread_type, self._context.thread_count = "NONE", 1
        self._context.options = {"max_pixels": str(self._max_pixels)}
        self._errors, self._packet = (av.FFmpegError, ValueError), av.Packet
        self._codec, self._continuity, self._waiting = codec, Continuity(codec), _JOINED

    def _frames(self, packet: VideoPacket) -> list[AvFrame]:
        try:
            return list(self._context.decode(self._packet(packet.data)))
        except self._errors as error:
            if self._waiting:
                raise self._no_picture(packet) from error
            self.interrupt("a packet before it is damaged")
            raise ImageError(f"the packet of {packet.codec} is damaged") from error

    def _still_waits(self, frame: AvFrame) -> bool:
        return bool(self._waiting) and not (frame.key_frame or self._codec in _KNOW_WHEN)

    def _no_picture(self, packet: VideoPacket, reason: str = "") -> ImageError:
        """Return why there is none: packets did not come, for this reason if for none before."""
        if packet.codec in _KNOW_WHEN and has_lengths(packet.data):
            return ImageError(
                f"the parts of the {packet.codec} are preceded by their lengths, as in MP4 files; "
                "publish it with start codes (annex B: the filter h264_mp4toannexb)"
            )
        if not self._waiting:
            self.interrupt(reason)
        return NoKeyFrameError(f"no picture until the next key frame: {self._waiting}")
