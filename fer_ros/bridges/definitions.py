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

"""Definitions of other packages' messages: the installed ones, else those of a stated version.

A message on the wire has no names, so both ends must have the same definition. On ROS 2 that is the
installed package's; without ROS 2 the versions below are used, whose fields and order are those of
the published definitions.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.interfaces import Nodetype

from fer_ros.files import listed
from fer_ros.transport import codec

HRI = {
    "IdsList": "std_msgs/Header header\nstring[] ids",
    "NormalizedRegionOfInterest2D": "std_msgs/Header header\nfloat32 xmin\nfloat32 ymin\n"
    "float32 xmax\nfloat32 ymax\nfloat32 c",
    "NormalizedPointOfInterest2D": "float32 x\nfloat32 y\nfloat32 c",
    "FacialLandmarks": "std_msgs/Header header\nhri_msgs/NormalizedPointOfInterest2D[70] "
    "landmarks\nuint32 height\nuint32 width",
    "Expression": "std_msgs/Header header\nstring expression\nfloat32 valence\nfloat32 arousal\n"
    "float32 confidence",
}
"""hri_msgs 2.0 to 2.3 (2.3.2), of ROS4HRI (REP-155)."""

VISION = {
    "Point2D": "float64 x\nfloat64 y",
    "Pose2D": "vision_msgs/Point2D position\nfloat64 theta",
    "BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y",
    "ObjectHypothesis": "string class_id\nfloat64 score",
    "ObjectHypothesisWithPose": "vision_msgs/ObjectHypothesis hypothesis\n"
    "geometry_msgs/PoseWithCovariance pose",
    "Detection2D": "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
    "vision_msgs/BoundingBox2D bbox\nstring id",
    "Detection2DArray": "std_msgs/Header header\nvision_msgs/Detection2D[] detections",
}
"""vision_msgs 4, of Humble and later."""

FOXGLOVE = {
    "Point2": "float64 x\nfloat64 y",
    "Color": "float64 r\nfloat64 g\nfloat64 b\nfloat64 a",
    "CircleAnnotation": "builtin_interfaces/Time timestamp\nfoxglove_msgs/Point2 position\n"
    "float64 diameter\nfloat64 thickness\nfoxglove_msgs/Color fill_color\n"
    "foxglove_msgs/Color outline_color",
    "PointsAnnotation": "uint8 UNKNOWN=0\nuint8 POINTS=1\nuint8 LINE_LOOP=2\nuint8 LINE_STRIP=3\n"
    "uint8 LINE_LIST=4\nbuiltin_interfaces/Time timestamp\nuint8 type\n"
    "foxglove_msgs/Point2[] points\nfoxglove_msgs/Color outline_color\n"
    "foxglove_msgs/Color[] outline_colors\nfoxglove_msgs/Color fill_color\nfloat64 thickness",
    "TextAnnotation": "builtin_interfaces/Time timestamp\nfoxglove_msgs/Point2 position\n"
    "string text\nfloat64 font_size\nfoxglove_msgs/Color text_color\n"
    "foxglove_msgs/Color background_color",
    "ImageAnnotations": "foxglove_msgs/CircleAnnotation[] circles\n"
    "foxglove_msgs/PointsAnnotation[] points\nfoxglove_msgs/TextAnnotation[] texts",
}
"""foxglove_msgs as of February 2025; later ones have more fields, which stay empty."""

WRITTEN: Mapping[str, Mapping[str, str]] = {
    "hri_msgs": HRI,
    "vision_msgs": VISION,
    "foxglove_msgs": FOXGLOVE,
}


def use(package: str) -> str:
    """Register a package's messages with the codec; return where the definitions are from.

    Args:
        package: One of :data:`WRITTEN`.
    """
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        files = listed(Path(prefix) / "share" / package / "msg", "*.msg") if prefix else []
        if files:
            sources = {path.stem: path.read_text(encoding="utf-8") for path in files}
            codec.register({f"{package}/msg/{name}": text for name, text in sources.items()})
            return prefix
    codec.register({f"{package}/msg/{name}": text for name, text in WRITTEN[package].items()})
    return "fer_ros"


def use_all() -> None:
    """Register the messages of all bridges, for commands that show or record any topic."""
    for package in WRITTEN:
        use(package)


def build(type_name: str, **values: Any) -> Any:
    """Return a message; fields that are not given are zero or empty.

    Raises:
        TypeError: A field is not in the definition that is in use.
    """
    kind = codec.message_class(type_name)
    fields: Any = codec.typestore().fielddefs[type_name][1]
    empty = {name: _empty(node) for name, node in fields if name not in values}
    return kind(**empty, **values)


def _empty(node: Any) -> Any:
    kind, detail = node
    if kind == Nodetype.NAME:
        return build(detail)
    if kind == Nodetype.BASE:
        return _nothing(detail[0])
    (element, element_detail), count = detail
    count = count if kind == Nodetype.ARRAY else 0
    if element == Nodetype.BASE and element_detail[0] != "string":
        return np.zeros(count, _dtype(element_detail[0]))
    return [_empty((element, element_detail)) for _ in range(count)]


def _nothing(name: str) -> Any:
    if name == "string":
        return ""
    return False if name == "bool" else 0.0 if name.startswith("float") else 0


def _dtype(name: str) -> str:
    return {"byte": "uint8", "char": "uint8", "octet": "uint8"}.get(name, name)
