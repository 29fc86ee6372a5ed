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

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

import synthetic_faces

from fer_ros.perception import emotions
from fer_training.data import DatasetError, load_dataset, splits
from fer_training.data.tensors import vote_shares

FOLDERS = ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral")


def write_csv(path: Path, rows: list[list[str]], header: str = "emotion,pixels,Usage") -> Path:
    with path.open("w", newline="", encoding="ascii") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)
    return path


def pixels(value: int) -> str:
    return " ".join([str(value)] * 48 * 48)


def picture(path: Path, value: int = 0, size: int = 48) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((size, size), value, np.uint8))


@pytest.fixture(scope="module")
def portrait(shared: Path) -> np.ndarray:
    with np.load(shared / "data" / "jaffe.npz") as archive:
        return archive["images"][0]


def test_official_csv_with_ferplus_votes(tmp_path: Path) -> None:
    write_csv(
        tmp_path / "fer2013.csv",
        [
            ["3", pixels(7), "Training"],
            ["6", pixels(9), "PublicTest"],
            ["0", pixels(7), "PrivateTest"],
        ],
    )
    votes = [["Training", "a.png", *"0900000010"], ["PublicTest", "b.png", *"8000000002"]]
    votes.append(["PrivateTest", "", *"0000000009"])
    write_csv(tmp_path / "fer2013new.csv", votes, "Usage,Image name" + ",x" * 10)
    data = load_dataset("fer2013", tmp_path)
    assert data.labels.tolist() == [3, 6, 0]
    assert data.images.shape == (3, 48, 48)
    assert data.images[:, 0, 0].tolist() == [7, 9, 7]
    assert data.duplicate_groups.tolist() == [0, 1, 0]
    assert data.votes is not None
    shares = vote_shares(data)
    assert shares is not None
    assert shares[0].tolist() == [0, 0, 0, 1, 0, 0, 0]
    assert shares[1, 6] == 1
    assert shares[2].sum() == 0  # not a face


def test_csv_of_the_icml_edition_has_other_column_order(tmp_path: Path) -> None:
    rows = [["2", "Training", pixels(1)], ["4", "PublicTest", pixels(2)]]
    path = write_csv(tmp_path / "icml_face_data.csv", rows, "emotion, Usage, pixels")
    assert load_dataset("fer2013", path).labels.tolist() == [2, 4]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (["3", pixels(7)], "line 3: 2 fields, not 3"),
        (["7", pixels(7), "Training"], "line 3: class code '7' is not 0..6"),
        (["3", "1 2 3", "Training"], "line 3: 3 pixels, not 2304"),
        (["3", pixels(256), "Training"], "line 3: a pixel is outside 0..255"),
        (["3", pixels(7).replace("7", "x", 1), "Training"], "line 3: a pixel is no whole number"),
        (["3", pixels(7), "Test"], "line 3: usage 'Test'"),
    ],
)
def test_bad_csv_rows_are_named(tmp_path: Path, row: list[str], words: str) -> None:
    path = write_csv(tmp_path / "fer2013.csv", [["3", pixels(7), "Training"], row])
    with pytest.raises(DatasetError, match=words):
        load_dataset("fer2013", path)


def test_missing_files_say_where_to_ask(tmp_path: Path) -> None:
    for name, place in (
        ("fer2013", "Kaggle"), ("ckplus", "Pittsburgh"), ("jaffe", "zenodo"), ("kdef", "kdef.se"),
        ("sfew", "anu.edu.au"), ("ferg", "washington.edu"), ("imed", "Universitas Indonesia"),
    ):  # fmt: skip
        with pytest.raises(DatasetError, match=place):
            load_dataset(name, tmp_path / "absent" / ("x.npz" if name == "fer2013" else ""))
    with pytest.raises(DatasetError, match="unknown data set 'affectnet'"):
        load_dataset("affectnet", tmp_path)


def test_image_folders(tmp_path: Path) -> None:
    for number, name in enumerate(FOLDERS):
        picture(tmp_path / "train" / name.lower() / "1.png", number)
        picture(tmp_path / "test" / name.lower() / "1.png", 10 + number)
    data = load_dataset("fer2013", tmp_path)
    assert data.labels.tolist() == [*range(7), *range(7)]
    assert data.images[:, 0, 0].tolist() == [*range(7), *range(10, 17)]
    (split,) = splits.make(data, "official")
    assert (len(split.train), len(split.test)) == (7, 7)
    (tmp_path / "test" / "sad" / "1.png").write_bytes(b"no image")
    with pytest.raises(DatasetError, match=r"sad/1\.png is no readable image"):
        load_dataset("fer2013", tmp_path)
    (tmp_path / "test" / "sad" / "1.png").unlink()
    with pytest.raises(DatasetError, match="class 'sad' has no images"):
        load_dataset("fer2013", tmp_path)


def test_npz_without_arrays_and_with_wrong_codes(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=np.zeros((2, 48, 48), np.uint8))
    with pytest.raises(DatasetError, match="lacks the arrays emotion"):
        load_dataset("fer2013", tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", images=np.zeros((2, 48, 48), np.uint8), emotion=[0, 255])
    with pytest.raises(DatasetError, match=r"class codes must lie in 0\.\.6"):
        load_dataset("fer2013", tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", images=np.zeros((2, 48, 48), np.uint8), emotion=[0])
    with pytest.raises(DatasetError, match="2 images but 1 labels"):
        load_dataset("fer2013", tmp_path / "c.npz")
    (tmp_path / "d.npz").write_bytes(b"PK broken")
    with pytest.raises(DatasetError, match="no readable npz"):
        load_dataset("fer2013", tmp_path / "d.npz")


NPZ = {"images": np.full((2, 48, 48), 7, np.uint8), "emotion": np.array([0, 6])}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"images": NPZ["images"] / 255}, r"images must hold whole numbers in 0\.\.255"),
        ({"images": np.zeros((2, 48, 48, 2), np.uint8)}, r"images must have the shape .*48, 2\)"),
        ({"emotion": np.array(["angry", "sad"])}, "emotion must hold whole numbers"),
        ({"emotion": np.array([0, -1])}, "emotion must hold whole numbers"),
        ({"emotion": np.zeros((2, 7))}, r"emotion must have the shape \(N,\), not \(2, 7\)"),
        ({"usage": np.array([0, 3])}, "usage must be 0, 1 or 2"),
        ({"usage": np.array(["Training", "Test"])}, "usage names 'Test'"),
        ({"ferplus": np.zeros((2, 8), np.uint8)}, r"ferplus must have the shape \(N, 10\)"),
    ],
)
def test_npz_with_odd_arrays_is_named(
    changed: dict[str, np.ndarray], words: str, tmp_path: Path
) -> None:
    np.savez(tmp_path / "a.npz", **{**NPZ, **changed})
    with pytest.raises(DatasetError, match=words):
        load_dataset("fer2013", tmp_path / "a.npz")


@pytest.mark.parametrize(
    "changed",
    [
        {"images": NPZ["images"].astype(np.float64)},
        {"images": NPZ["images"][..., None]},
        {"usage": np.array([0, 1])},
        {"usage": np.array(["Training", "PublicTest"])},
    ],
)
def test_npz_of_other_types_reads_the_same(changed: dict[str, np.ndarray], tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **{**NPZ, **changed})
    data = load_dataset("fer2013", tmp_path / "a.npz")
    assert data.images.dtype == np.uint8
    assert data.images.shape == (2, 48, 48)
    assert (data.images == 7).all()
    if "usage" in changed:
        assert data.usage is not None
        assert data.usage.tolist() == ["Training", "PublicTest"]


def test_ckplus_in_the_owners_layout(tmp_path: Path, portrait: np.ndarray) -> None:
    for subject, code in (("S005", 3), ("S010", 7)):
        folder = tmp_path / "cohn-kanade-images" / subject / "001"
        folder.mkdir(parents=True)
        for frame in range(5):
            cv2.imwrite(str(folder / f"{subject}_001_{frame:08d}.png"), portrait)
        label = tmp_path / "Emotion" / subject / "001" / f"{subject}_001_00000004_emotion.txt"
        label.parent.mkdir(parents=True)
        label.write_text(f"   {code}.0000000e+00\n", encoding="ascii")
    with pytest.warns(UserWarning, match="CK\\+ has 6 labelled images here, 981"):
        data = load_dataset("ckplus", tmp_path)
    assert [data.label_names[code] for code in data.labels] == ["disgust"] * 3 + ["surprise"] * 3
    assert sorted(set(data.subjects)) == ["S005", "S010"]
    assert data.images.shape == (6, 48, 48)
    label.write_text("   9.0\n", encoding="ascii")
    with pytest.raises(DatasetError, match="class code 9"):
        load_dataset("ckplus", tmp_path)


def test_ckplus_crops_in_class_folders(tmp_path: Path) -> None:
    for name in ("anger", "disgust", "fear", "happy", "sadness", "surprise", "contempt"):
        picture(tmp_path / name / "S010_004_00000017.png")
    with pytest.warns(UserWarning, match="981"):
        data = load_dataset("ckplus", tmp_path)
    assert set(data.subjects) == {"S010"}
    assert data.label_names[6] == emotions.CONTEMPT


def test_jaffe_in_the_owners_layout(tmp_path: Path, portrait: np.ndarray) -> None:
    for name in ("KA.AN1.39.tiff", "KL.HA2.159.tiff"):
        cv2.imwrite(str(tmp_path / name), portrait)
    with pytest.warns(UserWarning, match="JAFFE has 2"):
        data = load_dataset("jaffe", tmp_path)
    assert data.labels.tolist() == [0, 3]
    assert data.subjects is not None
    assert data.subjects.tolist() == ["KA", "KL"]
    cv2.imwrite(str(tmp_path / "portrait.tiff"), portrait)
    with pytest.raises(DatasetError, match="not like KA"):
        load_dataset("jaffe", tmp_path)


def test_photo_without_a_face_is_named(tmp_path: Path) -> None:
    picture(tmp_path / "KA.AN1.39.tiff", 50, 256)
    with pytest.warns(UserWarning, match="JAFFE"), pytest.raises(DatasetError, match=r"KA\.AN1"):
        load_dataset("jaffe", tmp_path)


def test_kdef_takes_the_frontal_photos(tmp_path: Path, portrait: np.ndarray) -> None:
    for name in ("AF01ANS.JPG", "AF01ANFL.JPG", "AF01SUS.JPG"):
        (tmp_path / "AF01").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "AF01" / name), portrait)
    with pytest.warns(UserWarning, match="KDEF"):
        data = load_dataset("kdef", tmp_path)
    assert data.labels.tolist() == [0, 5]
    assert data.subjects is not None
    assert data.subjects.tolist() == ["F01", "F01"]


def test_sfew(tmp_path: Path, portrait: np.ndarray) -> None:
    for part in ("Train", "Val"):
        for name in FOLDERS:
            (tmp_path / part / name).mkdir(parents=True)
            cv2.imwrite(str(tmp_path / part / name / "1.png"), portrait)
    with pytest.warns(UserWarning, match="SFEW"):
        data = load_dataset("sfew", tmp_path)
    (split,) = splits.make(data, "official")
    assert (len(split.train), len(split.test)) == (7, 7)


@pytest.mark.parametrize("name", ["ferg", "imed"])
@pytest.mark.filterwarnings("ignore:FERG")
def test_sets_with_a_folder_per_subject(tmp_path: Path, name: str) -> None:
    prefix = "aia_" if name == "ferg" else ""
    for label in ("anger", "joy", "neutral"):
        picture(tmp_path / "aia" / f"{prefix}{label}" / "1.png", size=256)
    data = load_dataset(name, tmp_path)
    assert sorted(data.labels.tolist()) == [0, 3, 6]
    assert set(data.subjects) == {"aia"}
    picture(tmp_path / "aia" / f"{prefix}boredom" / "1.png")
    with pytest.raises(DatasetError, match="unknown expression 'boredom'"):
        load_dataset(name, tmp_path)


def test_digest_does_not_depend_on_the_container(tmp_path: Path) -> None:
    data = synthetic_faces.dataset()
    rows = [
        [str(label), " ".join(map(str, image.ravel())), usage]
        for label, image, usage in zip(data.labels, data.images, data.usage, strict=True)
    ]
    from_csv = load_dataset("fer2013", write_csv(tmp_path / "fer2013.csv", rows))
    from_npz = load_dataset("fer2013", synthetic_faces.save_npz(data, tmp_path / "a.npz"))
    assert from_csv.digest == from_npz.digest == data.digest
    assert data.select(np.arange(5)).digest != data.digest


def test_shared_files_have_the_official_rows_and_duplicates(shared: Path) -> None:
    path = shared / "data" / "fer2013_train_public.npz"
    data = load_dataset("fer2013", path)
    (split,) = splits.make(data, "official")
    assert (len(split.train), len(split.test)) == (28_709, 3_589)
    assert len(splits.cross_duplicates(data, split)) == 280
    with np.load(path) as archive:
        groups = archive["dup_group"]
    pairs = np.unique(np.stack([groups, data.duplicate_groups]), axis=1)
    assert pairs.shape[1] == len(np.unique(groups)) == len(np.unique(data.duplicate_groups))


def test_private_rows_beside_public_ones_are_measured_only_by_name() -> None:
    usage = np.array(["Training"] * 40 + ["PublicTest"] * 20 + ["PrivateTest"] * 10)
    data = dataclasses.replace(synthetic_faces.dataset(), usage=usage)
    assert splits.measured(data, None).tolist() == [*range(40, 60)]
    assert splits.measured(data, "PrivateTest").tolist() == [*range(60, 70)]
    private = data.select(np.arange(60, 70))
    assert splits.measured(private, None).tolist() == [*range(10)]
    with pytest.raises(DatasetError, match="has only Training rows"):
        splits.measured(data.select(np.arange(40)), None)
    unsplit = dataclasses.replace(data, usage=None)
    assert splits.measured(unsplit, None).tolist() == [*range(70)]
    with pytest.raises(DatasetError, match="no usage column"):
        splits.measured(unsplit, "PublicTest")


def test_subject_splits_share_no_person() -> None:
    data = synthetic_faces.dataset()
    for kind, count in (("subject-3", 3), ("loso", 5)):
        divisions = splits.make(data, kind)
        assert len(divisions) == count
        tested = np.concatenate([division.test for division in divisions])
        assert sorted(tested.tolist()) == list(range(70))
        for division in divisions:
            assert not set(data.subjects[division.train]) & set(data.subjects[division.test])
            assert not division.selects


def test_random_split_is_stratified_seeded_and_marked() -> None:
    data = synthetic_faces.dataset()
    (split,) = splits.make(data, "random-20", seed=1)
    assert np.bincount(data.labels[split.test]).tolist() == [2] * 7
    assert split.leaks
    assert np.array_equal(split.test, splits.make(data, "random-20", seed=1)[0].test)
    assert not np.array_equal(split.test, splits.make(data, "random-20", seed=2)[0].test)


def test_impossible_splits_are_named() -> None:
    data = synthetic_faces.dataset()
    with pytest.raises(DatasetError, match="unknown split 'kfold'"):
        splits.make(data, "kfold")
    with pytest.raises(DatasetError, match="needs Training and PublicTest"):
        splits.make(data.select(np.arange(10)), "official")
