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

"""Photos gathered from checkouts: what is left out, how it is split, what people's boxes mean."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from synthetic_photos import FACE, write_photos

from fer_ros.sources.scene import background
from fer_training.commands import cli
from fer_training.data.base import DatasetError
from fer_training.detector import gather, kinds, labelled_photos, near_duplicates, photos
from fer_training.detector.repositories import LAYOUTS, layout_of, pictures
from fer_training.detector.sources import SOURCES

WEBCAMS, WEB = SOURCES[30].repository.replace("/", "+"), "Face-Mask-Detection"


def put(checkout: Path, folder: str, name: str, image: np.ndarray, labels: str | None) -> None:
    """Write a picture of a checkout, and what people say of it."""
    place = checkout / folder
    for part in ("images", "labels"):
        (place / part).mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(place / "images" / name), image)
    if labels is not None:
        (place / "labels" / name).with_suffix(".txt").write_text(labels, "utf-8")


def stored(file: Path, count: int) -> list[np.ndarray]:
    with np.load(file) as data:
        packed, offset = data["jpeg"], data["offset"]
    return [cv2.imdecode(packed[offset[i] : offset[i + 1]], cv2.IMREAD_COLOR) for i in range(count)]


def test_a_near_duplicate_of_an_unseen_photo_is_left_out(shared: Path, tmp_path: Path) -> None:
    """Real photos: those of the validation come back smaller, packed anew and darker."""
    validation = shared / "data" / "faces_validation.npz"
    folder = f"{LAYOUTS[0].pictures[0].split('/')[0]}/train"
    checkout = tmp_path / WEBCAMS
    for i, image in enumerate(stored(validation, 3)):
        smaller = cv2.resize(image, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
        put(checkout, folder, f"unseen{i}.jpg", (smaller * 0.9).astype(np.uint8), "")
    others = sorted((shared / "data" / "faces_in_photos").rglob("*.jpg"))[:3]
    for i, file in enumerate(others):
        put(checkout, folder, f"other{i}.jpg", cv2.imread(str(file)), None)
    hashes = shared / "data" / "heldout_hashes.json"
    out = tmp_path / "out.npz"
    tallies = gather.gather(
        gather.Request(
            (checkout,), shared / "models" / "yunet_s_dynamic.onnx", (validation, hashes), out
        )
    )
    tally = tallies[30]
    assert (tally.pictures, tally.unseen) == (3 + len(others), 3)
    with np.load(out) as data:
        assert [Path(name).stem for name in data["name"]] == [f"other{i}" for i in range(3)]
        left = near_duplicates.stacked(
            [near_duplicates.difference_hash(image) for image in stored(out, len(others))]
        )
        assert (data["faces"][:, 14] >= 0.7).sum() > 5
    for file in (validation, hashes):
        gaps = near_duplicates.nearest(left, near_duplicates.excluded(file))
        assert gaps.min() > near_duplicates.NEAR


def test_the_hash_of_a_photo_is_as_stated(shared: Path) -> None:
    """Grey, area-scaled to 17x16, each pixel brighter than its right neighbour: row by row."""
    image = np.tile(np.arange(17, dtype=np.uint8)[::-1] * 10, (16, 1))
    image[3, 5] = image[3, 4]
    bits = near_duplicates.difference_hash(image)
    assert bits.sum() == 255
    assert not bits[3 * 16 + 4]
    hashes = near_duplicates.excluded(shared / "data" / "heldout_hashes.json")
    assert hashes.shape[1] == 256
    assert len(hashes) > 100


def test_photos_linked_by_near_duplicates_are_one_group() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 256)) < 0.5
    chain = [a]
    for k in range(1, 4):
        bits = chain[-1].copy()
        bits[k * 15 : k * 15 + 15] ^= True
        chain.append(bits)
    group = near_duplicates.groups(np.stack([a, b, *chain[1:]]))
    assert group.tolist() == [0, 1, 0, 0, 0]


def test_altered_copies_and_closed_names_are_passed_over(tmp_path: Path) -> None:
    checkout, image = tmp_path / WEB, background(200, 180)
    for name in ("one_jpg.rf." + "0" * 32, "one_jpg.rf." + "1" * 32, "maksssksksss7"):
        put(checkout, "dataset/train", f"{name}.jpg", image, "0 0.5 0.5 0.2 0.4\n2 0.1 0 0.1 0.1\n")
    put(checkout, "dataset/train", "polygon.png", image, "1 0.1 0.1 0.3 0.1 0.3 0.5 0.1 0.5")
    one, polygon = pictures(checkout)
    np.testing.assert_allclose(
        one.boxes, [[0.4, 0.3, 0.2, 0.4], [0.05, -0.05, 0.1, 0.1]], atol=1e-6
    )
    assert one.masked.tolist() == [True, False]
    np.testing.assert_allclose(polygon.boxes, [[0.1, 0.1, 0.2, 0.4]], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "said"), [("other", "checkout of none of"), (WEB, "holds no pictures at")]
)
def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(DatasetError, match=said):
        list(pictures(tmp_path / name))


def test_every_layout_names_a_repository_and_its_terms() -> None:
    for layout in LAYOUTS:
        source = SOURCES[layout.code]
        assert source.terms
        assert layout_of(Path(source.repository.replace("/", "+"))) == layout


def test_a_loose_box_confirms_the_best_candidate_inside_and_hides_what_is_not_seen(
    tmp_path: Path,
) -> None:
    data = dict(np.load(write_photos(tmp_path / "a.npz", [0.45, 0.45, 0.45])))
    x, y, w, h = FACE
    around, beside = (x - 30, y - 20, w + 60, h + 60), (150.0, 20.0, 30.0, 60.0)
    data["truth"] = np.array([around, beside], np.float32)
    data["truth_offset"] = np.array([0, 2, 2, 2, 2])
    data["source"][:] = 31
    assert SOURCES[31].loose
    rows = photos.merged(data, 0)
    np.testing.assert_allclose(rows[:, :4], [FACE, beside])
    assert rows[:, 14].tolist() == [1.0, -1.0]


def test_a_box_of_a_head_makes_no_face_of_what_the_teacher_hardly_sees(tmp_path: Path) -> None:
    """Crowds from behind had taught that small heads are faces."""
    scores = [0.45, 0.6, 0.8]
    data = dict(np.load(write_photos(tmp_path / "a.npz", scores)))
    x, y, w, h = FACE
    around = (x - 30, y - 20, w + 60, h + 60)
    data["truth"] = np.array([around] * 3, np.float32)
    data["truth_offset"] = np.array([0, 1, 2, 3])
    data["source"][:] = 34
    back, *faces = (photos.merged(data, i) for i in range(3))
    np.testing.assert_allclose(back[:, :4], [around])
    assert back[:, 14].tolist() == [-1.0]
    for face in faces:
        np.testing.assert_allclose(face[:, :4], [FACE])
        assert face[:, 14].tolist() == [1.0]


def test_where_nobody_boxed_faces_the_least_candidate_is_doubt(tmp_path: Path) -> None:
    """A face in a mask that the teacher scores .35 must not be learnt as background."""
    data = dict(np.load(write_photos(tmp_path / "a.npz", [0.35, 0.35])))
    data["truth"] = np.array([(150.0, 20.0, 30.0, 60.0)], np.float32)
    data["truth_offset"] = np.array([0, 0, 1, 1])
    assert photos.merged(data, 0)[:, 14].tolist() == [-1.0]
    assert photos.merged(data, 1)[:, :4].tolist() == [[150.0, 20.0, 30.0, 60.0]]


def test_groups_are_split_whole_and_the_same_with_more_photos(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    places = [cv2.resize(rng.integers(0, 256, (6, 8), np.uint8), (320, 240)) for _ in range(40)]
    for i, place in enumerate(places):
        for k in range(2):
            copy = np.clip(place.astype(int) + k, 0, 255).astype(np.uint8)
            name = f"p{i}_{k}.png"
            put(tmp_path / WEBCAMS, "Face-Detection-2/train", name, copy, "0 0.5 0.5 0.2 0.3")
    found = list(pictures(tmp_path / WEBCAMS))
    hashes = [near_duplicates.difference_hash(cv2.imread(str(p.file))) for p in found]
    parts = gather._split(found, near_duplicates.stacked(hashes), True)
    pairs = list(zip(parts[::2], parts[1::2], strict=True))
    assert all(one == other for one, other in pairs)
    assert 3 <= sum(one is True for one, _ in pairs) <= 20
    fewer = gather._split(found[:40], near_duplicates.stacked(hashes[:40]), True)
    assert fewer == parts[:40]


def test_kinds_are_told_by_label_landmarks_and_pixels() -> None:
    image = np.random.default_rng(0).integers(90, 200, (200, 400, 3)).astype(np.uint8)
    image[:, 200:] = cv2.GaussianBlur(image[:, 200:], (0, 0), 8) // 4
    boxes = np.array([[20, 20, 80, 100], [250, 40, 80, 100]], np.float32)
    points = np.array([(40, 60), (80, 60), (78, 80), (50, 100), (75, 100)], np.float32)
    row = np.array([[20, 20, 80, 100, *points.ravel(), 0.2]], np.float32)
    found = kinds.of_photo(image, boxes, np.array([True, False]), {"": row})
    named = [[kind for kind, own in zip(kinds.KINDS, row, strict=True) if own] for row in found]
    assert named == [["masked", "turned"], ["out of focus", "dark"]]


def test_gathered_photos_are_trained_on_and_validated_with(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout = tmp_path / WEBCAMS
    files = sorted((shared / "data" / "faces_in_photos").rglob("*.jpg"))
    for i, file in enumerate(files):
        for k in range(4):  # quarters of real photos, each a group of its own
            image = cv2.imread(str(file))
            middle = image.shape[0] // 2, image.shape[1] // 2
            rows, columns = [
                (slice(m), slice(m, None))[bit] for m, bit in zip(middle, divmod(k, 2))
            ]
            part = image[rows, columns]
            put(checkout, "Face-Detection-2/train", f"{i}_{k}.jpg", part, "0 0.5 0.5 0.1 0.15")
    put(checkout, "Face-Detection-2/train", "nobody.jpg", background(320, 240), "")
    words = ["detector", "gather", str(checkout)]
    words += ["--teacher", str(shared / "models" / "yunet_s_dynamic.onnx")]
    words += ["--unseen", str(shared / "data" / "heldout_hashes.json")]
    out, validation = tmp_path / "out.npz", tmp_path / "second.npz"
    command = [*words, "--out", str(out), "--validation", str(validation)]
    assert cli.main(command) == 0
    assert "SaltyfishQAQQ/ECE342-CV_Model" in capsys.readouterr().out
    count = photos.build([out], tmp_path / "cache")
    assert count > 5
    kept = photos.Photos(tmp_path / "cache")
    assert len(kept.certain) > 10
    shown = list(labelled_photos.load(validation))
    assert 0 < len(shown) < 10
    assert cli.main([*command, "--without", "30"]) == 1
    assert "no photo is left" in capsys.readouterr().err
