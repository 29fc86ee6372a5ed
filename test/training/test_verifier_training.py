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

"""Training of the verifier: labels of candidates, changes, resuming, export."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

from synthetic_photos import write_cache, write_photos

from fer_ros.perception import model_store
from fer_ros.perception.detection import DetectorSettings, FerFaceDetector
from fer_ros.perception.detection.verifier import SIDE, Verifier
from fer_ros.perception.model_metadata import KIND_KEY
from fer_ros.perception.onnx_file import read_properties
from fer_training.commands.cli import main
from fer_training.data.base import DatasetError
from fer_training.detector import verifier_changes, verifier_examples
from fer_training.detector.crops import Crops
from fer_training.detector.photos import Photos
from fer_training.detector.verifier_examples import SCENE, Examples
from fer_training.detector.verifier_export import KIND
from fer_training.detector.verifier_training import CHECKPOINT, Plan, train


def rows(*boxes: tuple[float, float, float, float], score: float = 0.5) -> np.ndarray:
    found = np.zeros((len(boxes), 15), np.float32)
    found[:, :4], found[:, 14] = boxes, score
    return found


def test_labels_of_candidates_follow_what_is_known_of_the_faces() -> None:
    faces = rows((100, 100, 80, 100), (300, 100, 80, 100), score=1.0)
    faces[1, 14] = -1  # nothing is known of the second one
    found = rows(
        (102, 98, 80, 100),  # the face
        (120, 120, 24, 30),  # an eye of it
        (140, 105, 60, 60),  # a half of it: neither
        (300, 100, 80, 100),  # the unknown one: neither
        (320, 120, 20, 20),  # a part of that: neither
        (20, 300, 40, 50),  # nothing
    )
    face, other = verifier_examples.labels(found, faces, loose=False)
    assert face.tolist() == [True, False, False, False, False, False]
    assert other.tolist() == [False, True, False, False, False, True]
    face, other = verifier_examples.labels(found, faces, loose=True)
    assert other.tolist() == [False, False, False, False, False, True]
    face, other = verifier_examples.labels(found, faces[:0], loose=False)
    assert not face.any()
    assert other.all()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cache(tmp_path_factory.mktemp("cache"))


def test_examples_are_what_the_detector_finds(cache: Path, tmp_path: Path) -> None:
    photos, crops = Photos(cache), Crops.load(cache / "crops.npz")
    examples = verifier_examples.collect(photos, crops, None)
    assert examples.crops.shape[1:] == (verifier_examples.SIDE, verifier_examples.SIDE)
    assert len(examples.label) == len(examples.facts) == len(examples.photo)
    assert set(examples.source.tolist()) <= {14, SCENE}
    assert examples.label[examples.photo == 0].any()  # the face that the teacher is sure of
    examples.save(tmp_path / "e.npz")
    again = Examples.load(tmp_path / "e.npz")
    np.testing.assert_array_equal(again.crops, examples.crops)
    other = verifier_examples.collect(photos, crops, None)
    np.testing.assert_array_equal(other.crops, examples.crops)


def made(count: int = 120) -> Examples:
    """Bright crops are faces, dark ones are none."""
    rng = np.random.default_rng(0)
    label = np.arange(count) % 2 == 0
    shape = (count, verifier_examples.SIDE, verifier_examples.SIDE)
    crops = rng.integers(0, 60, shape, np.uint8)
    crops[label, 16:48, 16:48] += 150
    facts = rng.normal(0, 1, (count, 2)).astype(np.float32)
    return Examples(crops, facts, label, np.arange(count), np.zeros(count, np.int64))


def test_changed_crops_stay_crops_and_depend_on_the_seed_alone() -> None:
    examples = made(40)
    seen = []
    for _ in range(2):
        torch.manual_seed(3)
        rng = np.random.default_rng(3)
        crops, facts = verifier_changes.changed(examples.crops, examples.facts, rng)
        assert crops.shape == (40, 1, SIDE, SIDE)
        assert facts.shape == (40, 2)
        seen.append(crops.numpy())
    np.testing.assert_array_equal(*seen)
    assert verifier_changes.centred(examples.crops).shape == (40, 1, SIDE, SIDE)


def test_a_training_goes_on_after_its_last_epoch(tmp_path: Path) -> None:
    made().save(tmp_path / "examples.npz")
    plan = Plan(tmp_path / "examples.npz", tmp_path / "whole", epochs=3)
    train(plan)
    whole = torch.load(tmp_path / "whole" / CHECKPOINT, weights_only=True)
    parted = tmp_path / "parted"
    with pytest.MonkeyPatch.context() as patch:
        replace = Path.replace

        def stop_after_two(self: Path, target: Path) -> Path:
            done = replace(self, target)
            if torch.load(target, weights_only=True)["epoch"] == 2:
                raise KeyboardInterrupt
            return done

        patch.setattr(Path, "replace", stop_after_two)
        with pytest.raises(KeyboardInterrupt):
            train(Plan(plan.examples, parted, epochs=3))
    train(Plan(plan.examples, parted, epochs=3))
    again = torch.load(parted / CHECKPOINT, weights_only=True)
    for name, values in whole["network"].items():
        torch.testing.assert_close(again["network"][name], values)


def test_examples_of_one_kind_are_refused(tmp_path: Path) -> None:
    examples = made(20)
    examples.label[:] = True
    examples.save(tmp_path / "examples.npz")
    with pytest.raises(DatasetError, match="faces and others"):
        train(Plan(tmp_path / "examples.npz", tmp_path / "run", epochs=1))


def test_one_command_makes_the_file_beside_the_detector(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = tmp_path / "run", tmp_path / "fer-face-verifier.onnx"
    run.mkdir()
    made().save(run / "examples.npz")
    photos = write_photos(tmp_path / "photos.npz", [0.9, 0.9])
    command = ["detector", "verifier", "--data", str(cache), "--out", str(run), "--epochs", "1"]
    command += ["--validation", str(photos), "--export", str(out)]
    assert main(command) == 0
    printed = capsys.readouterr().out
    report = json.loads(printed[printed.index("{") : printed.index("}") + 1])
    assert 0.0 <= report["recall"] <= 1.0
    about = read_properties(out)
    assert about[KIND_KEY] == KIND
    digest = json.loads(about["fer.detector_sha256"])
    assert digest == model_store.digest_of(model_store.shipped_detector())
    finder = FerFaceDetector(DetectorSettings(), verifier=Verifier(out))
    finder.detect(np.zeros((160, 200), np.uint8))
    text = out.with_suffix(".md").read_text("utf-8")
    assert digest in text
    assert model_store.digest_of(out) in text
    assert "| 14 | 4 | Flickr8k | non-commercial research |" in text
    assert main([*command[:-1], str(tmp_path / "other.onnx")]) == 1
    assert "fer-face-verifier.onnx" in capsys.readouterr().err
