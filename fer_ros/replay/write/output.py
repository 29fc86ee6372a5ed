"""The folder a replay writes: beside its final place, and renamed when everything is there."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from fer_ros.perception import annotate
from fer_ros.perception.images import encode_jpeg
from fer_ros.perception.types import STAGES, FaceEmotion, FrameResult
from fer_ros.replay.errors import ReplayError
from fer_ros.replay.judge.matching import Matches
from fer_ros.replay.judge.tracks import TrackRecord
from fer_ros.replay.read.schedule import Arrival
from fer_ros.transport import messages
from fer_ros.transport.bag import BagError, BagWriter
from fer_ros.transport.base import Qos
from fer_ros.transport.codec import encode
from fer_ros.transport.messages import Status

RESULTS, TRACKS, METRICS = "results.jsonl", "tracks.jsonl", "metrics.json"
LATENCY, VERDICT, RUN = "latency.json", "verdict.json", "run.json"
REPORT, JUNIT, BAG = "report.html", "junit.xml", "bag"

EMOTIONS_TOPIC = "/fer/emotions"
ANNOTATED_TOPIC = "/fer/image_annotated"
DIAGNOSTICS_TOPIC = "/diagnostics"

_PARTIAL = ".partial"


@contextmanager
def whole_folder(target: Path, replace: bool) -> Iterator[Path]:
    """Write a folder that is only there when it is whole.

    Yields a folder beside the target that is renamed at the end, or removed when something
    goes wrong.

    Raises:
        ReplayError: The target exists and is not to be replaced, or cannot be written.
    """
    partial = target.with_name(target.name + _PARTIAL)
    replaced = target.with_name(target.name + ".replaced")
    if target.exists() and not replace:
        raise ReplayError(
            f"{target} exists already; name another --out, or give --resume to keep finished "
            "results or --overwrite to replace them"
        )
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        if target.exists():
            target.rename(replaced)
        partial.rename(target)
        shutil.rmtree(replaced, ignore_errors=True)
    except OSError as error:
        raise ReplayError(f"cannot write {target}: {error}; no partial result was left") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


class Outputs:
    """The results of every frame: lines of JSON, and messages of a recording."""

    def __init__(self, folder: Path, topics: Sequence[str], annotated: bool) -> None:
        """Open the files.

        Args:
            folder: Where they go.
            topics: Cameras.
            annotated: Whether to write images with the faces drawn in.

        Raises:
            BagError: The disk is full.
        """
        self._annotated = annotated
        self._topics = tuple(topics)
        self._bag = BagWriter(folder / BAG)
        self._results: IO[str] = (folder / RESULTS).open("w", encoding="utf-8")
        self._tracks: IO[str] = (folder / TRACKS).open("w", encoding="utf-8")
        self._bag.add_topic(EMOTIONS_TOPIC, messages.EMOTION_ARRAY, Qos(depth=10))
        self._bag.add_topic(DIAGNOSTICS_TOPIC, messages.DIAGNOSTIC_ARRAY, Qos(depth=10))
        if annotated:
            for topic in topics:
                name = self._annotated_topic(topic)
                self._bag.add_topic(name, messages.COMPRESSED_IMAGE, Qos(depth=1))

    def answered(
        self, arrival: Arrival, result: FrameResult, matches: Matches, message: Any
    ) -> None:
        """Write one answered frame.

        Args:
            arrival: The image.
            result: What was found in it.
            matches: What the labels say about it.
            message: Its EmotionArray; the costs in it are left out of the recording, which would
                differ from run to run otherwise, and stand in ``latency.json``.
        """
        height, width = result.frame.image.shape[:2]
        truths = {id(face): label.label for label, face in matches.pairs}
        truths |= {id(face): "ignore" for face in matches.ignored}
        line = _line(arrival, "answered")
        line["width"], line["height"] = width, height
        if math.isfinite(message.age_ms):
            line["age_ms"] = round(message.age_ms, 3)
        line["faces"] = [_face(face, truths.get(id(face))) for face in result.faces]
        if matches.undetected:
            line["undetected"] = [label.label for label in matches.undetected]
        self._write_line(line)
        for stage in STAGES:
            setattr(message, f"{stage}_ms", math.nan)
        self._bag.write(EMOTIONS_TOPIC, arrival.time_ns, encode(message))
        if self._annotated:
            self._write_annotated(arrival, result)

    def dropped(self, arrival: Arrival, cause: str, reason: str = "") -> None:
        """Write one frame that was not answered."""
        line = _line(arrival, cause)
        if reason:
            line["reason"] = reason
        self._write_line(line)

    def unreadable(self, index: int, topic: str, recorded_ns: int, reason: str) -> None:
        """Write one message that is no image at all."""
        self._write_line(
            {
                "index": index, "topic": topic, "stamp_ns": 0, "recorded_ns": recorded_ns,
                "status": "undecodable", "reason": reason,
            }
        )  # fmt: skip

    def diagnostics(self, time_ns: int, statuses: Sequence[Status]) -> None:
        """Write one DiagnosticArray."""
        data = encode(messages.diagnostic_array(time_ns, statuses))
        self._bag.write(DIAGNOSTICS_TOPIC, time_ns, data)

    def track(self, record: TrackRecord) -> None:
        """Write one finished track."""
        self._tracks.write(json.dumps(record.summary()) + "\n")

    def close(self) -> None:
        """Finish all files.

        Raises:
            BagError: The disk is full.
        """
        self._results.close()
        self._tracks.close()
        self._bag.close()

    def abort(self) -> None:
        """Close the files of a replay that failed; whatever goes wrong now no longer matters."""
        for close in (self._bag.abort, self._results.close, self._tracks.close):
            try:
                close()
            except (OSError, BagError):
                continue

    def _write_line(self, line: dict[str, Any]) -> None:
        self._results.write(json.dumps(line) + "\n")

    def _write_annotated(self, arrival: Arrival, result: FrameResult) -> None:
        picture = annotate.draw(result.frame.image, result.faces)
        frame = result.frame
        message = messages.compressed_image(encode_jpeg(picture), frame.stamp_ns, frame.frame_id)
        self._bag.write(self._annotated_topic(frame.topic), arrival.time_ns, encode(message))

    def _annotated_topic(self, topic: str) -> str:
        own = f"{ANNOTATED_TOPIC}{topic}" if len(self._topics) > 1 else ANNOTATED_TOPIC
        return f"{own.removesuffix('/compressed')}/compressed"


def _line(arrival: Arrival, status: str) -> dict[str, Any]:
    return {
        "index": arrival.index,
        "topic": arrival.topic,
        "stamp_ns": arrival.received.stamp_ns,
        "recorded_ns": arrival.recorded_ns,
        "status": status,
    }


def _face(found: FaceEmotion, truth: str | None) -> dict[str, Any]:
    box = found.face.box
    face: dict[str, Any] = {
        "track_id": found.track_id,
        "box": [round(value, 2) for value in (box.x, box.y, box.width, box.height)],
        "score": round(found.face.score, 4),
        "label": found.label,
        "confidence": round(found.confidence, 6),
        "probabilities": [round(p, 6) for p in found.probabilities.tolist()],
        "smoothed": [round(p, 6) for p in found.smoothed.tolist()],
    }
    if truth is not None:
        face["truth"] = truth
    return face


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file; the same content gives the same bytes."""
    text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
