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

"""The node's parameters: one table of name, type, default, range and meaning.

The table is the dataclass :class:`Settings`; ROS parameter descriptors, command line, README
and ``config/fer.yaml`` all come from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from fer_ros.node.parameter_rows import Parameter, ParameterError, Value, row
from fer_ros.perception.classification import FUSION_RULES
from fer_ros.perception.detection.base import (
    DETECTION_SIZES,
    FACE_COUNTS,
    FACE_SIZES,
    THRESHOLDS,
)
from fer_ros.perception.detection.factory import KINDS
from fer_ros.perception.images import MAX_PIXELS
from fer_ros.perception.inference import PROVIDER_NAMES
from fer_ros.perception.orientation import ROTATIONS
from fer_ros.perception.texts import near_name, shortened

N = TypeVar("N", int, float)

__all__ = [
    "PARAMETERS",
    "Parameter",
    "ParameterError",
    "Settings",
    "Value",
    "parameter",
    "unknown_parameters",
]

FOREIGN = ("use_sim_time", "autostart", "qos_overrides.", "start_type_description_service")
"""Beginnings of parameter names that belong to the middleware, not to this table."""


@dataclass(frozen=True)
class Settings:
    """The values the node works with; every field is a parameter."""

    image_topics: tuple[str, ...] = row(
        ("image_raw",), "Camera topics to subscribe to; relative names lie in the node's namespace."
    )
    image_transport: str = row(
        "auto",
        "raw: sensor_msgs/Image; compressed: sensor_msgs/CompressedImage on <topic>/compressed; "
        "auto: compressed where the topic's name ends in /compressed, else raw.",
        choices=("auto", "raw", "compressed"),
    )
    image_reliability: str = row(
        "best_effort",
        "QoS of the image subscriptions; best_effort also hears reliable cameras.",
        choices=("best_effort", "reliable"),
    )
    image_depth: int = row(
        1, "History depth of the image subscriptions [messages].", minimum=1, maximum=100
    )
    emotions_reliability: str = row(
        "reliable",
        "QoS of ~/emotions; reliable is heard by every subscriber.",
        choices=("best_effort", "reliable"),
    )
    models: tuple[str, ...] = row(
        ("fer-base-int8",), "Emotion networks: names of shipped models or paths of .onnx files."
    )
    fusion: str = row(
        "sum",
        "How the probabilities of several networks are joined (Umer et al. 2022): their sum, or "
        "their product.",
        choices=FUSION_RULES,
    )
    providers: tuple[str, ...] = row(
        ("cpu",),
        "ONNX Runtime execution providers in order of preference.",
        choices=tuple(PROVIDER_NAMES),
    )
    intra_op_threads: int = row(
        1, "Threads inside one network run; 0 takes one per core.", minimum=0, maximum=256
    )
    detector: str = row(
        "auto",
        "Face detector; auto takes yunet where its file is found, else the shipped fer-face.",
        choices=KINDS,
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
        32,
        "Smallest face looked for when detection_size is 0 [pixels].",
        minimum=FACE_SIZES[0],
        maximum=FACE_SIZES[1],
        dynamic=True,
    )
    detection_budget: float = row(
        2.0,
        "Cost of the search for faces in an image, in passes over the whole image; what is beyond "
        "1 goes to windows in full resolution, around small tracked faces and wandering.",
        minimum=1.0,
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
        "on, and with haar.",
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
    track_timeout: float = row(
        1.0,
        "A track not seen for longer is closed; a face that comes back gets a new id [s].",
        minimum=0.0,
        maximum=60.0,
        dynamic=True,
    )
    max_age: float = row(
        0.0,
        "Images older than this on arrival at the worker are dropped [s]; 0 keeps all.",
        minimum=0.0,
        maximum=3600.0,
        dynamic=True,
    )
    max_image_pixels: int = row(
        MAX_PIXELS,
        "Larger images are dropped [pixels]; the default is 7680 x 4320.",
        minimum=1,
        maximum=2**31 - 1,
    )
    image_rotation: tuple[int, ...] = row(
        (0,),
        "How far images must be turned clockwise to be upright, 0, 90, 180 or 270: one number for "
        "all cameras, or one for each of image_topics [degrees]. Boxes and landmarks stay those of "
        "the image as it came.",
        minimum=0,
        maximum=270,
    )
    max_rate: tuple[float, ...] = row(
        (0.0,),
        "Images a second that are answered at most; 0 sets no limit. One number for all cameras, "
        "or one for each of image_topics [1/s].",
        minimum=0.0,
        maximum=1000.0,
    )
    stale_after: float = row(
        1.0,
        "Silence of a camera after which diagnostics WARN, and ERROR after three times that [s].",
        minimum=0.1,
        maximum=3600.0,
        dynamic=True,
    )
    diagnostics_period: float = row(1.0, "Period of /diagnostics [s].", minimum=0.1, maximum=60.0)
    publish_annotated: bool = row(
        True, "Offer ~/image_annotated; it is drawn only while somebody subscribes."
    )
    enabled: bool = row(
        True, "Process images; false keeps subscriptions but drops what arrives.", dynamic=True
    )

    @classmethod
    def from_overrides(cls, overrides: Mapping[str, Any]) -> Settings:
        """Return the defaults with the values given from outside.

        Args:
            overrides: By name; unknown ones are passed over, see :func:`unknown_parameters`.

        Raises:
            ParameterError: A value does not fit.
        """
        own = {name: value for name, value in overrides.items() if name in _BY_NAME}
        return cls().with_values(own)

    def with_values(self, changes: Mapping[str, Any]) -> Settings:
        """Return these settings with some values changed; nothing changes when one is refused.

        Raises:
            ParameterError: A name is unknown or a value does not fit.
        """
        checked = {name: parameter(name).check(value) for name, value in changes.items()}
        settings = replace(self, **checked)  # type: ignore[arg-type]
        settings.check()
        return settings

    def check(self) -> None:
        """Check what no single row can.

        Raises:
            ParameterError: A list is empty, or names a camera twice.
        """
        for name in ("image_topics", "models", "providers"):
            entries = getattr(self, name)
            if not entries or not all(entries):
                raise ParameterError(f"{name} must name at least one, and none may be empty")
        for name in ("image_rotation", "max_rate"):
            if len(getattr(self, name)) not in (1, len(self.image_topics)):
                raise ParameterError(
                    f"{name} must hold one number, or one for each of the "
                    f"{len(self.image_topics)} image_topics, not {len(getattr(self, name))}"
                )
        if not set(self.image_rotation) <= set(ROTATIONS):
            raise ParameterError(
                f"image_rotation must be 0, 90, 180 or 270, not {self.image_rotation}"
            )
        if len(set(self.image_topics)) != len(self.image_topics):
            raise ParameterError("image_topics must not name a topic twice")
        if 0 < self.detection_size < DETECTION_SIZES[0]:
            raise ParameterError(
                f"detection_size must be 0 or at least {DETECTION_SIZES[0]}, "
                f"not {self.detection_size}"
            )
        if -1.0 < self.uncertain_threshold < 0.0:
            raise ParameterError("uncertain_threshold must lie in 0..1, or be -1 for the network's")

    def rotations(self, topics: Iterable[str]) -> dict[str, int]:
        """Return how far to turn the images of each topic, for recordings of any topics.

        Where ``image_rotation`` holds several numbers, those of topics that ``image_topics`` does
        not name are 0.
        """
        if len(self.image_rotation) == 1:
            return dict.fromkeys(topics, self.image_rotation[0])
        return dict(zip(self.image_topics, self.image_rotation))

    def of_camera(self, values: tuple[N, ...], index: int) -> N:
        """Return the entry of a list with one number for all cameras, or one for each."""
        return values[index] if len(values) > 1 else values[0]


PARAMETERS: tuple[Parameter, ...] = tuple(
    Parameter(name=f.name, default=getattr(Settings, f.name), **f.metadata)
    for f in fields(Settings)
)
"""The table, in the order of its documentation."""

_BY_NAME = {each.name: each for each in PARAMETERS}


def unknown_parameters(names: Iterable[str]) -> str:
    """Return what is wrong with names that are in nobody's table; empty where there are none.

    Files that several nodes share may bring some, so they are no error there; nor are they to ROS.
    """
    unknown = [n for n in names if n not in _BY_NAME and not n.startswith(FOREIGN)]
    if not unknown:
        return ""
    hints = [f"{shortened(name)!r}: {near_name(name, _BY_NAME)}" for name in unknown[:_HINTS]]
    more = f"; and {len(unknown) - _HINTS} more" if len(unknown) > _HINTS else ""
    return f"there is no parameter {'; nor '.join(hints)}{more}"


_HINTS = 10
"""Unknown names that are told one by one."""


def parameter(name: str) -> Parameter:
    """Return the row of a parameter.

    Raises:
        ParameterError: There is none of that name.
    """
    try:
        return _BY_NAME[name]
    except KeyError:
        raise ParameterError(
            f"unknown parameter {shortened(name)!r}: {near_name(name, _BY_NAME)}"
        ) from None
