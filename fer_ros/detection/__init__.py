"""Face detectors behind one protocol."""

from __future__ import annotations

from fer_ros.detection.base import DetectorError, DetectorSettings, FaceDetector
from fer_ros.detection.yunet import YuNetDetector

__all__ = ["DetectorError", "DetectorSettings", "FaceDetector", "YuNetDetector"]
