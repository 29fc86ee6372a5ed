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

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from fer_ros.perception.orientation import ROTATIONS
from fer_ros.perception.strings import near_name, shortened
from fer_ros.runtime.parameter_rows import Parameter, ParameterError, Value, row
from fer_ros.runtime.settings import PerceptionSettings, table
from fer_ros.runtime.settings import parameter as parameter_of

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
class Settings(PerceptionSettings):
    """The values the node works with; every field is a parameter."""

    image_topics: tuple[str, ...] = row(
        ("image_raw",), "Camera topics to subscribe to; relative names lie in the node's namespace."
    )
    image_transport: str = row(
        "auto",
        "raw: sensor_msgs/Image; compressed: sensor_msgs/CompressedImage on <topic>/compressed; "
        "ffmpeg: ffmpeg_image_transport_msgs/FFMPEGPacket on <topic>/ffmpeg; foxglove: "
        "foxglove_msgs/CompressedVideo on <topic>/foxglove; auto: by the end of the topic's name, "
        "else raw, or video where the topic is published as that alone.",
        choices=("auto", "raw", "compressed", "ffmpeg", "foxglove"),
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
    max_age: float = row(
        0.0,
        "Images older than this on arrival at the worker are dropped [s]; 0 keeps all.",
        minimum=0.0,
        maximum=3600.0,
        dynamic=True,
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
        "Images a second that are processed at most; 0 sets no limit. One number for all cameras, "
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

    def check(self) -> None:
        """Check what no single row can.

        Raises:
            ParameterError: A list is empty, or names a camera twice, or a value does not fit.
        """
        super().check()
        self._check_lists("image_topics")
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


_BY_NAME = table(Settings)

PARAMETERS: tuple[Parameter, ...] = tuple(_BY_NAME.values())
"""The table, in the order of its documentation."""


def unknown_parameters(names: Iterable[str]) -> str:
    """Return a message on names that are in no table; empty where there are none.

    Files that several nodes share may bring some, so they are no error there; nor are they to ROS.
    """
    unknown = [n for n in names if n not in _BY_NAME and not n.startswith(FOREIGN)]
    if not unknown:
        return ""
    hints = [f"{shortened(name)!r}: {near_name(name, _BY_NAME)}" for name in unknown[:_HINTS]]
    more = f"; and {len(unknown) - _HINTS} more" if len(unknown) > _HINTS else ""
    return f"there is no parameter {'; nor '.join(hints)}{more}"


_HINTS = 10
"""At most so many unknown names are listed."""


def parameter(name: str) -> Parameter:
    """Return the row of a parameter.

    Raises:
        ParameterError: There is none of that name.
    """
    return parameter_of(Settings, name)
