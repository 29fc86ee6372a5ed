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

"""Video in packets: every picture that is whole, at once, and none that is not."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from packets import encoded, with_lengths
from videos import grey_levels, level

from fer_ros.perception.images import ImageError
from fer_ros.perception.video_stream import VideoPacket, _Bits, _FrameNumbers, codec_of, has_lengths
from fer_ros.sources.encoding import PacketEncoder
from fer_ros.sources.packets import NoKeyFrameError, PacketDecoder

PERIOD = 33_333_333
CODECS = {"libx264": "H.264", "libx265": "H.265", "libvpx-vp9": "VP9", "libsvtav1": "AV1"}


def moving(count: int) -> list[np.ndarray]:
    """Greys with a bright square that moves, so that pictures rest on one another."""
    images = grey_levels(count)
    for index, image in enumerate(images):
        image[4:12, 2 * index : 2 * index + 8] = 250
    return images


def packets_of(images, encoder="libx264", **options) -> list[VideoPacket]:
    coded = encoded(images, encoder=encoder, **options)
    return [
        VideoPacket(CODECS[encoder], data, 10**9 + index * PERIOD)
        for index, data in enumerate(coded)
    ]


def outcomes(packets, max_pixels=10**6) -> list[int | str]:
    """Return of each packet the grey level of its picture, or "waits", or what is wrong."""
    decoder, found = PacketDecoder(max_pixels), []
    for packet in packets:
        try:
            found.append(level(decoder.decode(packet).pixels()[20:]))
        except NoKeyFrameError:
            found.append("waits")
        except ImageError as error:
            found.append(str(error))
    return found


@pytest.mark.parametrize("encoder", CODECS)
def test_every_packet_gives_its_picture_at_once(encoder):
    assert outcomes(packets_of(moving(12), encoder)) == list(range(12))


@pytest.mark.parametrize("encoder", CODECS)
def test_a_stream_that_is_joined_later_waits_for_its_next_key_frame(encoder):
    found = outcomes(packets_of(moving(12), encoder)[2:])
    assert found == ["waits"] * 3 + list(range(5, 12))


@pytest.mark.parametrize("encoder", CODECS)
@pytest.mark.parametrize("lost", [1, 2])
def test_after_a_lost_packet_no_picture_is_given_until_the_next_key_frame(encoder, lost):
    packets = packets_of(moving(17), encoder)
    found = outcomes(packets[:6] + packets[6 + lost :])
    assert found == [*range(6), *["waits"] * (4 - lost), *range(10, 17)]


def test_a_lost_packet_is_seen_by_its_number_whatever_the_stamps_say():
    packets = packets_of(moving(12))
    del packets[7]
    steady = [VideoPacket(p.codec, p.data, 10**9 + n * PERIOD) for n, p in enumerate(packets)]
    assert outcomes(steady)[6:10] == [6, "waits", "waits", 10]


@pytest.mark.parametrize("profile", ["baseline", "main", "high", "high444"])
def test_cameras_whose_pictures_come_unevenly_lose_none(profile):
    packets = packets_of(moving(15), every=15, profile=profile)
    times = np.cumsum([20, 20, 20, 60, 20, 70, 90, 0, 20, 20, 33, 100, 20, 20, 80]) * 10**6
    uneven = [VideoPacket(p.codec, p.data, 10**9 + int(t)) for p, t in zip(packets, times)]
    assert outcomes(uneven) == list(range(15))


def test_a_loss_of_as_many_as_the_numbers_go_is_seen_by_the_stamps():
    packets = packets_of(moving(22) * 2, every=44)
    found = outcomes(packets[:6] + packets[22:])
    assert found == [*range(6), *["waits"] * 22]


def test_a_stream_that_leaves_out_pictures_itself_is_checked_by_its_stamps():
    first, *others = packets_of(moving(12), every=12)
    numbers = _FrameNumbers()
    at = first.data.index(b"\0\0\x01\x67") + 4
    bits = _Bits(first.data[at:])
    numbers._read_parameters(bits)
    assert not numbers.gaps_allowed
    # The flag is the bit that was read last; no emulation prevention stands before it.
    place, bit = at + (bits._at - 1) // 8, 7 - (bits._at - 1) % 8
    changed = bytearray(first.data)
    changed[place] |= 1 << bit
    own = VideoPacket("H.264", bytes(changed), first.stamp_ns)
    numbers._read_parameters(_Bits(own.data[at:]))
    assert numbers.gaps_allowed
    assert outcomes([own, *others[:5], *others[6:]])[5:] == [5, *["waits"] * 5]


def test_lengths_are_followed_no_further_than_pictures_have_parts():
    assert has_lengths(b"\0\0\0\x01x" * 300)
    assert not has_lengths(b"\0\0\0\x01x" * 301)


@pytest.mark.parametrize(("units", "compared"), [(100, True), (300, False)])
def test_a_packet_is_searched_for_its_picture_as_far_as_parameter_sets_may_go(units, compared):
    # A packet of nothing but parameter sets, a megabyte of them, would else be read for a minute.
    first, _, other = packets_of(moving(3), every=12)
    numbers = _FrameNumbers()
    assert numbers.gap(first.data) == ""
    gap = numbers.gap(b"\0\0\x01\x09\xf0" * units + other.data)
    assert gap == ("picture number 2 follows 0" if compared else "")


def test_counts_of_pictures_tell_where_the_codec_has_no_numbers():
    packets = packets_of(moving(12), "libvpx-vp9")
    counted = [VideoPacket(p.codec, p.data, 0, n) for n, p in enumerate(packets)]
    assert outcomes(counted[:7] + counted[8:]) == [*range(7), "waits", "waits", 10, 11]


def test_a_picture_that_renews_itself_bit_by_bit_is_given_when_it_is_whole():
    packets = packets_of(moving(20), every=6, **{"intra-refresh": "1"})
    found = outcomes(packets[2:])
    first = next(n for n, each in enumerate(found) if each != "waits")
    assert found[first:] == list(range(first + 2, 20))
    assert 3 < first < 12


def test_a_damaged_packet_is_a_fault_and_what_rests_on_it_waits():
    packets = packets_of(moving(12))
    broken = VideoPacket("H.264", b"\0\0\x01\x41" + bytes(range(200, 256)), packets[6].stamp_ns)
    found = outcomes([*packets[:6], broken, *packets[7:]])
    assert found[:6] + found[7:] == [0, 1, 2, 3, 4, 5, "waits", "waits", "waits", 10, 11]
    assert found[6] not in range(20)


def test_b_frames_are_refused_by_name():
    packets = packets_of(moving(12), bf="2", tune="film")
    assert all("B frames" in str(each) for each in outcomes(packets))
    assert outcomes([*packets, *packets_of(moving(6))])[-6:] == list(range(6))


def test_units_behind_lengths_are_refused_by_name():
    packets = [
        VideoPacket("H.264", with_lengths(p.data), p.stamp_ns) for p in packets_of(moving(3))
    ]
    assert all("annex B" in str(each) for each in outcomes(packets))


def test_what_is_not_there_is_named_with_the_line_that_installs_it(monkeypatch):
    packets = packets_of(moving(1))
    monkeypatch.setitem(sys.modules, "av", None)
    (found,) = outcomes(packets)
    assert "H.264" in found
    assert "pip install 'fer_ros[video]'" in found


def test_large_pictures_and_unknown_codecs_are_refused():
    (found,) = outcomes(packets_of(moving(1)), max_pixels=1000)
    assert isinstance(found, str)
    (found,) = outcomes([VideoPacket("mjpeg2000;bgr8", b"abc", 0)])
    assert "'mjpeg2000;bgr8' is not read" in found


def test_an_interrupted_stream_waits():
    packets = packets_of(moving(12))
    decoder = PacketDecoder(10**6)
    for packet in packets[:7]:
        decoder.decode(packet)
    decoder.interrupt("the node was disabled")
    for packet in packets[7:10]:
        with pytest.raises(NoKeyFrameError, match="disabled"):
            decoder.decode(packet)
    assert level(decoder.decode(packets[10]).pixels()) == 10


def test_colours_follow_the_streams_flags():
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, :32], image[:, 32:] = (40, 60, 200), (200, 120, 30)
    for matrix, full in ((1, "on"), (1, "off"), (6, "off")):
        (packet,) = packets_of(
            [image], **{"x264-params": f"colormatrix={'bt709' if matrix == 1 else 'smpte170m'}"
                        f":fullrange={full}", "qp": "1"}
        )  # fmt: skip
        decoder = PacketDecoder(10**6)
        frame = decoder.decode(packet)._frame
        assert (frame.colorspace, frame.color_range) == (matrix, 2 if full == "on" else 1)
        luma = frame.to_ndarray()[24, [8, 56]].astype(float)
        red, blue = (0.2126, 0.0722) if matrix == 1 else (0.299, 0.114)
        pixels = decoder.decode(packet).pixels()[24, [8, 56]].astype(float)
        expected = pixels @ [blue, 1 - red - blue, red]
        expected = expected if full == "on" else 16 + expected * 219 / 255
        assert np.abs(luma - expected).max() < 3


@pytest.mark.parametrize(
    ("said", "content", "codec"),
    [
        ("h264", b"", "H.264"),
        ("h264_nvenc;nv12;bgr8;bgr8", b"", "H.264"),
        ("hevc_vaapi", b"", "H.265"),
        ("libvpx-vp9", b"", "VP9"),
        ("av1", b"", "AV1"),
        ("", b"\0\0\0\x01\x67\x42", "H.264"),
        ("", b"\0\0\0\x01\x40\x01\x0c\x01", "H.265"),
        ("jpeg", b"\xff\xd8\xff", ""),
    ],
)
def test_codecs_are_known_by_name_and_content(said, content, codec):
    assert codec_of(said, content) == codec


@pytest.mark.parametrize("size", [(64, 48), (63, 47)])
def test_what_is_encoded_here_is_decoded_picture_by_picture(size):
    images = [np.ascontiguousarray(image[: size[1], : size[0]]) for image in moving(20)]
    encoder, decoder, anew = PacketEncoder(), PacketDecoder(10**6), 0
    for index, image in enumerate(images * 2):
        packet = VideoPacket("H.264", encoder.encode(image), 10**9 + index * PERIOD)
        anew += packet.begins_anew
        shown = decoder.decode(packet).pixels()
        assert shown.shape == (48, 64, 3)
        assert np.abs(shown[20:46, :62].astype(int) - image[20:46, :62]).mean() < 3
    assert 2 <= anew <= 4  # twice a second or so, and where the picture changes at once


def test_grey_images_and_new_sizes_are_encoded():
    encoder, decoder = PacketEncoder(), PacketDecoder(10**6)
    for image in (np.full((48, 64), 90, np.uint8), np.full((32, 32, 3), 200, np.uint8)):
        packet = VideoPacket("H.264", encoder.encode(image), 0)
        assert packet.begins_anew
        shown = decoder.decode(packet).pixels()
        assert shown.shape[:2] == image.shape[:2]
        assert abs(float(shown.mean()) - image.mean()) < 3


def test_colours_come_back():
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, :32], image[:, 32:] = (40, 60, 200), (200, 120, 30)
    packet = VideoPacket("H.264", PacketEncoder().encode(image), 0)
    shown = PacketDecoder(10**6).decode(packet).pixels()
    assert np.abs(shown[24, [8, 56]].astype(int) - image[24, [8, 56]]).max() < 6
