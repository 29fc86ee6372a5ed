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

"""The detector's training fields: photos, faces put into them, disturbances, what is hard."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from synthetic_photos import drawn_face, write_cache, write_photos

from fer_training.commands import cli
from fer_training.data.base import DatasetError
from fer_training.detector import crops, photos
from fer_training.detector.clutter import draw, print_lines
from fer_training.detector.compose import Composer, Field, Mixture
from fer_training.detector.disturb import disturb, put_mask
from fer_training.detector.hard import FILE, Hard
from fer_training.detector.single_faces import blur, disturb_faces, hold_before
from fer_training.detector.training import Plan, train


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cache(tmp_path_factory.mktemp("cache"))


def test_people_confirm_the_teacher_and_doubt_bears_no_loss(tmp_path: Path) -> None:
    path = write_photos(tmp_path / "a.npz", [0.95, 0.72, 0.55])
    data = dict(np.load(path))
    del data["truth"], data["truth_offset"]
    doubted = [photos.merged(data, i)[:, 14].tolist() for i in range(4)]
    assert doubted == [[1.0], [pytest.approx(0.9)], [-1.0], []]
    assert [photos.merged(dict(np.load(path)), i)[0, 14] for i in range(3)] == [1.0] * 3


def test_a_source_can_be_left_out(tmp_path: Path) -> None:
    path = write_photos(tmp_path / "a.npz", [0.95])
    assert photos.build([path], tmp_path / "all") == 2
    with pytest.raises(DatasetError, match="no photo is left"):
        photos.build([path], tmp_path / "none", without=[14])


def test_fields_depend_on_the_generator_alone_and_boxes_lie_on_faces(cache: Path) -> None:
    composer = Composer(photos.Photos(cache), crops.Crops.load(cache / "crops.npz"))
    one = composer.field(128, np.random.default_rng(3))
    other = composer.field(128, np.random.default_rng(3))
    assert (one.image == other.image).all()
    assert one.boxes == other.boxes
    seen = 0
    rng = np.random.default_rng(0)
    for _ in range(40):
        made = composer.field(128, rng)
        assert made.image.shape == (128, 128)
        for (x, y, w, h), points, weight in zip(made.boxes, made.points, made.weight, strict=True):
            if weight > 0 and min(w, h) > 30 and np.isfinite(points).all():
                inside = (abs(points - (x, y)) < (0.75 * w, 0.75 * h)).all()
                assert inside
                seen += 1
        assert disturb(made, rng).dtype == np.uint8
    assert seen > 10


def test_tilted_landmarks_stay_on_the_eyes(cache: Path) -> None:
    """The drawn eyes are the darkest things near; they must be where the landmarks say."""
    composer = Composer(photos.Photos(cache), crops.Crops.load(cache / "crops.npz"))
    rng, dark = np.random.default_rng(5), []
    for _ in range(60):
        made = composer.field(160, rng)
        for (_, _, w, _), points, weight in zip(made.boxes, made.points, made.weight, strict=True):
            for x, y in np.rint(points[:2]).astype(int):
                if weight > 0 and w > 40 and 2 <= x < 158 and 2 <= y < 158:
                    dark.append(made.image[y, x] < 110)
    assert len(dark) > 20
    assert np.mean(dark) > 0.9


def test_candidates_in_everyday_photos_must_be_surer(tmp_path: Path) -> None:
    data = dict(np.load(write_photos(tmp_path / "a.npz", [0.95, 0.72])))
    del data["truth"], data["truth_offset"]
    data["source"][:] = 1
    assert [photos.merged(data, i)[0, 14] for i in range(2)] == [1.0, -1.0]


def test_a_box_inside_another_is_the_same_face(tmp_path: Path) -> None:
    data = dict(np.load(write_photos(tmp_path / "a.npz", [0.95])))
    del data["truth"], data["truth_offset"]
    inner = data["faces1024"][0].copy()
    inner[:4] = (50, 40, 30, 30)
    inner[14] = 0.8
    data["faces1024"][0] = inner
    assert len(photos.merged(data, 0)) == 1


def test_faces_too_small_to_be_read_are_unknown(tmp_path: Path) -> None:
    path = write_photos(tmp_path / "a.npz", [0.95])
    data = dict(np.load(path))
    for key in ("faces", "faces320", "faces1024", "truth"):
        data[key][0, :4] = (40, 30, 9, 11)
    np.savez(path, **data)
    photos.build([path], tmp_path)
    kept = photos.Photos(tmp_path)
    assert kept.faces == 1
    assert len(kept.certain) == 0


def test_a_mask_covers_mouth_and_nose_and_leaves_the_eyes() -> None:
    points = np.array([(70, 80), (130, 80), (100, 115), (75, 145), (125, 145)], np.float32)
    for seed in range(12):
        image = np.full((200, 200), 128, np.uint8)
        image[:, ::2] = 96
        before = image.copy()
        put_mask(image, points, np.random.default_rng(seed))
        changed = image != before
        for x, y in np.rint(points[2:]).astype(int):
            assert changed[y - 2 : y + 3, x - 2 : x + 3].mean() > 0.7
        for x, y in np.rint(points[:2]).astype(int):
            assert not changed[y - 4 : y + 5, x - 4 : x + 5].any()


def test_signs_are_drawn_beside_faces_only() -> None:
    drawn = 0
    for seed in range(30):
        image = np.full((160, 160), 90, np.uint8)
        draw(image, [(80.0, 80.0, 60.0, 60.0)], np.random.default_rng(seed))
        assert (image[50:110, 50:110] == 90).all()
        drawn += int((image != 90).any())
    assert drawn > 10


def test_print_stands_beside_faces_only() -> None:
    drawn = 0
    for seed in range(30):
        image = np.full((160, 160), 90, np.uint8)
        print_lines(image, [(80.0, 80.0, 60.0, 60.0)], np.random.default_rng(seed))
        assert (image[50:110, 50:110] == 90).all()
        drawn += int((image != 90).any())
    assert drawn > 10


def test_a_face_out_of_focus_has_a_sharp_ground() -> None:
    image = np.random.default_rng(9).integers(0, 256, (200, 200), np.uint8)
    for seed in range(8):
        blurred = image.copy()
        blur(blurred, (100.0, 100.0, 60.0, 70.0), np.random.default_rng(seed))
        assert blurred[70:130, 75:125].std() < 0.7 * image.std()
        assert (blurred[:25] == image[:25]).all()
        assert (blurred[:, :35] == image[:, :35]).all()


def test_things_held_before_a_face_hide_a_part_of_it() -> None:
    image = np.full((200, 200), 128, np.uint8)
    hidden = []
    for seed in range(20):
        covered = image.copy()
        hold_before(covered, (100.0, 100.0, 60.0, 70.0), np.random.default_rng(seed))
        hidden.append(float((covered[65:135, 70:130] != 128).mean()))
    assert 0.1 < np.mean(hidden) < 0.8
    assert min(hidden) > 0.0


def test_single_faces_are_left_alone_without_a_share_of_them(cache: Path) -> None:
    composer = Composer(photos.Photos(cache), crops.Crops.load(cache / "crops.npz"))
    made = composer.field(128, np.random.default_rng(3))
    before, rng = made.image.copy(), np.random.default_rng(0)
    disturb_faces(made, Mixture(), rng)
    assert (made.image == before).all()
    assert rng.random() == np.random.default_rng(0).random()


def test_a_face_swallowed_by_noise_and_darkness_bears_no_loss() -> None:
    dark = np.full((96, 96), 12, np.uint8)
    dark[30:60, 30:60] = np.maximum(cv2.resize(drawn_face(), (30, 30)) // 20, 1)
    unknown = 0
    for seed in range(20):
        made = Field(dark.copy(), [(45.0, 45.0, 30.0, 30.0)], [np.full((5, 2), np.nan)], [1.0])
        disturb(made, np.random.default_rng(seed))
        unknown += made.weight[0] == -1
    assert unknown >= 15


def test_a_crowd_is_not_shown_once_for_each_of_its_faces(cache: Path, tmp_path: Path) -> None:
    index = dict(np.load(cache / "photos.npz"))
    crowd = np.repeat(index["faces"][:1], 400, axis=0)
    index["faces"] = np.concatenate([crowd, index["faces"]])
    index["face_offset"][1:] += len(crowd)
    np.savez(tmp_path / "photos.npz", **index)
    (tmp_path / "photos.bin").symlink_to(cache / "photos.bin")
    found = photos.Photos(tmp_path)
    composer = Composer(found, crops.Crops.load(cache / "crops.npz"))
    rng = np.random.default_rng(2)
    shown = [found.certain[composer._faces.pick(rng)][0] for _ in range(600)]
    others = len(set(found.certain[:, 0].tolist())) - 1
    assert shown.count(0) / 600 == pytest.approx(4 / (4 + others), abs=0.06)


def test_what_is_mined_is_shown_more_often(cache: Path, tmp_path: Path) -> None:
    material = photos.Photos(cache), crops.Crops.load(cache / "crops.npz")
    weights = np.full(material[0].faces, 1e-6, np.float32)
    weights[0] = 1.0
    one = np.zeros(1, np.int64)
    box = np.array([[120, 100, 40, 40]], np.float32)
    Hard(weights, one, box, np.ones(1, np.float32)).save(tmp_path / FILE)
    found = Hard.load(tmp_path / FILE)
    faces_only = Composer(*material, Mixture(photo=1.0, drawn=0.0), found)
    rng = np.random.default_rng(1)
    assert {int(material[0].certain[faces_only._faces.pick(rng)][1]) for _ in range(20)} == {0}
    mistakes = Composer(*material, Mixture(photo=0, pasted=0, mistaken=1, drawn=0), found)
    assert sum(len(mistakes.field(96, rng).boxes) > 0 for _ in range(30)) > 10


def test_mining_writes_what_training_takes(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, sides = tmp_path / "run", ((64, 2, 1.0),)
    network = train(Plan(cache, run, steps=1, cool_from=9, sides=sides))
    for last in network.last_layers():
        torch.nn.init.constant_(last.bias[:1], 3.0)
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    torch.save(state | {"averaged": network.state_dict()}, run / "checkpoint.pt")
    assert cli.main(["detector", "mine", str(run), "--data", str(cache)]) == 0
    assert "things taken for faces" in capsys.readouterr().out
    found = Hard.load(run / FILE)
    assert len(found.weights) == photos.Photos(cache).faces
    assert len(found.false_box) > 0
    train(Plan(cache, run, steps=2, cool_from=9, sides=sides))
