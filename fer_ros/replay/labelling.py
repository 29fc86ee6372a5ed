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

"""A label file to fill in: one row per expression that the pipeline sees, with small pictures.

The pipeline's labels are not written down: it selects the places, and a person who has not seen a
prediction labels independently.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fer_ros.node.parameters import Settings
from fer_ros.perception.images import encode_jpeg
from fer_ros.perception.types import Box, FrameResult, Image
from fer_ros.replay.display_text import folder_name, shown
from fer_ros.replay.errors import ReplayError
from fer_ros.replay.judge.cameras import CameraRecord
from fer_ros.replay.judge.stretches import SIDE, FaceStretch, Stretches, Strip
from fer_ros.replay.playback import Progress
from fer_ros.replay.read.label_files import COLUMNS
from fer_ros.replay.read.source import image_topics
from fer_ros.replay.write import label_page
from fer_ros.replay.write.folder import locked, whole_folder
from fer_ros.replay.write.label_page import LabelRow
from fer_ros.runtime.assembly import Assembly, assemble
from fer_ros.runtime.engine import Drop, FrameEngine
from fer_ros.runtime.recording_clocks import RecordingClocks, recorded_ns
from fer_ros.transport.bag import BagReader

LABELS, THUMBNAILS, PAGE = "labels.csv", "thumbnails", "label.html"

_REMEDY = "--overwrite to replace it"
_BAND = 13
"""Height of the time in a picture [pixels]."""


@dataclass(frozen=True)
class LabelJob:
    """Arguments of :func:`write_label_file`."""

    bag: Path
    out: Path
    """Folder to write: ``labels.csv`` and ``thumbnails/``. It holds pictures of faces."""
    topics: tuple[str, ...] = ()
    """Camera topics; empty for all that hold images."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Parameters that differ from their defaults."""
    shortest: float = 0.5
    """Shorter tracks are left out, and shorter changes split nothing [s]."""
    split: bool = True
    """Whether a track has a row for each expression, or one row."""
    page: bool = False
    """Whether to write a page to label in."""
    replace: bool = False
    """Whether an existing folder is replaced."""


@dataclass(frozen=True)
class LabelResult:
    """Summary of a label file."""

    rows: int
    tracks: int
    warnings: tuple[str, ...]


def write_label_file(job: LabelJob, progress: Progress) -> LabelResult:
    """Find the faces of a recording and write a label file with a row for each expression.

    Args:
        job: What to do.
        progress: Called now and then with the progress.

    Raises:
        ReplayError: There are no images, or the folder cannot be written.
        BagError: The recording cannot be read.
    """
    bag, out = job.bag.resolve(), job.out.resolve()
    if bag == out or bag in out.parents:
        raise ReplayError(f"{out} lies inside the recording; pictures of faces must not go there")
    if out in bag.parents and job.replace:
        raise ReplayError(f"{out} holds the recording and would replace it; name another --out")
    reader = BagReader(bag)
    chosen = image_topics(reader, job.topics)
    cameras = {name: CameraRecord(kind) for name, kind in chosen.types.items()}
    with locked(out), whole_folder(out, job.replace, _REMEDY) as folder:
        (folder / THUMBNAILS).mkdir()
        writer, clocks = _Rows(folder, cameras, job.shortest), RecordingClocks()
        stretches = Stretches(writer.add, job.shortest, job.split)
        settings = Settings().with_values(job.parameters)
        assembly = assemble(settings)
        dropped = 0
        for outcome in _outcomes(reader, cameras, clocks, settings, assembly, progress):
            if isinstance(outcome, Drop):
                dropped += 1
            else:
                result, time_ns = outcome
                writer.begin(time_ns)
                stretches.add(result, time_ns)
        stretches.finish()
        rows = writer.rows(relative=clocks.stepped)
        _write_csv(folder / LABELS, rows)
        if job.page:
            page = label_page.render(
                shown(bag.name), folder_name(bag), rows, assembly.origin.labels
            )
            (folder / PAGE).write_text(page, encoding="utf-8")
    unread = [f"{dropped} images could not be read"] if dropped else []
    odd = clocks.warnings(writer.origin_ns)
    warnings = (*reader.warnings, *chosen.warnings, *odd, *unread)
    return LabelResult(len(rows), len({row.track for row in rows}), warnings)


class _Rows:
    """Turns stretches into rows, and their pictures into files."""

    def __init__(self, folder: Path, cameras: Mapping[str, CameraRecord], shortest: float) -> None:
        self._folder, self._cameras, self._shortest = folder, cameras, shortest
        self._origin_ns: int | None = None
        self._found: list[tuple[FaceStretch, str, tuple[bytes, ...]]] = []
        self._of_track: Counter[str] = Counter()

    def begin(self, time_ns: int) -> None:
        """Note the time of the first image, which pictures count from."""
        if self._origin_ns is None:
            self._origin_ns = time_ns

    def add(self, stretch: FaceStretch) -> None:
        if stretch.seconds < self._shortest or not stretch.strip.pictures:
            return
        self._of_track[stretch.track_id] += 1
        number = self._of_track[stretch.track_id]
        name = f"{stretch.track_id}{'' if number == 1 else f'-{number}'}.jpg"
        tiles = _tiles(stretch.strip, self.origin_ns)
        (self._folder / THUMBNAILS / name).write_bytes(encode_jpeg(np.hstack(tiles)))
        stretch.strip = Strip()
        self._found.append((stretch, f"{THUMBNAILS}/{name}", tuple(map(encode_jpeg, tiles))))

    @property
    def origin_ns(self) -> int:
        """Time of the first image."""
        return self._origin_ns or 0

    def rows(self, relative: bool) -> list[LabelRow]:
        """Return the rows in the order of time; one ends where the next of its track begins.

        Args:
            relative: Whether times count from the first image: stamps are no measure where a clock
                has stepped.
        """
        self._found.sort(key=lambda entry: (entry[0].start_ns, entry[0].track_id))
        begin_of_next: dict[str, int] = {}
        ends: list[int] = []
        for stretch, _, _ in reversed(self._found):
            # The last image of a track lasts until the next one would have come.
            period = round((self._cameras[stretch.topic].period_ms or 0.0) * 1e6) + 1
            end = stretch.end_ns + period
            ends.append(min(end, begin_of_next.get(stretch.track_id, end)))
            begin_of_next[stretch.track_id] = stretch.start_ns
        return [
            LabelRow(
                start_ns=stretch.start_ns,
                end_ns=end,
                origin_ns=self.origin_ns,
                relative=relative,
                topic=stretch.topic,
                box=_box(stretch.hull),
                track=stretch.track_id,
                thumbnail=name,
                jpegs=jpegs,
            )
            for (stretch, name, jpegs), end in zip(self._found, reversed(ends))
        ]


def _box(box: Box) -> tuple[str, ...]:
    return tuple(f"{value:.0f}" for value in (box.x, box.y, box.width, box.height))


def _tiles(strip: Strip, origin_ns: int) -> list[Image]:
    """Return the pictures of a strip, each with its time after the first image."""
    tiles = []
    for thumbnail in strip.pictures:
        tile = thumbnail.picture.copy()
        tile[SIDE - _BAND :] = tile[SIDE - _BAND :] // 4
        text = f"+{(thumbnail.time_ns - origin_ns) / 1e9:.2f} s"
        cv2.putText(
            tile, text, (3, SIDE - 3), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (255, 255, 255), 1,
            cv2.LINE_AA,
        )  # fmt: skip
        tiles.append(tile)
    return tiles


def _write_csv(path: Path, rows: list[LabelRow]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(row.columns() for row in rows)


def _outcomes(
    reader: BagReader,
    cameras: dict[str, CameraRecord],
    clocks: RecordingClocks,
    settings: Settings,
    assembly: Assembly,
    progress: Progress,
) -> Iterator[tuple[FrameResult, int] | Drop]:
    """Yield (result, time) of every image, or why there is none."""
    engine = FrameEngine(
        assembly.pipeline.process,
        settings.max_image_pixels,
        rotations=settings.rotations(cameras),
        clocks=clocks.of,
    )
    total, first_ns = reader.count(cameras), None
    for index, message in enumerate(clocks.begin(reader.messages(cameras))):
        first_ns = message.time_ns if first_ns is None else first_ns
        progress(index + 1, total, (message.time_ns - first_ns) / 1e9)
        camera = cameras[message.topic]
        clocks.meet(message)
        image = engine.read(message.topic, message.data, message.type_name, recorded_ns(message))
        if isinstance(image, Drop):
            yield image
            continue
        (outcome,) = engine.process([image])
        if isinstance(outcome, Drop):
            yield outcome
            continue
        moment, breaks = clocks.moment(image), clocks.of[message.topic].breaks
        camera.note_stamp(image.received.stamp_ns, moment.time_ns, breaks)
        yield outcome, moment.time_ns
