"""How far a detector's landmarks lie from those that people set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fer_ros.perception.detection import FaceDetector
from fer_training.data.base import DatasetError


@dataclass(frozen=True)
class LandmarkError:
    """Mean distance of eyes, nose and mouth centre, over the eye distance."""

    faces: int
    median: float
    p90: float


def error(finder: FaceDetector, file: Path, limit: int = 600) -> LandmarkError | None:
    """Measure a detector on frontal faces; None where it gives no landmarks.

    Args:
        finder: Detector.
        file: npz with `points`, (P, 8): left and right eye as seen, nose, mouth centre.
        limit: At most so many photos.

    Raises:
        DatasetError: The file has no such points.
    """
    with np.load(file) as data:
        if "points" not in data.files:
            raise DatasetError(f"{file} has no points")
        arrays = {key: data[key] for key in ("jpeg", "offset", "points", "points_offset")}
    errors = []
    owners = np.flatnonzero(np.diff(arrays["points_offset"]))[:limit]
    for i in owners:
        packed = arrays["jpeg"][arrays["offset"][i] : arrays["offset"][i + 1]]
        image = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
        faces = finder.detect(image)
        at = arrays["points_offset"]
        for truth in arrays["points"][at[i] : at[i + 1]].reshape(-1, 4, 2):
            apart = float(np.hypot(*(truth[0] - truth[1])))
            for face in faces:
                if face.landmarks is None:
                    return None
                seen = face.landmarks
                points = np.stack([seen[0], seen[1], seen[2], (seen[3] + seen[4]) / 2])
                distance = float(np.hypot(*(points - truth).T).mean()) / max(apart, 1.0)
                if distance < 0.6:
                    errors.append(distance)
                    break
    if not errors:
        return LandmarkError(0, float("nan"), float("nan"))
    return LandmarkError(len(errors), float(np.median(errors)), float(np.percentile(errors, 90)))
