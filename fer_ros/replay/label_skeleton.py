"""A label file to fill in: one row per track, with small pictures to tell who it is."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fer_ros.node.assembly import assemble
from fer_ros.node.engine import Drop, FrameEngine
from fer_ros.node.parameters import Settings
from fer_ros.perception.types import FrameResult, Image
from fer_ros.replay.errors import ReplayError
from fer_ros.replay.judge.cameras import CameraRecord
from fer_ros.replay.judge.evaluation import face_picture
from fer_ros.replay.judge.tracks import TrackRecord, Tracks
from fer_ros.replay.playback import Progress
from fer_ros.replay.read.label_files import COLUMNS
from fer_ros.replay.read.source import image_topics
from fer_ros.replay.write.folder import locked, whole_folder
from fer_ros.transport.bag import BagReader

LABELS, THUMBNAILS = "labels.csv", "thumbnails"

_PICTURES = 8
"""Small pictures per track, spread over its time."""

_SIDE = 96


@dataclass
class _Strip:
    """Pictures of one track at even distances, whatever its length turns out to be."""

    pictures: list[Image] = field(default_factory=list)
    every: int = 1
    seen: int = 0

    def add(self, image: Image, found: Any) -> None:
        self.seen += 1
        if (self.seen - 1) % self.every:
            return
        picture = face_picture(image, found)
        if picture is None:
            return
        small = cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
        if small.ndim == 2:
            small = cv2.cvtColor(small, cv2.COLOR_GRAY2BGR)
        self.pictures.append(np.asarray(small, np.uint8))
        if len(self.pictures) > _PICTURES:
            self.pictures = self.pictures[::2]
            self.every *= 2


def write_skeleton(
    bag: Path,
    out: Path,
    topics: tuple[str, ...],
    parameters: Mapping[str, Any],
    shortest: float,
    progress: Progress,
    replace: bool = False,
) -> int:
    """Find the tracks of a recording and write a label file with one row for each.

    Args:
        bag: The recording.
        out: Folder to write: ``labels.csv`` and ``thumbnails/``. It holds pictures of faces.
        topics: Camera topics; empty for all that hold images.
        parameters: Parameters that differ from their defaults.
        shortest: Tracks shorter than this are left out [s].
        progress: Told now and then how far it is.
        replace: Whether an existing folder is replaced.

    Returns:
        The number of rows.

    Raises:
        ReplayError: There are no images, or the folder cannot be written.
        BagError: The recording cannot be read.
    """
    if bag.resolve() in out.resolve().parents:
        raise ReplayError(f"{out} lies inside the recording; pictures of faces must not go there")
    reader = BagReader(bag)
    cameras = {name: CameraRecord(kind) for name, kind in image_topics(reader, topics).items()}
    strips: dict[str, _Strip] = {}
    rows: list[list[str]] = []
    with locked(out.resolve()), whole_folder(out.resolve(), replace) as folder:
        thumbnails = folder / THUMBNAILS
        thumbnails.mkdir()

        def finished(track: TrackRecord) -> None:
            strip = strips.pop(track.track_id)
            if (track.end_ns - track.start_ns) / 1e9 < shortest or not strip.pictures:
                return
            picture = f"{track.track_id}.jpg"
            cv2.imwrite(str(thumbnails / picture), np.hstack(strip.pictures))
            rows.append(_row(track, cameras[track.topic], f"{THUMBNAILS}/{picture}"))

        tracks = Tracks(finished)
        for result, time_ns in _results(reader, cameras, parameters, progress):
            for found in result.faces:
                strip = strips.setdefault(found.track_id, _Strip())
                strip.add(result.frame.image, found)
            tracks.add(result, time_ns)
        tracks.finish()
        with (folder / LABELS).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            rows.sort(key=lambda row: Decimal(row[0]))
            writer.writerows(rows)
    return len(rows)


def _row(track: TrackRecord, camera: CameraRecord, picture: str) -> list[str]:
    """Return a row without a label; a track ends when its last frame's time is over."""
    end_ns = track.end_ns + round((camera.period_ms or 0.0) * 1e6) + 1
    hull = track.hull
    box = [f"{value:.0f}" for value in (hull.x, hull.y, hull.width, hull.height)]
    times = [f"{Decimal(ns) / 1_000_000_000:.9f}" for ns in (track.start_ns, end_ns)]
    return [*times, track.topic, *box, "", track.track_id, picture, ""]


def _results(
    reader: BagReader,
    cameras: dict[str, CameraRecord],
    parameters: Mapping[str, Any],
    progress: Progress,
) -> Iterator[tuple[FrameResult, int]]:
    """Yield (result, time) of every readable image."""
    settings = Settings().with_values(parameters)
    engine = FrameEngine(assemble(settings).pipeline.process, settings.max_image_pixels)
    total, first_ns = reader.count(cameras), None
    for index, message in enumerate(reader.messages(cameras)):
        first_ns = first_ns or message.time_ns
        progress(index + 1, total, (message.time_ns - first_ns) / 1e9)
        camera = cameras[message.topic]
        image = engine.read(message.topic, message.data, camera.compressed, message.time_ns)
        if isinstance(image, Drop):
            continue  # a replay counts them; here only faces matter
        (outcome,) = engine.answer([image])
        if isinstance(outcome, Drop):
            continue
        camera.note_stamp(image.received.stamp_ns)
        yield outcome, image.received.stamp_ns or message.time_ns
