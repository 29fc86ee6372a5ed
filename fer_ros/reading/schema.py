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

"""The one table of results: a row a face and frame, whoever writes it.

``python -m fer_ros.reading.schema`` writes the list of columns in docs/results.md.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fer_ros.bridges.affect import expected_affect
from fer_ros.perception.types import LANDMARK_NAMES, FaceEmotion, Origin
from fer_ros.reading.head_angles import head_angles
from fer_ros.resources import PACKAGE

Value = str | int | float | None
"""Type of a cell; None where it is empty."""

_MARKS = ("<!-- columns: begin -->\n", "<!-- columns: end -->\n")
"""Around the list of columns in docs/results.md."""

_POINTS = tuple(f"{name}_{axis}" for name in LANDMARK_NAMES for axis in "xy")


@dataclass(frozen=True)
class Column:
    """One column of the table."""

    name: str
    kind: type
    """str, int or float."""
    about: str
    digits: int
    """Decimals that are kept of a float."""

    def cell(self, value: Value) -> Value:
        """Return a value as the table holds it: a float is rounded, or empty where it is none."""
        if self.kind is not float or value is None:
            return value
        number = float(value)
        # Adding 0 turns -0.0 into 0.0.
        return round(number, self.digits) + 0.0 if math.isfinite(number) else None


def _column(about: str, digits: int = 0, each: str = "") -> Any:
    """Return a field of :class:`FaceRecord`; `each` says that it is a column a class or point."""
    return dataclasses.field(metadata={"about": about, "digits": digits, "each": each})


@dataclass(frozen=True, slots=True)
class FaceRecord:
    """One row: a face of a frame, or a frame without faces, whose other fields are empty."""

    source: str = _column("path of the picture or video; of a recording also the topic, behind `#`")
    frame: int = _column("number of the frame in its source, from 0")
    time: float | None = _column(
        "when the frame is shown [s]: a video's own time, a recording's stamp (where stamps "
        "step, are of another clock or missing: placed by arrival), a webcam's time "
        "since its start; empty for pictures", 6,
    )  # fmt: skip
    face: int | None = _column("number of the face in its frame, from 0; empty: no face found")
    track: str | None = _column("the same over the frames in which a face was followed; unique in "
        "its source")  # fmt: skip
    x: float | None = _column("left edge of the face's box [pixels]", 2)
    y: float | None = _column("top edge [pixels]", 2)
    width: float | None = _column("width of the box [pixels]", 2)
    height: float | None = _column("height of the box [pixels]", 2)
    points: Mapping[str, float | None] = _column("landmark [pixels]; right and left are the "
        "person's own", 2, "point")  # fmt: skip
    detection: float | None = _column("confidence of the face detector [0..1]", 4)
    quality: float | None = _column("expected accuracy relative to a good face's [0..1]", 4)
    label: str | None = _column("expression after smoothing, or `uncertain`")
    confidence: float | None = _column("smoothed probability of the label; of the best class where "
        "it is `uncertain` [0..1]", 6)  # fmt: skip
    raw: Mapping[str, float | None] = _column("probability in this frame alone [0..1]", 6, "raw")
    smoothed: Mapping[str, float | None] = _column("the same after `class_balance` and "
        "`baseline`, smoothed over the track [0..1]", 6, "smoothed")  # fmt: skip
    prediction_age: float | None = _column("how much older than the frame the probabilities are "
        "[s]; 0 but with `expression_rate`", 3)  # fmt: skip
    valence: float | None = _column("unpleasant to pleasant [-1..1], expected under the smoothed "
        "probabilities", 4)  # fmt: skip
    arousal: float | None = _column("calm to excited [-1..1], likewise", 4)
    yaw: float | None = _column("turn of the head to the person's left, away from the camera "
        "[degrees]", 1)  # fmt: skip
    pitch: float | None = _column("nod, downwards [degrees]", 1)
    roll: float | None = _column("tilt, clockwise in the picture [degrees]", 1)
    network_sha256: str = _column("digest of the emotion networks")

    def to_dict(self) -> dict[str, Value]:
        """Return the row, by the names of :func:`columns` and in their order."""
        cells: dict[str, Value] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            cells.update(value if field.metadata["each"] else {field.name: value})
        return {column.name: column.cell(cells[column.name]) for column in columns(self.labels)}

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes of the network, in its order."""
        return tuple(name.removeprefix("raw_") for name in self.raw)


@lru_cache(maxsize=8)
def columns(labels: tuple[str, ...]) -> tuple[Column, ...]:
    """Return the columns of a table for the classes of a network, in their order."""
    return tuple(_columns(labels))


def _columns(labels: Sequence[str]) -> Iterator[Column]:
    names = {
        "": None,
        "point": _POINTS,
        "raw": [f"raw_{label}" for label in labels],
        "smoothed": [f"smoothed_{label}" for label in labels],
    }
    for field in dataclasses.fields(FaceRecord):
        kind = next((k for k in (int, str) if k.__name__ in str(field.type)), float)
        about, digits = field.metadata["about"], field.metadata["digits"]
        if field.metadata["each"]:
            kind = float
        for name in names[field.metadata["each"]] or (field.name,):
            yield Column(name, kind, about, digits)


def face_records(
    faces: Sequence[FaceEmotion],
    origin: Origin,
    source: str,
    frame: int,
    time: float | None,
    size: tuple[int, int],
) -> list[FaceRecord]:
    """Return the rows of a frame: one a face, or one without a face.

    Args:
        faces: What was found.
        origin: Networks and detector.
        source: Path of the file.
        frame: Number of the frame.
        time: When it is shown [s]; None for pictures.
        size: Width and height of the frame [pixels].
    """
    place: dict[str, Any] = {"source": source, "frame": frame, "time": time}
    return [
        FaceRecord(**place, face=index, **_face_fields(found, origin, size))
        for index, found in enumerate(faces)
    ] or [FaceRecord(**place, **_empty_fields(origin))]


def _face_fields(found: FaceEmotion, origin: Origin, size: tuple[int, int]) -> dict[str, Any]:
    box, points = found.face.box, found.face.landmarks
    affect = expected_affect(origin.labels, found.smoothed)
    # The lens is not known: one of 53 degrees.
    angles = None if points is None else head_angles(points, float(max(size)))
    flat = [None] * len(_POINTS) if points is None else points.reshape(-1).tolist()
    return {
        "track": found.track_id,
        "x": box.x, "y": box.y, "width": box.width, "height": box.height,
        "points": dict(zip(_POINTS, flat)),
        "detection": found.face.score, "quality": found.quality,
        "label": found.label, "confidence": found.confidence,
        "raw": _by_class("raw", origin, found.probabilities.tolist()),
        "smoothed": _by_class("smoothed", origin, found.smoothed.tolist()),
        "prediction_age": found.prediction_age_ms / 1000,
        "valence": affect.valence, "arousal": affect.arousal,
        "yaw": angles and angles.yaw, "pitch": angles and angles.pitch,
        "roll": angles and angles.roll,
        "network_sha256": origin.model_digest,
    }  # fmt: skip


def _empty_fields(origin: Origin) -> dict[str, Any]:
    nothing = [None] * len(origin.labels)
    filled: dict[str, Any] = {
        "points": dict.fromkeys(_POINTS),
        "raw": _by_class("raw", origin, nothing),
        "smoothed": _by_class("smoothed", origin, nothing),
        "network_sha256": origin.model_digest,
    }
    given = {"source", "frame", "time", *filled}
    names = (field.name for field in dataclasses.fields(FaceRecord))
    return {**{name: None for name in names if name not in given}, **filled}


def _by_class(kind: str, origin: Origin, values: Sequence[float | None]) -> dict[str, float | None]:
    return {f"{kind}_{label}": value for label, value in zip(origin.labels, values)}


def columns_page(text: str) -> str:
    """Return docs/results.md with the list of columns that this module has."""
    rows = ["| column | type | |", "|---|---|---|"]
    for column in columns(("<class>",)):
        rows.append(f"| `{column.name}` | {column.kind.__name__} | {column.about} |")
    begin, end = (text.index(mark) for mark in _MARKS)
    return text[: begin + len(_MARKS[0])] + "\n".join(rows) + "\n" + text[end:]


if __name__ == "__main__":
    page = PACKAGE.parent / "docs" / "results.md"
    page.write_text(columns_page(page.read_text(encoding="utf-8")), encoding="utf-8")
