#!/bin/sh
# MediaPipe 0.10.21's face detection loses a face in the dark whose picture still holds it.
#
# Versions: mediapipe 0.10.21, scikit-image 0.26.0 (its picture of an astronaut), Python 3.11 or 3.12,
# Linux x86-64.
# Input: the picture times 1, 0.25, 0.1 and 0.03, in eight bits; at 0.03 its greatest pixel is 7. And the
# same eight grey levels or so multiplied back.
# Seen, confidence of the face where 0.1 suffices: .92, .89, .81, none with the near model, .91, .90, .87,
# none with the far one; multiplied back .90 to .92 in every case. So the loss is that of the pixels'
# range, not of what they show.
# Why it matters: an underexposed camera loses people whom a gain before the detector would keep. Users of
# such a detector, or of others that were trained in usual light, have to normalise the light themselves.
# Exits 0 while this is so, and 1 once dim pictures keep their face, or multiplied ones lose it.
set -eu
changed=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check mediapipe==0.10.21 \
    scikit-image==0.26.0
"$folder/venv/bin/python" - 2>"$folder/log" <<'PYTHON' || changed=1
import sys

import mediapipe
import numpy as np
from skimage import data

picture = data.astronaut()
holds = True
for model in (0, 1):
    with mediapipe.solutions.face_detection.FaceDetection(
        model_selection=model, min_detection_confidence=0.1
    ) as detector:

        def confidence(shown):
            faces = detector.process(shown).detections or []
            return max((face.score[0] for face in faces), default=0.0)

        for light in (1.0, 0.25, 0.1, 0.03):
            dim = (picture * light).astype(np.uint8)
            back = np.clip(dim / light, 0, 255).astype(np.uint8)
            lost, kept = confidence(dim), confidence(back)
            print(f"model {model}, light {light}: {lost:.2f}, multiplied back {kept:.2f}")
            holds = holds and kept > 0.85 and (light > 0.03) == (lost > 0)
sys.exit(not holds)
PYTHON
if [ "$changed" -ne 0 ]; then
    cat "$folder/log" >&2
    echo "changed: dim pictures keep the face, multiplied ones lose it, or the run failed" >&2
    exit 1
fi
