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

"""Settings of perception: networks, detector, tracking and smoothing; no topics and no QoS.

The node's table of parameters (:mod:`fer_ros.node.parameters`) begins with these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from fer_ros.perception.baseline import BaselineError, BaselineSettings
from fer_ros.perception.classification import FUSION_RULES
from fer_ros.perception.detection.base import (
    DETECTION_SIZES,
    FACE_COUNTS,
    FACE_SIZES,
    THRESHOLDS,
)
from fer_ros.perception.detection.factory import check_kind
from fer_ros.perception.images import MAX_PIXELS
from fer_ros.perception.inference import PROVIDER_NAMES, parse_provider
from fer_ros.perception.strings import near_name, shortened
from fer_ros.runtime.parameter_rows import Parameter, ParameterError, row

S = TypeVar("S", bound="PerceptionSettings")


@dataclass(frozen=True)
class PerceptionSettings:
    """How faces are found, tracked and classified; every field is a row of a table."""

    models: tuple[str, ...] = row(
        ("fer-base-int8",), "Emotion networks: names of shipped models or paths of .onnx files."
    )
    fusion: str = row(
        "sum",
        "How the probabilities of several networks are joined (Umer et al. 2022): their sum, or "
        "their product.",
        choices=FUSION_RULES,
    )
    mirror: bool = row(
        False,
        "Predict every face mirrored too and take the mean: right somewhat more often, for twice "
        "the networks' time.",
    )
    class_balance: float = row(
        0.5,
        "How far smoothed probabilities and labels are freed from how frequent each class was in "
        "the networks' training, where 1.5 % of the faces showed disgust and 25 % joy: 0 keeps "
        "that mix, 1 takes every class as equally likely. Raw probabilities stay the networks'. "
        "A running baseline starts from that mix, a neutral one takes its place. Without effect "
        "for files that do not tell their mix.",
        minimum=0.0,
        maximum=1.0,
        dynamic=True,
    )
    providers: tuple[str, ...] = row(
        ("cpu",),
        "ONNX Runtime execution providers in order of preference: "
        f"{', '.join(PROVIDER_NAMES)}. Options follow a colon, as in "
        "openvino:device_type=GPU,cache_dir=/var/cache/fer.",
    )
    intra_op_threads: int = row(
        1, "Threads inside one network run; 0 takes one per core.", minimum=0, maximum=256
    )
    detector: str = row(
        "auto",
        "Face detector: fer-face, yunet, haar, or one that an installed package offers as entry "
        "point of fer_ros.detectors; auto takes yunet where its file is found, else the shipped "
        "fer-face.",
    )
    detector_model: str = row(
        "",
        "Path of a detector's file, YuNet or of the form of fer-face; empty: FER_ROS_YUNET, then "
        "the cache folder, then the shipped fer-face.",
    )
    detection_size: int = row(
        640,
        "Longest side of the image as the detector sees it [pixels]; 0 chooses it from "
        "min_face_size, else at least 32. Larger finds smaller faces and costs more. The zoo's "
        "YuNet file always works at 640.",
        minimum=0,
        maximum=DETECTION_SIZES[1],
        dynamic=True,
    )
    min_face_size: int = row(
        14,
        "Side of the smallest face that begins a track [pixels of the image]; a smaller one is "
        "kept only where a track expects it, with detection_threshold. Where detection_size is 0, "
        "the size that the detector looks for.",
        minimum=FACE_SIZES[0],
        maximum=FACE_SIZES[1],
        dynamic=True,
    )
    detection_budget: float = row(
        0.8,
        "Cost of the search for faces in an image, in passes over the whole image. Below 1 on "
        "average: a whole pass every sixth image, windows around tracked faces between. 1 searches "
        "every image whole; what is beyond goes to windows in full resolution, around small "
        "tracked faces and wandering.",
        minimum=0.1,
        maximum=16.0,
        dynamic=True,
    )
    detection_threshold: float = row(
        0.7,
        "Detections with less confidence are ignored, but see tracked_threshold.",
        minimum=THRESHOLDS[0],
        maximum=THRESHOLDS[1],
        dynamic=True,
    )
    tracked_threshold: float = row(
        0.4,
        "Confidence that suffices where a track of three detections or more expects a face, so "
        "that one that turns away or dims is not lost; without effect from detection_threshold "
        "on.",
        minimum=THRESHOLDS[0],
        maximum=THRESHOLDS[1],
        dynamic=True,
    )
    max_faces: int = row(
        32,
        "At most this many faces of an image, the most confident first, are classified.",
        minimum=FACE_COUNTS[0],
        maximum=FACE_COUNTS[1],
        dynamic=True,
    )
    expression_rate: float = row(
        0.0,
        "How often the expression of a tracked face is classified [Hz]; new faces and those whose "
        "label is changing are in every image. In between a face keeps its last result, whose age "
        "is published. 0 classifies every face in every image.",
        minimum=0.0,
        maximum=1000.0,
        dynamic=True,
    )
    uncertain_threshold: float = row(
        -1.0,
        "Smoothed probability below which the label is 'uncertain'; -1 takes the network's own.",
        minimum=-1.0,
        maximum=1.0,
        dynamic=True,
    )
    smoothing_time: float = row(
        0.3,
        "Time constant of the smoothing of probabilities along a track [s]; 0 switches it off.",
        minimum=0.0,
        maximum=60.0,
        dynamic=True,
    )
    hysteresis: float = row(
        0.1,
        "How much more probable than the current label another one must be to replace it.",
        minimum=0.0,
        maximum=1.0,
        dynamic=True,
    )
    baseline: str = row(
        "off",
        "What of a person's own face is taken out before smoothing: off, running (the mean of what "
        "the track has shown, once it has shown two expressions), or neutral:SECONDS (its first "
        "seconds, in which the face is taken to be neutral). Raw probabilities stay the network's.",
        dynamic=True,
    )
    track_timeout: float = row(
        1.0,
        "A track not seen for longer is closed; a face that comes back gets a new id [s].",
        minimum=0.0,
        maximum=60.0,
        dynamic=True,
    )
    max_image_pixels: int = row(
        MAX_PIXELS,
        "Larger images are dropped [pixels]; the default is 7680 x 4320.",
        minimum=1,
        maximum=2**31 - 1,
    )

    @classmethod
    def from_overrides(cls: type[S], overrides: Mapping[str, Any]) -> S:
        """Return the defaults with the values given from outside.

        Args:
            overrides: By name; names that are not in the table are left out.

        Raises:
            ParameterError: A value does not fit.
        """
        rows = table(cls)
        own = {name: value for name, value in overrides.items() if name in rows}
        return cls().with_values(own)

    def with_values(self: S, changes: Mapping[str, Any]) -> S:
        """Return these settings with some values changed; nothing changes when one is refused.

        Raises:
            ParameterError: A name is unknown or a value does not fit.
        """
        kind = type(self)
        checked = {name: parameter(kind, name).check(value) for name, value in changes.items()}
        settings = replace(self, **checked)  # type: ignore[arg-type]
        settings.check()
        return settings

    def check(self) -> None:
        """Check constraints across rows.

        Raises:
            ParameterError: A list is empty, or a value lies in a gap of its range.
        """
        self._check_lists("models", "providers")
        try:
            for provider in self.providers:
                parse_provider(provider)
            check_kind(self.detector)
        except ValueError as error:
            raise ParameterError(str(error)) from None
        try:
            BaselineSettings.parse(self.baseline)
        except BaselineError as error:
            raise ParameterError(str(error)) from None
        if 0 < self.detection_size < DETECTION_SIZES[0]:
            raise ParameterError(
                f"detection_size must be 0 or at least {DETECTION_SIZES[0]}, "
                f"not {self.detection_size}"
            )
        if -1.0 < self.uncertain_threshold < 0.0:
            raise ParameterError("uncertain_threshold must lie in 0..1, or be -1 for the network's")

    def _check_lists(self, *names: str) -> None:
        for name in names:
            entries = getattr(self, name)
            if not entries or not all(entries):
                raise ParameterError(f"{name} must name at least one, and none may be empty")


def table(kind: type[PerceptionSettings]) -> Mapping[str, Parameter]:
    """Return the rows of a class of settings by name: its own fields before inherited ones."""
    ordered = sorted(fields(kind), key=lambda f: f.name not in kind.__annotations__)
    return {
        f.name: Parameter(name=f.name, default=getattr(kind, f.name), **f.metadata) for f in ordered
    }


def parameter(kind: type[PerceptionSettings], name: str) -> Parameter:
    """Return the row of a parameter.

    Raises:
        ParameterError: There is none of that name.
    """
    rows = table(kind)
    if name not in rows:
        raise ParameterError(f"unknown parameter {shortened(name)!r}: {near_name(name, rows)}")
    return rows[name]
