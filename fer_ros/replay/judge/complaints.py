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

"""Warnings about a replay's input that limit its results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fer_ros.perception.timing import CLOCK_REMEDY
from fer_ros.replay.read.label_names import IGNORE
from fer_ros.replay.read.labels import LabelSet
from fer_ros.replay.results import EvaluationRecord, LabelCounts, RecordingFacts

LONGEST_S = 7 * 86400.0
"""No recording is longer: its images do not lie as far apart as their times say [s]."""


@dataclass(frozen=True)
class TimeRange:
    """The first and the last time of a recording [ns]."""

    start_ns: int
    end_ns: int

    def including(self, time_ns: int) -> TimeRange:
        """Return the range with one more time."""
        return TimeRange(min(self.start_ns, time_ns), max(self.end_ns, time_ns))

    @property
    def seconds(self) -> float:
        """Its length [s]."""
        return max(self.end_ns - self.start_ns, 0) / 1e9


def complaints(
    recording: RecordingFacts,
    evaluation: EvaluationRecord,
    labels: LabelSet,
    classes: Sequence[str],
    tracks: int,
    images: TimeRange,
) -> list[str]:
    """Return what is wrong with a replay's input or weakens its results.

    Args:
        recording: What was recorded.
        evaluation: What was compared with labels.
        labels: All labels.
        classes: Classes of the network.
        tracks: How many faces were followed.
        images: Their time.
    """
    found = _about_frames(recording)
    if recording.answered and not tracks:
        found.append("no face was found in any image")
    if evaluation.label_messages_damaged:
        found.append(f"{evaluation.label_messages_damaged} label messages could not be decoded")
    return found + _about_labels(evaluation.labels, labels, classes, images)


def _about_frames(recording: RecordingFacts) -> list[str]:
    found = []
    if recording.frames < recording.promised:
        found.append(f"only {recording.frames} of {recording.promised} images could be read")
    if recording.messages_lost:
        found.append(f"the recorder counted {recording.messages_lost} lost messages")
    reasons: Counter[str] = Counter()
    for camera in recording.cameras.values():
        reasons.update(camera.errors)
    why = f": {reasons.most_common(1)[0][0]}" if reasons else ""
    lost = recording.no_key_frame + recording.undecodable + recording.failed
    if recording.frames and not recording.answered:
        why = why or (
            ": the live node has no result" if recording.unanswered else ": all were too old"
        )
        found.append(f"none of {recording.frames} images could be processed{why}")
    elif lost:
        found.append(f"{lost} of {recording.frames} images could not be processed{why}")
    if recording.seconds > LONGEST_S:
        found.append(
            f"the images lie {recording.seconds / 86400:.0f} days apart, longer than anybody "
            f"records: a clock was set meanwhile, that of the recorder too; {CLOCK_REMEDY}"
        )
    unstamped = sum(camera.stamps.zero for camera in recording.cameras.values())
    if unstamped:
        found.append(f"{unstamped} images have no stamp; the time of recording was used")
    return found


def _about_labels(
    counts: LabelCounts, labels: LabelSet, classes: Sequence[str], images: TimeRange
) -> list[str]:
    found = []
    if counts.rows_blank:
        found.append(f"{counts.rows_blank} rows of the label files have no label yet")
    if counts.spans_not_a_class:
        others = {span.label for span in labels.spans} - {IGNORE} - {*classes}
        found.append(
            f"{counts.spans_not_a_class} labelled spans are no class of this network: "
            f"{', '.join(sorted(others))}"
        )
    if counts.spans and counts.spans_without_frame == counts.spans:
        start = images.start_ns / 1e9
        found.append(
            f"none of {counts.spans} labelled spans holds at any image: the images run from "
            f"{start:.3f} to {images.end_ns / 1e9:.3f} s; times after the first image are written "
            f"with a plus sign, +0 to +{images.seconds:.3f}"
        )
    elif counts.spans_without_frame:
        found.append(
            f"{counts.spans_without_frame} of {counts.spans} labelled spans hold at no image"
        )
    known = counts.spans - counts.spans_ignore - counts.spans_not_a_class
    if known and not counts.spans_scored and counts.frames_undetected:
        found.append("no labelled face was found, so nothing was scored")
    return found
