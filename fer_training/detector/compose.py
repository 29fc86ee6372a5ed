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

"""Square training fields: photos brought to any size and tilt, faces put into photos, no faces."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_training.detector.clutter import draw, print_lines
from fer_training.detector.crops import Crops
from fer_training.detector.hard import Hard
from fer_training.detector.photos import Photo, Photos

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
Rng = np.random.Generator

_CROWD = 4.0
"""Most that the faces of one photo weigh together: any field of a crowd shows dozens of them."""
_MIRRORED = [1, 0, 2, 4, 3]
_LEAST_VISIBLE = 0.4


@dataclass(frozen=True)
class Mixture:
    """Shares and ranges of the content of fields."""

    photo: float = 0.6
    """Share of fields with a photo around one of its faces."""
    pasted: float = 0.26
    """Share of photos without faces into which crops are put; the rest shows no face."""
    mistaken: float = 0.55
    """Share of the fields without a chosen face that are around a false detection."""
    drawn: float = 0.2
    """Share of fields onto which lettering and signs are drawn beside the faces."""
    smallest: float = 10.0
    """Least side of the face a field is made for [pixels]."""
    largest: float = 0.92
    """Greatest side of it [sides of the field]."""
    enlarged: float = 2.5
    """Most that a photo is enlarged; beyond, faces are blots."""
    ignored: float = 8.5
    """Faces below this side are ignored in the loss [pixels]."""
    tilted: float = 0.36
    """Share of fields with a tilt up to `tilt` either way; the others tilt by some 7 degrees."""
    tilt: float = 55.0
    """[degrees]."""
    squeezed: float = 0.35
    """Share of faces shown narrower or wider, as heads are that turn."""
    whole: float = 0.15
    """Share of the fields around a face that show the whole photo, as a camera would."""
    zoomed_out: float = 1 / 0.7
    """Most that a field takes in then [longest sides of the photo]."""
    printed: float = 0.0
    """Share of fields with lines of print of 8 to 24 pixels beside the faces."""
    blurred: float = 0.0
    """Share of faces out of focus or moving before a ground that is not."""
    held_before: float = 0.0
    """Share of faces behind a hand, a cup, a phone or a microphone."""


@dataclass
class Field:
    """A field and its faces, in its pixels."""

    image: Image
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    """Middle x, y, width, height."""
    points: list[Floats] = field(default_factory=list)
    """(5, 2) each."""
    weight: list[float] = field(default_factory=list)


_NARROWEST, _WIDEST = 0.65, 1.2
"""Width of squeezed faces, of their own."""

_View = tuple[NDArray[np.floating], float, float, NDArray[np.floating]]
"""A photo's point, scale, tilt [degrees], and where the point goes."""


class _Lot:
    """Draws numbers by weight."""

    def __init__(self, weights: NDArray[np.float64]) -> None:
        self._sums = np.cumsum(weights)

    def __len__(self) -> int:
        return len(self._sums)

    def pick(self, rng: Rng) -> int:
        at = rng.random() * self._sums[-1]
        return min(int(np.searchsorted(self._sums, at, side="right")), len(self._sums) - 1)


def _bounded(weights: Floats, photo: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return weights (N,) of which those in one photo, (N,), are lowered to a sum of `_CROWD`."""
    values = weights.astype(np.float64)
    return values / np.maximum(np.bincount(photo, values)[photo] / _CROWD, 1.0)


class Composer:
    """Makes fields without end; what it makes depends on the generator alone."""

    def __init__(
        self,
        photos: Photos,
        crops: Crops,
        mixture: Mixture | None = None,
        hard: Hard | None = None,
    ) -> None:
        """Take the material; without `hard` every face is shown alike."""
        self._photos, self._crops = photos, crops
        self._mixture = mixture or Mixture()
        self._hard = hard
        weights = hard.weights if hard else np.ones(photos.faces)
        owner, rows = photos.certain.T
        self._faces = _Lot(_bounded(weights[rows], owner))
        self._mistakes = (
            _Lot(_bounded(hard.false_score, hard.false_photo)) if hard else _Lot(np.zeros(0))
        )

    def field(self, side: int, rng: Rng) -> Field:
        """Return one square field of a side, without disturbances of the light."""
        sort = rng.random()
        if sort < self._mixture.photo:
            made = self._around_a_face(side, rng)
        else:
            made = self._without_a_chosen_face(side, rng)
            if sort < self._mixture.photo + self._mixture.pasted:
                self._put_crops(made, rng)
        if rng.random() < self._mixture.drawn:
            draw(made.image, made.boxes, rng)
        if self._mixture.printed and rng.random() < self._mixture.printed:
            print_lines(made.image, made.boxes, rng)
        self._drop_unseen(made)
        return made

    def _angle(self, rng: Rng) -> float:
        if rng.random() < self._mixture.tilted:
            return float(rng.uniform(-self._mixture.tilt, self._mixture.tilt))
        return float(rng.normal(0, 7))

    def _across(self, rng: Rng) -> float:
        """Factor of the width; negative: mirrored."""
        width = 1.0
        if rng.random() < self._mixture.squeezed:
            width = float(rng.uniform(_NARROWEST, _WIDEST))
        return width if rng.random() < 0.5 else -width

    def _target(self, side: int, rng: Rng) -> float:
        """Side of a face, drawn even on a logarithmic scale [pixels]."""
        low, high = math.log(self._mixture.smallest), math.log(self._mixture.largest * side)
        return math.exp(rng.uniform(low, high))

    def _without_a_chosen_face(self, side: int, rng: Rng) -> Field:
        """A place without faces, or one around a mistake, with the faces beside it."""
        if not len(self._mistakes) or rng.random() >= self._mixture.mistaken:
            return Field(self._empty_place(side, rng))
        assert self._hard is not None
        k = self._mistakes.pick(rng)
        photo = self._photos[int(self._hard.false_photo[k])]
        middle, scale, at = self._aimed(self._hard.false_box[k], self._mixture.enlarged, side, rng)
        return self._placed(photo, (middle, scale, self._angle(rng), at), side, rng)

    def _aimed(
        self, box: NDArray[np.float32], most: float, side: int, rng: Rng
    ) -> tuple[NDArray[np.float64], float, NDArray[np.float64]]:
        """Return the middle of a thing (x, y, w, h), its scale, at most `most`, and its place."""
        x, y, w, h = box
        scale = min(self._target(side, rng) / math.sqrt(w * h), most)
        return np.array([x + w / 2, y + h / 2]), scale, rng.uniform(0.2, 0.8, 2) * side

    def _around_a_face(self, side: int, rng: Rng) -> Field:
        i, row = self._photos.certain[self._faces.pick(rng)]
        photo = self._photos[int(i)]
        face = photo.faces[row - self._photos.first_face(int(i))]
        size = math.sqrt(face[2] * face[3])
        scale = self._target(side, rng) / size
        if rng.random() < self._mixture.whole:
            least = 1 / self._mixture.zoomed_out
            scale = side / max(photo.image.shape) * rng.uniform(least, 1.1)
        scale = min(scale, self._mixture.enlarged)
        at = rng.uniform(0.12, 0.88, 2) * side
        if size * scale > 0.5 * side:
            at = np.clip(rng.normal(0.5, 0.1, 2), 0.2, 0.8) * side
        middle = face[:2] + face[2:4] / 2
        return self._placed(photo, (middle, scale, self._angle(rng), at), side, rng)

    def _placed(self, photo: Photo, view: _View, side: int, rng: Rng) -> Field:
        """A photo and all its faces under a view."""
        matrix = _placing(*view, self._across(rng))
        whole = Field(_warp(photo.image, matrix, side, self._surrounding(photo, side, rng), rng))
        for other in photo.faces:
            _carry(whole, other, matrix)
        return whole

    def _surrounding(self, photo: Photo, side: int, rng: Rng) -> Image:
        """What shows beyond the photo's rim: often another place, since a head crop needs one."""
        if photo.source == 0 or rng.random() < 0.6:
            return self._empty_place(side, rng)
        return np.full((side, side), rng.integers(0, 256) if rng.random() < 0.5 else 0, np.uint8)

    def _empty_place(self, side: int, rng: Rng) -> Image:
        """A part of a photo without faces, at times around what the teacher took for one."""
        hard = rng.random() < 0.2
        choices = self._photos.with_false if hard else self._photos.empty
        photo = self._photos[int(choices[rng.integers(len(choices))])]
        height, width = photo.image.shape
        across, angle = rng.choice([-1.0, 1.0]), self._angle(rng) * 0.6
        if len(photo.false_faces) and hard:
            chosen = photo.false_faces[rng.integers(len(photo.false_faces))]
            middle, scale, at = self._aimed(chosen, 6.0, side, rng)
        else:
            covering = side / min(height, width)
            scale = covering * math.exp(rng.uniform(-0.3, 1.3))
            scale = min(scale, 4.0)
            margin = np.minimum(side / 2 / scale / np.array([width, height]), 0.5)
            middle = rng.uniform(margin, 1 - margin) * (width, height)
            at = np.array([side / 2, side / 2])
        matrix = _placing(middle, scale, angle, at, across)
        return _warp(photo.image, matrix, side, None, rng)

    def _put_crops(self, made: Field, rng: Rng) -> None:
        side = made.image.shape[0]
        for _ in range(1 + rng.binomial(5, 0.3)):
            size = self._target(side, rng) / 0.93
            for _ in range(6):
                at = rng.uniform(0.08, 0.92, 2) * side
                if size > 0.5 * side:
                    at = np.clip(rng.normal(0.5, 0.1, 2), 0.2, 0.8) * side
                if all(
                    math.hypot(at[0] - x, at[1] - y) > 0.75 * (size + max(w, h))
                    for x, y, w, h in made.boxes
                ):
                    self._put_crop(made, float(size), at, rng)
                    break

    def _put_crop(self, made: Field, size: float, at: NDArray[np.float64], rng: Rng) -> None:
        row = int(rng.integers(len(self._crops.images)))
        crop = self._crops.images[row]
        side = crop.shape[0]
        scale = size / side
        middle = np.array([(side - 1) / 2] * 2)
        matrix = _placing(middle, scale, self._angle(rng), at, self._across(rng))
        if scale < 0.6:
            smaller = max(round(side * scale), 4)
            crop = np.asarray(cv2.resize(crop, (smaller, smaller), interpolation=cv2.INTER_AREA))
            matrix = matrix @ _resized(side / smaller)
        if rng.random() < 0.5:
            crop = _lit_as(crop, made.image, at, size, rng)
        mask = _mask(crop.shape[0], rng)
        field_side = made.image.shape[0]
        low = np.clip(np.floor(at - 0.75 * size).astype(int), 0, field_side - 1)
        high = np.clip(np.ceil(at + 0.75 * size).astype(int) + 1, low + 1, field_side)
        shift = matrix[:2].copy()
        shift[:, 2] -= low
        extent = (int(high[0] - low[0]), int(high[1] - low[1]))
        smooth = cv2.INTER_CUBIC if scale > 1 and rng.random() < 0.7 else cv2.INTER_LINEAR
        face = cv2.warpAffine(
            crop, shift, extent, flags=smooth, borderMode=cv2.BORDER_REPLICATE
        ).astype(np.float32)
        cover = cv2.warpAffine(mask, shift, extent, flags=cv2.INTER_LINEAR)
        place = made.image[low[1] : high[1], low[0] : high[0]]
        place[:] = np.rint(place + cover * (face - place)).astype(np.uint8)
        box, points = self._crops.boxes[row], self._crops.points[row]
        full = matrix if scale >= 0.6 else matrix @ _resized(crop.shape[0] / side)
        known = np.concatenate([box[:2] - box[2:] / 2, box[2:], points.ravel()]) * side - 0.5
        known[2:4] += 0.5
        _carry(made, np.append(known, 1.0).astype(np.float32), full)

    def _drop_unseen(self, made: Field) -> None:
        """Mark what is too small or mostly outside as unknown, and drop what is wholly outside."""
        side = made.image.shape[0]
        kept = []
        for i, (x, y, w, h) in enumerate(made.boxes):
            wide = min(x + w / 2, side) - max(x - w / 2, 0)
            high = min(y + h / 2, side) - max(y - h / 2, 0)
            if wide <= 0 or high <= 0:
                continue
            kept.append(i)
            inside = 0 < x < side and 0 < y < side
            if wide * high < _LEAST_VISIBLE * w * h or not inside:
                made.weight[i] = -1
            if math.sqrt(w * h) < self._mixture.ignored:
                made.weight[i] = -1
        made.boxes = [made.boxes[i] for i in kept]
        made.points = [made.points[i] for i in kept]
        made.weight = [made.weight[i] for i in kept]


def _placing(
    middle: NDArray[np.floating],
    scale: float,
    angle: float,
    at: NDArray[np.floating],
    across: float = 1.0,
) -> NDArray[np.float64]:
    """Return the 3x3 map that brings `middle` to `at`, scaled, tilted [degrees].

    Before the tilt the width is scaled by `across` more; negative mirrors.
    """
    turn = math.radians(angle)
    cosine, sine = math.cos(turn) * scale, math.sin(turn) * scale
    matrix = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1.0]])
    matrix[:, 0] *= across
    matrix[:2, 2] = at - matrix[:2, :2] @ middle
    return matrix


def _resized(factor: float) -> NDArray[np.float64]:
    """Return the map from pixels of a resized image to those of the original."""
    shift = (factor - 1) / 2
    return np.array([[factor, 0, shift], [0, factor, shift], [0, 0, 1.0]])


def _warp(
    image: Image, matrix: NDArray[np.float64], side: int, onto: Image | None, rng: Rng
) -> Image:
    """Return the image under the map; beyond its rim `onto`, or a repetition of the rim."""
    scale = math.sqrt(abs(np.linalg.det(matrix[:2, :2])))
    if scale < 0.6:
        height, width = image.shape
        small = (max(round(width * scale * 1.3), 2), max(round(height * scale * 1.3), 2))
        mapped = matrix @ np.diag([width / small[0], height / small[1], 1.0])
        image = np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), np.uint8)
        matrix = mapped
    flags = cv2.INTER_CUBIC if scale > 1.5 and rng.random() < 0.5 else cv2.INTER_LINEAR
    if onto is None:
        border = cv2.BORDER_REFLECT_101
        return np.asarray(
            cv2.warpAffine(image, matrix[:2], (side, side), flags=flags, borderMode=border)
        )
    warped = cv2.warpAffine(
        image, matrix[:2], (side, side), dst=onto, flags=flags, borderMode=cv2.BORDER_TRANSPARENT
    )
    return np.asarray(warped)


def _carry(made: Field, face: Floats, matrix: NDArray[np.float64]) -> None:
    """Add a face (x, y, width, height, landmarks, weight) under a map; tilted boxes get wider."""
    x, y, w, h = (float(number) for number in face[:4])
    middle = matrix[:2, :2] @ (x + w / 2, y + h / 2) + matrix[:2, 2]
    across = matrix[:2, :2] @ np.diag([w, h])
    width, height = np.sqrt(np.square(across).sum(1))
    points = face[4:14].reshape(5, 2) @ matrix[:2, :2].T + matrix[:2, 2]
    if np.linalg.det(matrix[:2, :2]) < 0:
        points = points[_MIRRORED]
    made.boxes.append((float(middle[0]), float(middle[1]), float(width), float(height)))
    made.points.append(points.astype(np.float32))
    made.weight.append(float(face[14]))


def _lit_as(crop: Image, scene: Image, at: NDArray[np.floating], size: float, rng: Rng) -> Image:
    """Bring a crop's mean and contrast part of the way to those of the place it goes to."""
    low = np.clip((at - size / 2).astype(int), 0, scene.shape[0] - 2)
    high = np.clip((at + size / 2).astype(int), low + 2, scene.shape[0])
    place = scene[low[1] : high[1], low[0] : high[0]]
    part = rng.uniform(0.2, 0.8)
    mean, spread = crop.mean(), crop.std() + 1.0
    wanted = mean + part * (place.mean() - mean)
    gain = 1 + part * (float(np.clip((place.std() + 8) / spread, 0.4, 1.4)) - 1)
    table = (np.arange(256) - mean) * gain + wanted
    return np.asarray(cv2.LUT(crop, np.clip(table, 0, 255).astype(np.uint8)))


def _mask(side: int, rng: Rng) -> Floats:
    """How much a crop covers: a hard square, a soft one, or a soft ellipse; (side, side), 0..1."""
    kind = rng.random()
    if kind < 0.35:
        return np.ones((side, side), np.float32)
    y, x = np.mgrid[:side, :side].astype(np.float32) / (side - 1) * 2 - 1
    if kind < 0.55:
        distance = np.maximum(abs(x), abs(y))
    else:
        distance = np.sqrt(np.square(x / 0.95) + np.square(y / 1.05))
    soft = rng.uniform(0.05, 0.35)
    return np.asarray(np.clip((1.0 - distance) / soft, 0, 1), np.float32)
