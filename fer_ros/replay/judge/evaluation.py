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

"""Evaluation of results against labels: collected frame by frame, scored at the end.

Only sums are kept, for each span of the labels and for each bin of the calibration, so memory
does not grow with the length of a recording.
"""

from __future__ import annotations

import heapq
import statistics
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.cut_out import cut_out
from fer_ros.perception.emotions import UNCERTAIN
from fer_ros.perception.types import FaceEmotion, FrameResult, Image
from fer_ros.replay.judge import scores
from fer_ros.replay.judge.basis import rests_on
from fer_ros.replay.judge.intervals import intervals
from fer_ros.replay.judge.matching import Matches, match
from fer_ros.replay.judge.spans import Spans
from fer_ros.replay.read.label_names import IGNORE
from fer_ros.replay.read.labels import LabelSet
from fer_ros.replay.results import (
    EvaluationRecord,
    Headline,
    LabelCounts,
    MistakeRow,
    Onsets,
    SpanRow,
)
from fer_ros.runtime.recording_clocks import Moment

_SECOND = 1e9

WORST_MISTAKES = 24
"""How many mistakes are kept for the report, at most one per span and predicted label."""


@dataclass
class SpanScore:
    """Predictions over one labelled span."""

    answers: NDArray[np.int64]
    """How often each class, and at the end "uncertain", was the published label."""
    single: NDArray[np.int64]
    """How often each class was the most probable in a single frame."""
    probabilities: NDArray[np.float64]
    """Sum over the frames."""
    frames: int = 0
    detected: int = 0
    track_switches: int = 0
    """How often the face's track id changed."""
    label_changes: int = 0
    """How often the published label changed, though the truth did not."""
    seconds: float = 0.0
    """Time between consecutive detections, summed; pauses of the camera are left out."""
    first_correct_ns: int | None = None
    track_id: str = ""
    label: str = ""
    seen: Moment | None = None


@dataclass(order=True)
class Mistake:
    """A confident wrong prediction."""

    confidence: float
    order: int
    span: int = field(compare=False)
    truth: str = field(compare=False)
    answer: str = field(compare=False)
    topic: str = field(compare=False)
    moment: Moment = field(compare=False)
    track_id: str = field(compare=False)
    crop: Image | None = field(compare=False, default=None)

    def row(self) -> MistakeRow:
        """Return it as results hold it."""
        return MistakeRow(
            self.truth,
            self.answer,
            self.confidence,
            self.topic,
            self.moment.stamp_ns,
            self.track_id,
        )


class Evaluation:
    """Compares results with labels."""

    def __init__(self, labels: LabelSet, classes: tuple[str, ...], with_crops: bool) -> None:
        """Start empty.

        Args:
            labels: The truth.
            classes: Classes of the network.
            with_crops: Whether to keep small pictures of the worst mistakes.
        """
        self.labels = labels
        self.classes = classes
        self.spans: dict[int, SpanScore] = {}
        self.calibration = scores.Calibration()
        self.counts: Counter[str] = Counter()
        self._with_crops = with_crops
        self._contradiction = ""
        """The first two labels of one face that contradict each other."""
        self._worst: list[Mistake] = []
        self._positions = {name: index for index, name in enumerate((*classes, UNCERTAIN))}

    def add(self, result: FrameResult, moment: Moment) -> Matches:
        """Add one processed frame.

        Args:
            result: What the pipeline found.
            moment: When the image belongs.
        """
        active = self.labels.active(result.frame.topic, moment)
        matches = match(active, result.faces, self._positions.__contains__)
        self.counts["frames_with_label"] += bool(active)
        self.counts["faces_unlabelled"] += len(matches.unlabelled)
        self.counts["faces_ignored"] += len(matches.ignored)
        for label in active:
            self._score(label.span)
        for label in (*matches.undetected, *(label for label, _ in matches.pairs)):
            self._score(label.span).frames += 1
        self._note_contradictions(matches)
        for label, found in matches.pairs:
            truth = self._positions.get(label.label)
            if truth is None:
                self.counts["frames_not_a_class"] += 1
            else:
                self._add_pair(label.span, truth, found, result, moment)
        return matches

    def _note_contradictions(self, matches: Matches) -> None:
        for one, other in matches.contradicting:
            spans = self.labels.spans[one.span], self.labels.spans[other.span]
            self.counts["contradictions"] += 1
            self._contradiction = self._contradiction or (
                f"{spans[0].source} says {spans[0].label}, {spans[1].source} {spans[1].label}"
            )

    def warnings(self) -> list[str]:
        """Return what is wrong with the labels."""
        count = self.counts["contradictions"]
        if not count:
            return []
        return [
            f"labels of the same face contradict each other in {count} images, in which it is not "
            f"scored: {self._contradiction}"
        ]

    def _score(self, span: int) -> SpanScore:
        if span not in self.spans:
            count = len(self.classes)
            self.spans[span] = SpanScore(
                np.zeros(count + 1, np.int64), np.zeros(count, np.int64), np.zeros(count)
            )
        return self.spans[span]

    def _add_pair(
        self, span: int, truth: int, found: FaceEmotion, result: FrameResult, moment: Moment
    ) -> None:
        score = self._score(span)
        best = int(found.probabilities.argmax())
        score.answers[self._positions[found.label]] += 1
        score.single[best] += 1
        score.probabilities += found.probabilities
        self.calibration.add(float(found.probabilities[best]), best == truth)
        if score.seen is not None and moment.part == score.seen.part:  # else as in a loop
            score.track_switches += found.track_id != score.track_id
            score.label_changes += found.label != score.label
            score.seconds += (moment.filmed_ns - score.seen.filmed_ns) / _SECOND
        score.detected += 1
        score.track_id, score.label, score.seen = found.track_id, found.label, moment
        right = found.label == self.classes[truth]
        if right and score.first_correct_ns is None:
            score.first_correct_ns = self.labels.spans[span].when(moment)
        elif not right and found.label != UNCERTAIN:
            self._keep_mistake(span, truth, found, result, moment)

    def _keep_mistake(
        self, span: int, truth: int, found: FaceEmotion, result: FrameResult, moment: Moment
    ) -> None:
        self.counts["mistakes"] += 1
        for index, known in enumerate(self._worst):
            if known.span == span and known.answer == found.label:
                if found.confidence <= known.confidence:
                    return
                del self._worst[index]
                heapq.heapify(self._worst)
                break
        if len(self._worst) == WORST_MISTAKES and found.confidence <= self._worst[0].confidence:
            return
        mistake = Mistake(
            confidence=found.confidence,
            order=-self.counts["mistakes"],
            span=span,
            truth=self.classes[truth],
            answer=found.label,
            topic=result.frame.topic,
            moment=moment,
            track_id=found.track_id,
            crop=cut_out(result.frame.image, found.face.box) if self._with_crops else None,
        )
        heapq.heappush(self._worst, mistake)
        if len(self._worst) > WORST_MISTAKES:
            heapq.heappop(self._worst)

    @property
    def worst_mistakes(self) -> list[Mistake]:
        """The most confident wrong predictions, the worst first."""
        return sorted(self._worst, reverse=True)

    def headline(self) -> Headline:
        """Return the measures that criteria usually name; None where there are no labels."""
        frame = self._matrix(single=False)
        frames = sum(s.frames for _, s in self._scored())
        detected = sum(s.detected for _, s in self._scored())
        minutes = sum(s.seconds for _, s in self._scored()) / 60
        onset = self._times_to_correct()
        return Headline(
            accuracy=scores.accuracy(frame),
            balanced_accuracy=scores.balanced_accuracy(frame),
            macro_f1=scores.macro_f1(frame),
            ece=self.calibration.error(),
            detection_rate=detected / frames if frames else None,
            track_switches_per_min=self._per_minute("track_switches", minutes),
            label_flicker_per_min=self._per_minute("label_changes", minutes),
            time_to_correct_s=statistics.median(onset) if onset else None,
        )

    def record(self, messages_damaged: int) -> EvaluationRecord:
        """Return everything about the labels.

        Args:
            messages_damaged: Label messages that could not be decoded.
        """
        onset = self._times_to_correct()
        seen = [score for _, score in self._scored() if score.detected]
        rows = [self._span_row(index, score) for index, score in self._scored()]
        return EvaluationRecord(
            frame=scores.summary(self._matrix(single=False), self.classes),
            frame_single=scores.summary(self._matrix(single=True), self.classes),
            interval_majority=scores.summary(self._interval_matrix(_majority), self.classes),
            interval_mean=scores.summary(self._interval_matrix(_mean), self.classes),
            calibration=self.calibration.record(),
            onsets=Onsets(
                count=len(seen),
                never_correct=sum(1 for score in seen if score.first_correct_ns is None),
                median_s=statistics.median(onset) if onset else None,
                max_s=max(onset) if onset else None,
            ),
            labels=self._label_counts(),
            spans=rows,
            rests_on=rests_on(rows),
            intervals=intervals(Spans.of(rows, self.classes, self.classes)),
            label_messages_damaged=messages_damaged,
        )

    def _label_counts(self) -> LabelCounts:
        spans = self.labels.spans
        known = [i for i, span in enumerate(spans) if span.label in self._positions]
        unknown = [s for s in spans if s.label not in self._positions and s.label != IGNORE]
        scored = dict(self._scored())
        undetected = [i for i in known if i in scored and not scored[i].detected]
        return LabelCounts(
            spans=len(spans),
            spans_scored=sum(1 for _, score in self._scored() if score.detected),
            spans_ignore=sum(1 for span in spans if span.label == IGNORE),
            spans_not_a_class=len(unknown),
            spans_without_frame=sum(1 for index in range(len(spans)) if index not in self.spans),
            spans_never_detected=len(undetected),
            rows_blank=self.labels.blank_rows,
            frames_with_label=self.counts["frames_with_label"],
            frames_undetected=sum(s.frames - s.detected for _, s in self._scored()),
            frames_not_a_class=self.counts["frames_not_a_class"],
            faces_unlabelled=self.counts["faces_unlabelled"],
            faces_ignored=self.counts["faces_ignored"],
        )

    def _span_row(self, index: int, score: SpanScore) -> SpanRow:
        span = self.labels.spans[index]
        return SpanRow(
            label=span.label,
            topic=span.topic,
            track_id=span.track_id,
            start_ns=span.start_ns,
            end_ns=span.end_ns,
            box=(box.x, box.y, box.width, box.height) if (box := span.box) else None,
            source=span.source,
            frames=score.frames,
            detected=score.detected,
            answers=score.answers.tolist(),
            single=score.single.tolist(),
            majority=_named(_majority(score), self.classes),
            mean=_named(_mean(score), self.classes),
            first_correct_ns=score.first_correct_ns,
            track_switches=score.track_switches,
            label_changes=score.label_changes,
            seconds=score.seconds,
        )

    def _scored(self) -> list[tuple[int, SpanScore]]:
        """Return the spans that counted in a frame and whose label is a class, by index."""
        return [
            (index, score)
            for index, score in sorted(self.spans.items())
            if score.frames and self.labels.spans[index].label in self._positions
        ]

    def _matrix(self, single: bool) -> scores.Matrix:
        matrix = np.zeros((len(self.classes), len(self.classes) + 1), np.int64)
        for index, score in self._scored():
            truth = self._positions[self.labels.spans[index].label]
            matrix[truth] += np.append(score.single, 0) if single else score.answers
        return matrix

    def _interval_matrix(self, prediction: Callable[[SpanScore], int | None]) -> scores.Matrix:
        matrix = np.zeros((len(self.classes), len(self.classes) + 1), np.int64)
        for index, score in self._scored():
            named = prediction(score)
            if named is not None:
                matrix[self._positions[self.labels.spans[index].label], named] += 1
        return matrix

    def _times_to_correct(self) -> list[float]:
        return [
            max(score.first_correct_ns - self.labels.spans[index].start_ns, 0) / _SECOND
            for index, score in self._scored()
            if score.first_correct_ns is not None
        ]

    def _per_minute(self, what: str, minutes: float) -> float | None:
        total = sum(getattr(score, what) for _, score in self._scored())
        return float(total / minutes) if minutes > 0 else None


def _majority(score: SpanScore) -> int | None:
    """Return the class published most often, "uncertain" when never any; None when undetected."""
    if not score.detected:
        return None
    named = score.answers[:-1]
    return int(named.argmax()) if named.any() else len(named)


def _mean(score: SpanScore) -> int | None:
    """Return the class with the largest mean probability; None when undetected."""
    return int(score.probabilities.argmax()) if score.detected else None


def _named(index: int | None, classes: tuple[str, ...]) -> str | None:
    return None if index is None else (*classes, UNCERTAIN)[index]
