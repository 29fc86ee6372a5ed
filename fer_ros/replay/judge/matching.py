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

"""Matching of labels and detected faces in one image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fer_ros.perception.types import FaceEmotion
from fer_ros.replay.read.label_names import IGNORE
from fer_ros.replay.read.labels import ActiveLabel

MIN_IOU = 0.3
"""Least overlap of a labelled and a found box; tools draw boxes of rather different sizes, so
a found face whose centre lies in the labelled box counts as well."""


SAME_IOU = 0.6
"""Overlap from which two labelled boxes are about one face."""


@dataclass(frozen=True)
class Matches:
    """Matches of the labels and the faces of one image."""

    pairs: list[tuple[ActiveLabel, FaceEmotion]]
    undetected: list[ActiveLabel]
    """Labels, other than "ignore", whose face was not found."""
    unlabelled: list[FaceEmotion]
    """Faces that no label is about."""
    ignored: list[FaceEmotion]
    """Faces that are not scored, those with contradicting labels among them."""
    contradicting: list[tuple[ActiveLabel, ActiveLabel]]
    """Labels that say different things of one face; neither is scored."""

    def truths(self) -> dict[int, str]:
        """Return the true labels, "ignore" included, by the ``id`` of the face."""
        truths = {id(face): label.label for label, face in self.pairs}
        return truths | {id(face): IGNORE for face in self.ignored}


def match(
    labels: Sequence[ActiveLabel],
    faces: Sequence[FaceEmotion],
    is_class: Callable[[str], bool] = lambda _: True,
) -> Matches:
    """Join labels and faces one to one.

    A label with a track id, or a box, takes the face with that id, or the one that overlaps the
    box most; with both, the id only decides between faces that fit the box. A label with neither
    takes the largest face that is left. Each "ignore" takes all faces that fit it and are left.

    Several labels can be about one face: written twice, or overlapping where one ends and the
    next begins. Equal ones count once; where they differ, the face is not scored.

    Args:
        labels: Those that hold for the image.
        faces: What was found in it.
        is_class: Whether a label is a class of the network; one that is not contradicts nothing.
    """
    scored = [label for label in labels if label.label != IGNORE]
    scored.sort(key=lambda label: not is_class(label.label))
    scored, contradicting = _one_a_face(scored)
    pairs = _pair(scored, faces)
    taken = {face for _, face in pairs}
    for index, label in enumerate(scored):
        if label.box is None and not label.track_id and len(taken) < len(faces):
            free = [f for f in range(len(faces)) if f not in taken]
            largest = max(free, key=lambda f: faces[f].face.box.area)
            pairs.append((index, largest))
            taken.add(largest)
    undetected: list[ActiveLabel] = []
    for index, label in enumerate(scored):
        if all(index != i for i, _ in pairs):
            # It may name in another way, such as by a box, a face that another one names by track.
            other = next((i for i, f in pairs if _about(label, scored[i], faces[f])), None)
            if other is None:
                undetected.append(label)
            elif scored[other].label != label.label:
                contradicting.append((scored[other], label))
    contradicting = [two for two in contradicting if all(is_class(each.label) for each in two)]
    doubtful = {one.span for one, _ in contradicting}
    ignores = [label for label in labels if label.label == IGNORE]
    rest = [face for index, face in enumerate(faces) if index not in taken]
    ignored = [f for f in rest if any(_fit(label, f) is not None for label in ignores)]
    return Matches(
        pairs=[(scored[i], faces[f]) for i, f in sorted(pairs) if scored[i].span not in doubtful],
        undetected=[label for label in undetected if label.span not in doubtful],
        unlabelled=[face for face in rest if not any(face is other for other in ignored)],
        ignored=[*ignored, *(faces[f] for i, f in sorted(pairs) if scored[i].span in doubtful)],
        contradicting=contradicting,
    )


def _one_a_face(
    labels: Sequence[ActiveLabel],
) -> tuple[list[ActiveLabel], list[tuple[ActiveLabel, ActiveLabel]]]:
    """Return one label of each face, and those that contradict one of them."""
    kept: list[ActiveLabel] = []
    contradicting = []
    for label in labels:
        same = next((other for other in kept if _same_face(label, other)), None)
        if same is None:
            kept.append(label)
        elif same.label != label.label:
            contradicting.append((same, label))
    return kept, contradicting


def _same_face(one: ActiveLabel, other: ActiveLabel) -> bool:
    """Return whether two labels name one face in the same way."""
    if one.track_id and other.track_id:
        return one.track_id == other.track_id
    if one.box is not None and other.box is not None:
        return one.box.iou(other.box) >= SAME_IOU
    return not any(label.track_id or label.box for label in (one, other))


def _about(label: ActiveLabel, other: ActiveLabel, found: FaceEmotion) -> bool:
    """Return whether a label can only be about the face that another one has taken."""
    alike = (label.track_id and other.track_id) or (label.box and other.box)
    return not alike and _fit(label, found) is not None


def _pair(labels: Sequence[ActiveLabel], faces: Sequence[FaceEmotion]) -> list[tuple[int, int]]:
    """Return (label, face) of the labels that name a face, the best fits first."""
    fits = sorted(
        (-fit, index, face_index)
        for index, label in enumerate(labels)
        if label.box is not None or label.track_id
        for face_index, face in enumerate(faces)
        if (fit := _fit(label, face)) is not None
    )
    pairs: list[tuple[int, int]] = []
    for _, index, face in fits:
        if all(index != i and face != f for i, f in pairs):
            pairs.append((index, face))
    return pairs


def _fit(label: ActiveLabel, found: FaceEmotion) -> float | None:
    """Return how well a face fits a label, or None where it cannot be the one."""
    same_track = bool(label.track_id) and label.track_id == found.track_id
    if label.box is None:
        return 1.0 if same_track or not label.track_id else None
    box, (x, y) = label.box, found.face.box.center
    overlap = box.iou(found.face.box)
    inside = box.x <= x <= box.x + box.width and box.y <= y <= box.y + box.height
    return overlap + same_track if inside or overlap >= MIN_IOU else None
