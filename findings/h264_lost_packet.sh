#!/bin/sh
# FFmpeg's H.264 decoder, through PyAV, gives wrong pictures after a lost packet and does not say so.
#
# Versions: PyAV 18.1.0 (FFmpeg's libavcodec 62.28), numpy 2.4.6. Linux x86-64.
# Input: 30 pictures of 320x240, one packet each, a key frame every 10, no B frames, fed packet by packet
# as video topics of robots carry them (foxglove_msgs/CompressedVideo, ffmpeg_image_transport); packet
# 13, inter-coded, does not arrive.
# Seen: a picture for every packet that arrives, nothing raised, VideoFrame.is_corrupt False throughout;
# pictures 14 to 19 are wrong by 2 to 3 grey levels in the mean (a moving patch is torn), pictures 20
# to 29 are right again.
# Why it matters: best-effort topics lose packets. A subscriber cannot learn from the decoder that a
# picture is wrong; it has to find gaps itself, in sequence numbers, pts or stamps, and to drop pictures
# until the next key frame.
# Exits 0 while this is so, and 1 once the decoder says so or the pictures are right.
set -eu
changed=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON' || changed=1
from fractions import Fraction

import av
import numpy as np

LOST, KEY_EVERY = 13, 10


def picture(index):
    y, x = np.mgrid[0:240, 0:320]
    plane = np.stack([(x + 3 * index) % 256, y * 2 % 256, ((x + y) // 2 + index) % 256], -1)
    plane[80:160, 20 + 4 * index : 100 + 4 * index] = (30, 200, 90)
    return plane.astype(np.uint8)


encoder = av.CodecContext.create("libx264", "w")
encoder.width, encoder.height, encoder.pix_fmt = 320, 240, "yuv420p"
encoder.time_base, encoder.framerate = Fraction(1, 30), Fraction(30)
encoder.options = {"tune": "zerolatency", "preset": "veryfast", "g": str(KEY_EVERY), "bf": "0"}
packets = []
for index in range(30):
    frame = av.VideoFrame.from_ndarray(picture(index), format="bgr24")
    frame.pts = index
    packets += [bytes(packet) for packet in encoder.encode(frame)]
assert len(packets) == 30


def decoded(left_out):
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_type = "NONE"
    found = {}
    for index, data in enumerate(packets):
        if index not in left_out:
            for frame in decoder.decode(av.Packet(data)):
                found[index] = (frame.to_ndarray(format="bgr24").astype(int), frame.is_corrupt)
    return found


whole, gapped = decoded(()), decoded((LOST,))
wrong = [index for index, (image, _) in gapped.items() if np.abs(image - whole[index][0]).mean() > 1]
print("pictures after the gap that are wrong:", wrong)
print("of those marked corrupt:", [index for index in wrong if gapped[index][1]])
assert len(gapped) == 29, "a picture for every packet that came"
assert wrong == list(range(LOST + 1, 2 * KEY_EVERY)), wrong
assert not any(corrupt for _, corrupt in gapped.values())
PYTHON
if [ "$changed" -ne 0 ]; then
    echo "changed: the decoder reports the loss, or its pictures are right, or the run failed" >&2
    exit 1
fi
