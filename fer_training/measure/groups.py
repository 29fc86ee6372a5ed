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

"""Differences of detection, uncertainty and labels between groups of people, with intervals.

The faces carry no true expression, so that accuracy by group cannot be measured.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from fer_ros.perception.alignment import crop_for
from fer_ros.perception.classification import EmotionClassifier
from fer_ros.perception.detection import FaceDetector
from fer_ros.perception.emotions import HAPPY, UNCERTAIN
from fer_ros.perception.types import Face, Image
from fer_ros.sources.scene import background
from fer_training.data.base import DatasetError
from fer_training.data.groups import AGES, ORIGINS, SEXES, Chip, band

SIDES = (48, 96)
"""Of the face, as three fifths of the chip [pixels]; labels come from the last."""
FACE_SHARE = 0.6
WIDTH, HEIGHT = 320, 240
_Z = 1.959964


@dataclass(frozen=True)
class Share:
    """Of a group, with Wilson's 95 % interval; shares in 0..1."""

    count: int
    rows: int

    @property
    def value(self) -> float:
        """The share; 0 of no rows."""
        return self.count / self.rows if self.rows else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval; 0 to 1 of no rows."""
        if not self.rows:
            return 0.0, 1.0
        n, p = self.rows, self.value
        middle = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n * n))
        return max(middle - half, 0.0), min(middle + half, 1.0)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{100 * self.value:.1f} ({100 * low:.1f}-{100 * high:.1f})"


@dataclass(frozen=True)
class Seen:
    """Detection and prediction of one chip."""

    chip: Chip
    found: tuple[bool, ...]
    """Whether the detector found it, by :data:`SIDES`."""
    label: str | None
    """Of the face at the last side, ``uncertain`` among them; None where it was not found."""


@dataclass(frozen=True)
class Group:
    """One line of the table."""

    kind: str
    """``all``, ``age``, ``sex`` or ``origin``."""
    name: str
    rows: int
    found: dict[str, Share]
    """By side [pixels]."""
    uncertain: Share
    """Of the faces found at the last side."""
    labels: dict[str, Share]
    """Of the faces named."""


@dataclass(frozen=True)
class Smiles:
    """The label ``happy`` on smiling faces and on others."""

    happy: Share
    """Of smiling faces."""
    happy_others: Share
    """Of faces that do not smile."""
    uncertain: Share
    """Of smiling faces."""
    uncertain_others: Share
    ranked: float
    """Chance that a smiling face has the greater probability of ``happy``: the area under the
    receiver operating characteristic."""


@dataclass
class GroupsRecord:
    """All that ``fer-train groups`` measures."""

    network: str
    detector: str
    threshold: float
    chips: int
    seed: int
    groups: list[Group] = field(default_factory=list)
    smiles: Smiles | None = None
    command: str = ""


def sample(chips: Sequence[Chip], count: int, seed: int) -> list[Chip]:
    """Draw about ``count`` chips, alike many of every age, sex and origin where there are."""
    rng = np.random.default_rng(seed)
    cells: dict[tuple[str, str, str], list[Chip]] = {}
    for chip in chips:
        cells.setdefault((chip.age, chip.sex, chip.origin), []).append(chip)
    each = max(1, count // len(cells))
    drawn: list[Chip] = []
    for _, own in sorted(cells.items()):
        drawn += [own[i] for i in rng.permutation(len(own))[:each]]
    return drawn


def look(
    chips: Sequence[Chip], finder: FaceDetector, classifier: EmotionClassifier
) -> Iterator[Seen]:
    """Yield what is found and named of every chip, put into a scene at each side.

    Raises:
        DatasetError: A file is no readable picture.
    """
    for chip in chips:
        data = np.fromfile(chip.path, np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
        if picture is None:
            raise DatasetError(f"{chip.path} is no readable picture; replace or remove it")
        scenes = [_scene(np.asarray(picture, np.uint8), side) for side in SIDES]
        faces = [_middle(finder.detect(scene)) for scene in scenes]
        label = None if faces[-1] is None else _label(classifier, scenes[-1], faces[-1])
        yield Seen(chip, tuple(face is not None for face in faces), label)


def _scene(picture: Image, side: int) -> Image:
    """Return a scene with the chip in its middle."""
    size = round(side / FACE_SHARE)
    small = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    scene = background(WIDTH, HEIGHT).copy()
    top, left = (HEIGHT - size) // 2, (WIDTH - size) // 2
    scene[top : top + size, left : left + size] = small
    return scene


def _middle(faces: Sequence[Face]) -> Face | None:
    """Return the most confident face whose box holds the scene's middle."""
    for face in faces:
        box = face.box
        if 0 < WIDTH / 2 - box.x < box.width and 0 < HEIGHT / 2 - box.y < box.height:
            return face
    return None


def _label(classifier: EmotionClassifier, scene: Image, face: Face) -> str:
    crops = []
    for network in classifier.networks:
        about = network.metadata
        crops.append([crop_for(scene, face, about.crop, about.input)])
    row = classifier.classify(crops)[0]
    best = int(row.argmax())
    return classifier.labels[best] if row[best] >= classifier.uncertain_threshold else UNCERTAIN


def table(seen: Sequence[Seen], labels: Sequence[str]) -> list[Group]:
    """Return a line of all, then one of each age, sex and origin that occurs."""
    groups = [_group("all", "all", seen, labels)]
    ages = [band(first) for first, _ in AGES]
    for kind, names in (("age", ages), ("sex", SEXES), ("origin", ORIGINS)):
        for name in names:
            own = [one for one in seen if getattr(one.chip, kind) == name]
            if own:
                groups.append(_group(kind, name, own, labels))
    return groups


def _group(kind: str, name: str, seen: Sequence[Seen], labels: Sequence[str]) -> Group:
    named = Counter(one.label for one in seen if one.label is not None)
    found, uncertain = sum(named.values()), named[UNCERTAIN]
    return Group(
        kind=kind,
        name=name,
        rows=len(seen),
        found={
            str(side): Share(sum(one.found[i] for one in seen), len(seen))
            for i, side in enumerate(SIDES)
        },
        uncertain=Share(uncertain, found),
        labels={label: Share(named[label], found - uncertain) for label in labels},
    )


def smiles(
    classifier: EmotionClassifier, smiling: Sequence[Path], others: Sequence[Path]
) -> Smiles:
    """Measure ``happy`` on grey crops of faces, used as they are.

    Raises:
        DatasetError: A file is no readable image.
    """
    from fer_training.data.crops import read_image

    happy = classifier.labels.index(HAPPY)
    scores = []
    for paths in (smiling, others):
        crops = [
            [
                read_image(path, (net.metadata.input.width, net.metadata.input.height))
                for path in paths
            ]
            for net in classifier.networks
        ]
        scores.append(classifier.classify(crops))
    named = [own.max(1) >= classifier.uncertain_threshold for own in scores]
    hits = [
        int(((own.argmax(1) == happy) & sure).sum())
        for own, sure in zip(scores, named, strict=True)
    ]
    ranks = np.concatenate([own[:, happy] for own in scores]).argsort().argsort()
    n, m = len(smiling), len(others)
    area = (ranks[:n].sum() - n * (n - 1) / 2) / (n * m)
    return Smiles(
        Share(hits[0], n),
        Share(hits[1], m),
        Share(int((~named[0]).sum()), n),
        Share(int((~named[1]).sum()), m),
        float(area),
    )


def markdown(record: GroupsRecord) -> str:
    """Return the tables; shares in per cent with their interval."""
    labels = list(record.groups[0].labels)
    heads = [*(f"found at {side} px" for side in SIDES), "uncertain", *labels]
    lines = [
        f"| group | faces | {' | '.join(heads)} |",
        "|---" * (2 + len(heads)) + "|",
    ]
    for group in record.groups:
        cells = [*group.found.values(), group.uncertain, *group.labels.values()]
        name = group.name if group.kind == "all" else f"{group.kind}: {group.name}"
        lines.append(f"| {name} | {group.rows:,} | {' | '.join(map(str, cells))} |")
    if record.smiles is not None:
        own = record.smiles
        lines += [
            "",
            "| faces | labelled happy | uncertain |",
            "|---|---|---|",
            f"| smiling, {own.happy.rows:,} | {own.happy} | {own.uncertain} |",
            f"| others, {own.happy_others.rows:,} | {own.happy_others} | {own.uncertain_others} |",
            "",
            "A smiling face has the greater probability of `happy` in "
            f"{100 * own.ranked:.1f} % of all pairs.",
        ]
    return "\n".join(lines)
