#!/bin/sh
# H.264 in an AVI file comes back from PyAV with the time of the next frame; the last one ends at once.
#
# Versions: av 18.0.0 (wheel, with FFmpeg), numpy 2.3.5. Linux x86-64, Python 3.11 to 3.13.
# Input: twenty frames, one each 0.1 s, written by PyAV with libx264 without B-frames (bf=0) and with
# mpeg4, both into AVI and into MP4; the stream counts in 1/600 s. Each file is read with PyAV again.
# Seen: mpeg4 in both files and H.264 in MP4 come back with the times that were written. H.264 in AVI
# comes back as 0.1, 0.2, ..., 1.9 and 1.9017 s: AVI stores the order of decoding alone, and the reader
# gives a frame the time at which the next is decoded, or one count later where there is none.
# Why it matters: expressions of a recording are compared with sound or another video by their times;
# from AVI they come one frame late, and a slow recording (one frame a second) by a second. Whoever
# writes AVI takes mpeg4 or MJPEG; whoever reads H.264 from it takes the packets' decoding times.
# Exits 0 while this is so, and 1 once all four files have the times that were written.
set -eu
changed=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check av==18.0.0 numpy==2.3.5
"$folder/venv/bin/python" - <<'PYTHON' || changed=1
import sys
from fractions import Fraction

import av
import numpy as np

CLOCK = Fraction(1, 600)
WRITTEN = [index * 60 * CLOCK for index in range(20)]


def times(name, codec, options):
    """Return the times [s] of the frames of a file that was written with WRITTEN."""
    with av.open(name, "w") as output:
        stream = output.add_stream(codec, rate=30, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = stream.codec_context.time_base = CLOCK
        for index, moment in enumerate(WRITTEN):
            image = np.full((48, 64, 3), 10 * index, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = int(moment / CLOCK), CLOCK
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    with av.open(name) as source:
        return [frame.pts * frame.time_base for frame in source.decode(video=0)]


found = {}
for codec, options in (("libx264", {"bf": "0"}), ("mpeg4", {})):
    for ending in ("avi", "mp4"):
        found[codec, ending] = times(f"{codec}.{ending}", codec, options)
        shown = [round(float(moment), 4) for moment in found[codec, ending]]
        print(f"{codec} in {ending}: {shown[:2]} ... {shown[-2:]}")
late = [*WRITTEN[1:], WRITTEN[-1] + CLOCK]
right = all(moments == WRITTEN for kind, moments in found.items() if kind != ("libx264", "avi"))
sys.exit(not (right and found["libx264", "avi"] == late))
PYTHON
if [ "$changed" -ne 0 ]; then
    echo "changed: the times of H.264 in AVI are others, or the run failed" >&2
    exit 1
fi
