"""Pictures with the faces' boxes, landmarks and expressions drawn in."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from fer_ros.perception import emotions
from fer_ros.perception.types import FaceEmotion, Image

_COLORS = {
    emotions.ANGRY: (60, 60, 230),
    emotions.DISGUST: (60, 140, 90),
    emotions.FEAR: (190, 80, 160),
    emotions.HAPPY: (60, 200, 250),
    emotions.SAD: (220, 130, 60),
    emotions.SURPRISE: (220, 200, 60),
    emotions.NEUTRAL: (235, 235, 235),
    emotions.CONTEMPT: (120, 120, 190),
    emotions.UNCERTAIN: (165, 110, 165),
}
"""BGR colour of each label."""


def draw(image: Image, faces: Sequence[FaceEmotion]) -> Image:
    """Return a BGR copy of an image with its faces drawn in."""
    color = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image.copy()
    picture = np.asarray(color, np.uint8)
    scale = max(min(picture.shape[:2]) / 480, 0.4)
    for face in faces:
        _draw_face(picture, face, scale)
    return picture


def _draw_face(picture: Image, found: FaceEmotion, scale: float) -> None:
    color = _COLORS.get(found.label, (255, 255, 255))
    box, thickness = found.face.box, max(round(2 * scale), 1)
    left, top = round(box.x), round(box.y)
    right, bottom = round(box.x + box.width), round(box.y + box.height)
    cv2.rectangle(picture, (left, top), (right, bottom), color, thickness, cv2.LINE_AA)
    if found.face.landmarks is not None:
        for x, y in found.face.landmarks:
            cv2.circle(picture, (round(float(x)), round(float(y))), thickness, color, -1)
    text = f"{found.label} {found.confidence:.0%}  {found.track_id}"
    font, size, stroke = cv2.FONT_HERSHEY_SIMPLEX, 0.45 * scale, max(round(scale), 1)
    (width, height), below = cv2.getTextSize(text, font, size, stroke)
    left = max(min(left, picture.shape[1] - width - 4), 0)
    base = top - 4 if top - height - below - 4 >= 0 else min(bottom + height + 4, picture.shape[0])
    # A filled strip behind the text keeps it readable on any background.
    cv2.rectangle(
        picture, (left, base - height - 3), (left + width + 4, base + below), (0, 0, 0), -1
    )
    cv2.putText(picture, text, (left + 2, base), font, size, color, stroke, cv2.LINE_AA)
