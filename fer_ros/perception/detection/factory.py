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

"""Selection and construction of the detector, with the reason for the choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

from fer_ros.perception import model_store
from fer_ros.perception.detection.base import DetectorError, DetectorSettings, FaceDetector
from fer_ros.perception.detection.fer_face import FerFaceDetector
from fer_ros.perception.detection.haar import HaarDetector, cascade_file
from fer_ros.perception.detection.yunet import YuNetDetector
from fer_ros.perception.model_metadata import DETECTOR_KIND, KIND_KEY
from fer_ros.perception.onnx_file import read_properties
from fer_ros.perception.strings import shortened

KINDS = ("auto", "fer-face", "yunet", "haar")
"""Detectors of this package that may be asked for."""

GROUP = "fer_ros.detectors"
"""Group of entry points by which other packages offer detectors: callables that take
(settings, model_path, providers, threads) as :func:`create_detector` does and return a
:class:`FaceDetector`."""


@dataclass(frozen=True)
class DetectorChoice:
    """A detector and the reason for the choice."""

    detector: FaceDetector
    asked: str
    """One of :data:`KINDS`, or the name of an entry point."""


@dataclass(frozen=True)
class DetectorSource:
    """What a detector is loaded from."""

    path: Path | None
    """Its weights; None where it names no file."""
    code: Path | None = None
    """The module of another package that makes it."""
    entry_point: str = ""
    """Object, distribution and version, for a detector of another package."""
    verifier: Path | None = None
    """Weights of the network that looks again at what fer-face finds; None where there is none."""


def check_kind(kind: str) -> None:
    """Raise ValueError, naming those there are, unless a detector of this kind can be asked for."""
    if kind not in KINDS and not entry_points(group=GROUP, name=kind):
        names = (*KINDS, *sorted({point.name for point in entry_points(group=GROUP)}))
        raise ValueError(f"detector must be one of {', '.join(names)}, not {shortened(repr(kind))}")


def create_detector(
    kind: str,
    settings: DetectorSettings,
    model_path: str = "",
    threads: int = 1,
    providers: Sequence[str] = ("cpu",),
) -> DetectorChoice:
    """Make a detector.

    Args:
        kind: ``fer-face``, ``yunet``, ``haar``, the name of an entry point of :data:`GROUP`, or
            ``auto`` for the file named by `model_path`, else a YuNet file where one is found, else
            the shipped fer-face.
        settings: Threshold, sizes and limits.
        model_path: Path of a file of YuNet's or fer-face's form; empty: the shipped one for
            fer-face, for YuNet see :func:`fer_ros.perception.model_store.find_yunet`.
        threads: Threads inside one run of a network.
        providers: As :func:`fer_ros.perception.inference.create_session` takes them.

    Raises:
        fer_ros.perception.errors.ModelError: The detector asked for cannot be made. For
            ``auto`` as well this is so where a file is named but missing, or there but unusable.
        ValueError: The kind is unknown.
    """
    check_kind(kind)
    if kind not in KINDS:
        return DetectorChoice(_foreign(kind, settings, model_path, providers, threads), kind)
    if kind == "haar":
        return DetectorChoice(HaarDetector(settings), kind)
    path = locate_detector(kind, model_path).path
    if path is None:
        raise DetectorError(
            f"detector_model and {model_store.YUNET_ENV} name no YuNet file and none lies in "
            f"{model_store.cache_folder()}; run `fer-ros models fetch` once to get it (on ROS 2: "
            "`ros2 run fer_ros fer-ros models fetch`), or take the shipped detector, fer-face"
        )
    if kind == "fer-face" or (kind == "auto" and _is_fer_face(path)):
        own = None if path == model_store.shipped_detector() else path
        return DetectorChoice(FerFaceDetector(settings, own, providers, threads), kind)
    return DetectorChoice(YuNetDetector(path, settings, providers, threads), kind)


def locate_detector(kind: str, model_path: str = "") -> DetectorSource:
    """Return what :func:`create_detector` would load, without loading it.

    Args:
        kind: As there.
        model_path: As there.

    Raises:
        fer_ros.perception.errors.ModelError: A YuNet file is named but missing, or altered; there
            is no such home folder; this OpenCV has no cascade.
        ValueError: The kind is unknown.
    """
    check_kind(kind)
    if kind == "haar":
        return DetectorSource(cascade_file())
    if kind == "fer-face":
        return _with_verifier(
            model_store.expanded(model_path) if model_path else model_store.shipped_detector()
        )
    if kind not in KINDS:
        own = model_store.expanded(model_path) if model_path else None
        (point, *_) = entry_points(group=GROUP, name=kind)
        return DetectorSource(own, _module_file(point), _described(point))
    path = model_store.find_yunet(model_path)
    if path is None and kind == "auto":
        path = model_store.shipped_detector()
    return _with_verifier(path) if path is not None else DetectorSource(path)


def _with_verifier(path: Path) -> DetectorSource:
    return DetectorSource(path, verifier=model_store.verifier_of(path))


def _is_fer_face(path: Path) -> bool:
    return read_properties(path).get(KIND_KEY) == DETECTOR_KIND


def _module_file(point: EntryPoint) -> Path | None:
    """Return the file of the module that an entry point names; None where there is none."""
    try:
        spec = find_spec(point.module)
    except (ImportError, ValueError):  # creating the detector says so
        return None
    path = Path(spec.origin) if spec is not None and spec.origin else None
    return path if path is not None and path.is_file() else None


def _described(point: EntryPoint) -> str:
    made_by = f" of {point.dist.name} {point.dist.version}" if point.dist else ""
    return f"{point.value}{made_by}"


def _foreign(
    kind: str,
    settings: DetectorSettings,
    model_path: str,
    providers: Sequence[str],
    threads: int,
) -> FaceDetector:
    """Make a detector of another package.

    Raises:
        DetectorError: It cannot be loaded or made, or lacks a part of the protocol.
    """
    (point, *_) = entry_points(group=GROUP, name=kind)
    try:
        detector = point.load()(settings, model_path, providers, threads)
    except Exception as error:  # whatever another package raises, the node reports it and goes on
        raise DetectorError(
            f"detector {kind!r} ({point.value}) cannot be made: {type(error).__name__}: {error}"
        ) from error
    missing = [name for name in _PROTOCOL if not hasattr(detector, name)]
    if missing:
        raise DetectorError(f"detector {kind!r} ({point.value}) lacks {', '.join(missing)}")
    made: FaceDetector = detector
    return made


_PROTOCOL = (
    "name", "settings", "providers", "smallest_face", "scale", "cost", "candidates", "detect"
)  # fmt: skip
