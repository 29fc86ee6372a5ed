"""Face detectors behind one protocol."""

from __future__ import annotations

from fer_ros.perception.detection.base import DetectorError, DetectorSettings, FaceDetector
from fer_ros.perception.detection.factory import DetectorChoice, create_detector
from fer_ros.perception.detection.fer_face import FerFaceDetector
from fer_ros.perception.detection.haar import HaarDetector
from fer_ros.perception.detection.one_shot import OneShotDetector
from fer_ros.perception.detection.yunet import YuNetDetector

__all__ = [
    "DetectorChoice",
    "DetectorError",
    "DetectorSettings",
    "FaceDetector",
    "FerFaceDetector",
    "HaarDetector",
    "OneShotDetector",
    "YuNetDetector",
    "create_detector",
]
