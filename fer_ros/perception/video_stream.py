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

"""Video packets in messages: codec detection and loss detection.

A decoder continues after a lost H.264 packet and silently returns wrong pictures, so losses have to
be detected in the packets themselves.
"""

from __future__ import annotations

import math
import re
import statistics
from collections import deque
from dataclasses import dataclass
from itertools import islice

H264, H265 = "H.264", "H.265"

_WORDS = {
    H264: {"h264", "avc", "avc1", "x264", "libx264"},
    H265: {"h265", "hevc", "hvc1", "x265", "libx265"},
    "AV1": {"av1", "av01", "libsvtav1", "libaom"},
    "VP9": {"vp9", "vp09"},
    "VP8": {"vp8", "libvpx"},
    "MPEG-4": {"mpeg4", "mp4v", "mp4"},
    "Theora": {"theora"},
}
"""Codecs by the words that name them in a message's format."""

_STARTS = (b"\0\0\x01", b"\0\0\0\x01")
"""Of NAL units in a byte stream (H.264 and H.265, annex B)."""

_NEW_BEGINNING = {
    H264: re.compile(rb"\x00\x00\x01[\x25\x45\x65]"),
    H265: re.compile(rb"\x00\x00\x01[\x20-\x2b]"),
}
"""A slice of a picture on which all later ones rest, none before: IDR, IRAP."""

_EXTENDED_PROFILES = {44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244}
"""Of H.264, whose parameter sets say more (ITU-T H.264, 7.3.2.1.1)."""

_HEAD = 400
"""Bytes of a NAL unit that are read at most."""

_MOST_UNITS = 300
"""NAL units of a packet that are looked at: before a picture 32 and 256 parameter sets fit."""

_LEAP, _STEP_OVER = 8.0, 1.6
"""From how many usual steps on a time or count shows a gap: where the packets number themselves,
modulo 16 or more, and where nothing else shows it."""


@dataclass(frozen=True, eq=False)
class VideoPacket:
    """What one message of a video carries: one picture."""

    codec: str
    """As :func:`codec_of` has it; else whatever the message says."""
    data: bytes
    stamp_ns: int
    """Of the message [ns]; 0 where it has none."""
    count: int | None = None
    """The packet's presentation time, a count of pictures; None where the message has none."""

    @property
    def begins_anew(self) -> bool:
        """Whether no earlier packet is needed, as far as that shows without decoding."""
        pattern = _NEW_BEGINNING.get(self.codec)
        return pattern is not None and pattern.search(self.data) is not None


def codec_of(format: str, content: bytes) -> str:
    """Return the codec of a message's content; empty where it is no video.

    Args:
        format: What the message says, e.g. ``h264`` or ``h264_nvenc;nv12;bgr8``.
        content: Its bytes, or the first of them.
    """
    words = set(re.split(r"[^a-z0-9]+", format.lower().replace(".", "")))
    found = next((name for name, others in _WORDS.items() if words & others), "")
    if found or not content.startswith(_STARTS):
        return found
    head = content[content.index(b"\x01") + 1 :][:2]
    if len(head) == 2 and (head[0] & 0x81) == 0 and 32 <= head[0] >> 1 <= 40 and head[1] & 7:
        return H265
    return H264 if head and not head[0] & 0x80 else ""


def has_lengths(data: bytes) -> bool:
    """Whether NAL units are preceded by their lengths, as in MP4, instead of by start codes."""
    at = units = 0
    while at + 4 < len(data) and units < _MOST_UNITS:
        at, units = at + 4 + int.from_bytes(data[at : at + 4], "big"), units + 1
    return at == len(data) and at > 0


class Continuity:
    """Detects gaps in the packets of one stream."""

    def __init__(self, codec: str) -> None:
        """Begin with no packet known."""
        self._numbers = _FrameNumbers() if codec == H264 else None
        self._self_checked = codec == H265
        self._counts, self._times = _Steps(), _Steps()

    def gap(self, packet: VideoPacket) -> str:
        """Take in the next packet; return what shows that others are missing before it, if any."""
        times = self._times.note(packet.stamp_ns or None)
        if self._numbers is not None:
            found = self._numbers.gap(packet.data)
        if self._numbers is not None and not self._numbers.gaps_allowed:
            return found or (_leap("stamp", times) if times > _LEAP else "")
        if self._self_checked:  # its decoder misses the pictures that are not there
            return ""
        if packet.count is not None:
            counts = self._counts.note(packet.count)
            return _leap("count", counts) if counts > _STEP_OVER else ""
        return _leap("stamp", times) if times > _STEP_OVER else ""


def _leap(what: str, steps: float) -> str:
    return f"its {what} leaps {'back' if math.isinf(steps) else f'by {steps:.1f} usual steps'}"


class _Steps:
    """Measures the steps of increasing numbers as multiples of the usual step."""

    def __init__(self) -> None:
        self._steps: deque[int] = deque(maxlen=16)
        self._newest: int | None = None

    def note(self, value: int | None) -> float:
        """Return the step to this number; 0 where nothing is usual yet, infinite where it falls."""
        if value is None:
            return 0.0
        newest, self._newest = self._newest, value
        step = 0 if newest is None else value - newest
        if step < 0:
            self._steps.clear()
            return math.inf
        usual = statistics.median(self._steps) if len(self._steps) > 1 else 0
        if step:
            self._steps.append(step)
        return step / usual if usual else 0.0


class _FrameNumbers:
    """The numbers that pictures of H.264 carry (ITU-T H.264, 7.4.3: ``frame_num``)."""

    def __init__(self) -> None:
        self._bits = 0
        """Of a number; 0 while no parameter set was received."""
        self.gaps_allowed = self._separate_planes = False
        """The former: whether the stream itself leaves out pictures; numbers say nothing then."""
        self._referred: int | None = None
        """Number of the latest picture that others may rest on."""

    def gap(self, data: bytes) -> str:
        """Take in the packet of a picture; return what shows that others are missing, if any."""
        try:
            return self._read(data)
        except IndexError:  # it ends too early: its decoder will say so
            return ""

    def _read(self, data: bytes) -> str:
        for start in islice(re.finditer(rb"\x00\x00\x01", data), _MOST_UNITS):
            at = start.end()
            kind, referred = data[at] & 31, bool(data[at] & 0x60)
            if kind == 7:
                self._read_parameters(_Bits(data[at + 1 : at + _HEAD]))
            elif kind == 5:
                self._referred = 0
                return ""
            elif kind == 1 and self._bits:
                return self._compare(_Bits(data[at + 1 : at + 64]), referred)
        return ""

    def _compare(self, bits: _Bits, referred: bool) -> str:
        for _ in range(3):  # first_mb_in_slice, slice_type, pic_parameter_set_id
            bits.unsigned()
        bits.skip(2 * self._separate_planes)
        number, before = bits.take(self._bits), self._referred
        if referred:
            self._referred = number
        if before is None or self.gaps_allowed or number == (before + 1) % (1 << self._bits):
            return ""
        return f"picture number {number} follows {before}"

    def _read_parameters(self, bits: _Bits) -> None:
        profile = bits.take(8)
        bits.skip(16)
        bits.unsigned()  # seq_parameter_set_id
        self._separate_planes = False
        if profile in _EXTENDED_PROFILES:
            self._read_format(bits)
        self._bits = bits.unsigned() + 4
        kind = bits.unsigned()  # pic_order_cnt_type
        if kind == 0:
            bits.unsigned()
        elif kind == 1:
            bits.skip(1)
            bits.unsigned(), bits.unsigned()
            for _ in range(bits.unsigned()):
                bits.unsigned()
        bits.unsigned()  # max_num_ref_frames
        self.gaps_allowed = bool(bits.take(1))

    def _read_format(self, bits: _Bits) -> None:
        chroma = bits.unsigned()
        if chroma == 3:
            self._separate_planes = bool(bits.take(1))
        bits.unsigned(), bits.unsigned()  # bits of brightness and colour
        bits.skip(1)
        if bits.take(1):  # seq_scaling_matrix_present_flag
            for index in range(12 if chroma == 3 else 8):
                if bits.take(1):
                    _skip_scaling(bits, 16 if index < 6 else 64)


def _skip_scaling(bits: _Bits, size: int) -> None:
    """Skip a scaling list (7.3.2.1.1.1), whose length depends on what it says."""
    last = upcoming = 8
    for _ in range(size):
        if upcoming:
            code = bits.unsigned()
            upcoming = (last + ((code + 1) // 2 if code % 2 else -code // 2)) % 256
        last = upcoming or last


class _Bits:
    """Reads the bits of a NAL unit behind its first byte."""

    def __init__(self, data: bytes) -> None:
        plain = data.replace(b"\0\0\x03", b"\0\0")  # without emulation prevention
        self._bits = "".join(f"{byte:08b}" for byte in plain)
        self._at = 0

    def skip(self, count: int) -> None:
        self._at += count

    def take(self, count: int) -> int:
        """Return the next bits as a number; IndexError where there are too few."""
        if self._at + count > len(self._bits):
            raise IndexError
        self._at += count
        return int(self._bits[self._at - count : self._at], 2)

    def unsigned(self) -> int:
        """Return the next Exp-Golomb number; of a signed one its code."""
        one = self._bits.find("1", self._at)
        if one < 0:
            raise IndexError
        zeros, self._at = one - self._at, one
        return self.take(zeros + 1) - 1
