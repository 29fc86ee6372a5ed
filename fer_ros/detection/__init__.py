"""Face detectors behind one protocol."""

from __future__ import annotations

from fer_ros.detection.base import DetectorError, DetectorSettings, FaceDetector
from fer_ros.detection.factory import DetectorChoice, create_detector
from fer_ros.detection.haar import HaarDetector
from fer_ros.detection.yunet import YuNetDetector

__all__ = [
    "DetectorChoice",
    "DetectorError",
    "DetectorSettings",
    "FaceDetector",
    "HaarDetector",
    "YuNetDetector",
    "create_detector",
]
