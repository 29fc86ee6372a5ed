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

"""Result of one picture or one frame of a video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from fer_ros.perception import annotate
from fer_ros.perception.images import encode_jpeg
from fer_ros.perception.types import FaceEmotion, Image, Origin
from fer_ros.reading.schema import FaceRecord, Value, columns, face_records


@dataclass(frozen=True, eq=False)
class Reading(Sequence[FaceEmotion]):
    """The faces of one frame, a sequence of `FaceEmotion`; a notebook shows it as a picture."""

    faces: tuple[FaceEmotion, ...]
    origin: Origin
    """The networks and detector that were used; ``origin.labels`` names the classes."""
    image: Image = field(repr=False)
    """The frame, uint8, (height, width, 3) BGR or (height, width) grey."""
    source: str = ""
    """Path of the file; empty for arrays."""
    frame: int = 0
    """Number of the frame in its source."""
    time: float | None = None
    """When the frame is shown [s]; None for pictures."""

    @overload
    def __getitem__(self, index: int) -> FaceEmotion: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[FaceEmotion, ...]: ...

    def __getitem__(self, index: int | slice) -> FaceEmotion | tuple[FaceEmotion, ...]:
        return self.faces[index]

    def __len__(self) -> int:
        return len(self.faces)

    def __iter__(self) -> Iterator[FaceEmotion]:
        return iter(self.faces)

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        found = ", ".join(f"{face.label} {face.confidence:.2f}" for face in self.faces)
        place = f"{self.source or 'array'} #{self.frame}"
        moment = "" if self.time is None else f" at {self.time:.3f} s"
        return f"<Reading of {place}{moment}, {width}x{height}: {found or 'no face'}>"

    def records(self) -> list[FaceRecord]:
        """Return the rows of the table of results: one a face, or one without a face."""
        height, width = self.image.shape[:2]
        return face_records(
            self.faces, self.origin, self.source, self.frame, self.time, (width, height)
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the result as numbers and strings: the frame, and one dictionary a face.

        The keys are the columns of docs/results.md.
        """
        rows = [record.to_dict() for record in self.records()]
        common = ("source", "frame", "time", "network_sha256")
        shared: dict[str, Value] = {name: rows[0][name] for name in common}
        faces = [
            {name: value for name, value in row.items() if name not in common}
            for row in rows[: len(self.faces)]
        ]
        return {**shared, "faces": faces}

    def to_pandas(self) -> Any:
        """Return the rows as a pandas.DataFrame; pandas must be installed.

        Numbers are float64, whole ones Int64, with a face or without one, and so they stay where
        the frames of a video are concatenated.

        Raises:
            ImportError: It is not.
        """
        import pandas

        kinds = {float: "float64", int: "Int64"}
        types = {c.name: kinds[c.kind] for c in columns(self.origin.labels) if c.kind in kinds}
        return pandas.DataFrame([record.to_dict() for record in self.records()]).astype(types)

    def annotated(self) -> Image:
        """Return a BGR copy of the frame with the faces drawn in."""
        return annotate.draw(self.image, self.faces)

    def _repr_jpeg_(self) -> bytes:
        """Return the JPEG that a notebook shows."""
        return encode_jpeg(self.annotated(), quality=90)
