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

"""Score fusion, support vector machine, saliency, folds and the comparison table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")
pytest.importorskip("skl2onnx", reason="needs the train extra (skl2onnx)")

import synthetic_faces

from fer_ros.perception.classification import EmotionClassifier
from fer_training.commands.cli import main
from fer_training.measure import fusion, saliency
from fer_training.papers import features, svm, systems
from fer_training.recipes import recipe
from fer_training.records import run as records
from fer_training.records.run import SvmConfig
from fer_training.train import runs


@dataclass
class Fixed:
    """A predictor that gives the same rows whatever it sees."""

    rows: np.ndarray
    labels: tuple[str, ...] = ("happy", "sad", "fear")
    name: str = "fixed"

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        return np.repeat(self.rows, len(images), axis=0).astype(np.float32)


def test_sum_and_product_rules_of_a_hand_worked_case() -> None:
    first = Fixed(np.array([[0.6, 0.4, 0.0]]))
    second = Fixed(np.array([[0.1, 0.3, 0.6]]), labels=("fear", "sad", "happy"))
    images = np.zeros((1, 48, 48), np.uint8)
    total = fusion.FusedPredictor([first, second], "sum").probabilities(images)
    assert total == pytest.approx(np.array([[0.6, 0.35, 0.05]]), abs=1e-6)
    product = fusion.FusedPredictor([first, second], "product").probabilities(images)
    assert product == pytest.approx(np.array([[0.75, 0.25, 0.0]]), abs=1e-5)


class SeesOneCorner:
    """The probability of the first class is the brightness of the top left 12x12 pixels."""

    labels = ("happy", "sad")
    name = "corner"

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        share = images[:, :12, :12].mean((1, 2)) / 255
        return np.stack([share, 1 - share], axis=1).astype(np.float32)


def test_saliency_points_at_what_the_predictor_looks_at() -> None:
    image = np.full((48, 48), 200, np.uint8)
    values = saliency.saliency(SeesOneCorner(), image, square=8, stride=4)
    assert values.shape == (48, 48)
    assert values[:8, :8].min() > 0.1
    assert np.abs(values[20:, 20:]).max() == 0
    assert np.abs(saliency.saliency(SeesOneCorner(), image, 48, 1)).max() == pytest.approx(
        200 / 255
    )
    with pytest.raises(ValueError, match="does not fit"):
        saliency.saliency(SeesOneCorner(), image, square=50)


def test_averaged_faces_are_crops_of_their_class() -> None:
    happy, angry = saliency.averaged_face("happy"), saliency.averaged_face("angry")
    assert happy.shape == angry.shape == (48, 48)
    assert np.abs(happy.astype(int) - angry).mean() > 5
    with pytest.raises(ValueError, match="no averaged face shows 'contempt'"):
        saliency.averaged_face("contempt")


def test_saliency_pictures(tmp_path: Path) -> None:
    images = np.full((4, 48, 48), 230, np.uint8)
    images[2:, :12, :12] = 20
    maps = saliency.class_maps(SeesOneCorner(), images, np.array([0, 0, 1, 0]), 2, 12, 12)
    assert set(maps) == {"happy", "sad"}
    assert maps["sad"][:12, :12].max() < 0  # hiding the dark corner makes it darker still
    saliency.draw(maps, tmp_path / "maps.png", [images[0], images[2]])
    assert (tmp_path / "maps.png").read_bytes().startswith(b"\x89PNG")


def test_hog_of_a_step_votes_for_its_orientation() -> None:
    image = np.zeros((1, 48, 48), np.uint8)
    image[:, :, 20:] = 255
    values = features.hog(image, 1 / 255).reshape(4, 9, 5, 5)
    block = values[0, :, 0, 2]  # the cell of columns 16 to 23 holds the step
    assert block.argmax() == 4  # the gradient points along x: the middle of nine bins
    assert features.hog(np.full((1, 48, 48), 90, np.uint8), 1 / 255).max() < 1e-2
    assert features.hog(image, 1 / 255).shape == (1, 900)
    in_colour = np.repeat(image[..., None], 3, axis=-1)
    assert np.array_equal(features.hog(in_colour, 1 / 255), features.hog(image, 1 / 255))


def test_hog_does_not_depend_on_brightness_and_contrast() -> None:
    image = synthetic_faces.dataset(7).images
    darker = (image // 2 + 10).astype(np.uint8)
    gap = np.abs(features.hog(image * 1, 1 / 255) - features.hog(darker, 1 / 255))
    assert gap.mean() < 0.01


def test_geometry_does_not_depend_on_place_size_and_tilt() -> None:
    points = np.array(
        [[[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.75], [0.65, 0.75]]], np.float32
    )
    turn = np.array([[0.8, 0.6], [-0.6, 0.8]], np.float32)
    moved = 2.5 * points @ turn + 0.3
    assert features.geometry(points).shape == (1, 30)
    assert features.geometry(moved) == pytest.approx(features.geometry(points), abs=1e-5)
    opened = points.copy()
    opened[:, 3:, 1] += 0.1
    assert np.abs(features.geometry(opened) - features.geometry(points)).max() > 0.1


def test_svm_learns_exports_and_runs_in_the_node(tmp_path: Path) -> None:
    data = synthetic_faces.dataset(175)
    config = SvmConfig(kernels=("linear", "rbf"), costs=(1.0,), search_rows=100)
    record = svm.run(data, config, tmp_path, "fer-train svm")
    assert record.results.single_crop.accuracy > 0.8
    assert record.parity.max_difference < 1e-4
    test = data.select(np.flatnonzero(data.usage == "PublicTest"))
    classifier = EmotionClassifier.from_files([tmp_path / "svm.onnx"])
    predicted = classifier.classify([list(test.images)]).argmax(1)
    assert (predicted == test.labels).mean() == record.results.single_crop.accuracy


def test_svm_on_subject_folds_pools_every_row(tmp_path: Path) -> None:
    data = synthetic_faces.dataset(105)
    config = SvmConfig(split="subject-3", kernels=("linear",), costs=(1.0,), cv=2)
    record = svm.run(data, config, tmp_path, "fer-train svm")
    assert record.results.rows == 105
    assert record.folds == 3
    assert not (tmp_path / "svm.onnx").exists()


@pytest.fixture
def folded(tmp_path: Path) -> Path:
    """Two runs over all folds of made-up data, in `runs`."""
    data = synthetic_faces.save_npz(synthetic_faces.dataset(84), tmp_path / "data.npz")
    for name, seed in (("one", 0), ("two", 1)):
        config = synthetic_faces.recipe(
            name=name, seed=seed, epochs=1, paper="Umer et al. 2022", differs="Made up."
        )
        config.data.path, config.data.split = str(data), "random-25"
        path = tmp_path / f"{name}.yaml"
        path.write_text(recipe.to_yaml(config), encoding="utf-8")
        assert (
            main(["train", str(path), "--out", str(tmp_path / "runs" / name), "--all-folds"]) == 0
        )
    return tmp_path / "runs"


def test_folds_are_pooled_and_not_trained_twice(folded: Path) -> None:
    record = records.read(folded / "one")
    assert record.results.rows == 21
    assert record.leaks
    best = folded / "one" / "fold-0" / "best.pt"
    before = best.stat().st_mtime_ns
    path = str(folded.parent / "one.yaml")
    runs.train(path, [], folded / "one", resume=True, all_folds=True, command="again")
    assert best.stat().st_mtime_ns == before


def test_folds_of_other_settings_or_data_are_not_pooled(folded: Path) -> None:
    path, out = str(folded.parent / "one.yaml"), folded / "one"
    with pytest.raises(recipe.RecipeError, match=r"fold-0 was trained with seed = 0, not 5"):
        runs.train(path, ["seed=5"], out, resume=True, all_folds=True, command="again")
    other = synthetic_faces.save_npz(synthetic_faces.dataset(84, seed=3), folded / "other.npz")
    with pytest.raises(recipe.RecipeError, match="fold-0 was trained on other data"):
        runs.train(path, [f"data.path={other}"], out, resume=True, all_folds=True, command="again")


def test_a_run_that_cannot_write_its_predictions_counts_as_unfinished(
    folded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = folded / "three" / "fold-0" / "predictions.npz"
    blocked.mkdir(parents=True)
    arguments = ["train", str(folded.parent / "one.yaml"), "--out", str(folded / "three")]
    assert main([*arguments, "--all-folds"]) == 1
    assert "predictions.npz" in capsys.readouterr().err
    assert not list((folded / "three").glob("**/metrics.json"))
    blocked.rmdir()
    assert main([*arguments, "--all-folds", "--resume"]) == 0


def test_fusing_runs(folded: Path) -> None:
    arguments = ["fuse", str(folded / "one"), str(folded / "two"), "--rule", "product"]
    assert main([*arguments, "--out", str(folded / "fused")]) == 0
    scores = [fusion.run_scores(folded / name) for name in ("one", "two")]
    assert np.array_equal(scores[0][0], scores[1][0])
    record = records.read(folded / "fused")
    joint = scores[0][1] * scores[1][1]
    data = synthetic_faces.dataset(84)
    expected = (joint.argmax(1) == data.labels[scores[0][0]]).mean()
    assert record.results.single_crop.accuracy == pytest.approx(expected)


def test_every_paper_is_compared() -> None:
    papers = {recipe.load(name).paper.name for name in recipe.names() if not name.startswith("+")}
    assert {system.name for system in systems.SYSTEMS} | {recipe.OWN} == papers
    rows = [row for system in systems.SYSTEMS for row in system.rows]
    assert {row.dataset for row in rows} == {"fer2013", "ckplus", "jaffe", "ferg", "imed"}
    assert len({row.same for row in rows}) == len(rows)
