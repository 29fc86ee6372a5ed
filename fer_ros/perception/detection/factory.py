"""Which detector a node gets, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fer_ros.perception import model_store
from fer_ros.perception.detection.base import DetectorError, DetectorSettings, FaceDetector
from fer_ros.perception.detection.haar import HaarDetector
from fer_ros.perception.detection.yunet import YuNetDetector

KINDS = ("auto", "yunet", "haar")
"""Detectors that may be asked for."""


@dataclass(frozen=True)
class DetectorChoice:
    """A detector, and how it came to be chosen."""

    detector: FaceDetector
    asked: str
    """One of :data:`KINDS`."""
    warning: str = ""
    """Why this is not the best detector and what to do about it; empty when all is well."""


def create_detector(
    kind: str,
    settings: DetectorSettings,
    model_path: str = "",
    threads: int = 1,
    providers: Sequence[str] = ("cpu",),
) -> DetectorChoice:
    """Make a detector.

    Args:
        kind: ``yunet``, ``haar``, or ``auto`` for YuNet where its file is found and Haar where
            there is none.
        settings: Threshold, sizes and limits.
        model_path: Path of the YuNet file; empty: see
            :func:`fer_ros.perception.model_store.find_yunet`.
        threads: Threads inside one run of YuNet.
        providers: Short names as :func:`fer_ros.perception.inference.create_session` takes them.

    Raises:
        fer_ros.perception.errors.ModelError: The detector asked for cannot be made. For
            ``auto`` as well this is so where a YuNet file is named but missing, or there but
            unusable.
        ValueError: The kind is unknown.
    """
    if kind not in KINDS:
        raise ValueError(f"detector must be one of {', '.join(KINDS)}, not {kind!r}")
    if kind == "haar":
        return DetectorChoice(HaarDetector(settings), kind)
    path = model_store.find_yunet(model_path)
    if path is not None:
        return DetectorChoice(YuNetDetector(path, settings, providers, threads), kind)
    reason = (
        f"detector_model and {model_store.YUNET_ENV} name no YuNet file and none lies in "
        f"{model_store.cache_folder()}; run `fer-ros models fetch` once to get it (on ROS 2: "
        "`ros2 run fer_ros fer-ros models fetch`)"
    )
    if kind == "yunet":
        raise DetectorError(reason)
    return DetectorChoice(
        HaarDetector(settings),
        kind,
        "face detector fell back to haar, which is slower, sees frontal faces only and gives no "
        f"landmarks: {reason}",
    )
