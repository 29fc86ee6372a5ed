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

"""`fer-train calibrate`: temperatures and threshold of files that are exported already."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from fer_ros.perception.known_answer import known_crops
from fer_ros.perception.model_store import digest_of, shipped_models
from fer_training.commands.cli import main
from fer_training.measure.predictors import OnnxPredictor
from fer_training.ship import heldout


def rows_that_are_mostly_right(predictor: OnnxPredictor, path: Path) -> np.ndarray:
    """Write PublicTest rows, of which a network has the less sure ones wrong; return the crops."""
    faces = np.stack(known_crops(predictor.network.metadata.input))
    noise = np.random.default_rng(0).normal(0, 6, (280, 48, 48))
    images = np.clip(np.tile(faces, (40, 1, 1)) + noise, 0, 255).astype(np.uint8)
    predicted = predictor.probabilities(images)
    labels = predicted.argmax(1)
    unsure = np.argsort(predicted.max(1))[:20]
    labels[unsure] = (labels[unsure] + 1) % 7
    usage = np.ones(len(images), np.uint8)
    np.savez(path, images=images, emotion=labels.astype(np.uint8), usage=usage)
    return images


def test_files_get_new_temperatures_and_keep_their_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, card = tmp_path / "fer-lite.onnx", tmp_path / "fer-lite.md"
    shipped = shipped_models()["fer-lite"]
    shutil.copy(shipped, file)
    shutil.copy(shipped.with_suffix(".md"), card)
    measured = {"file": file.name, "version": "0.1.0", "rows": 9, "single_crop": 0.5, "flip": 0.6}
    record = tmp_path / "heldout.json"
    record.write_text(json.dumps({"by_sha256": {digest_of(file): {**measured, "ece": 0.03}}}))
    monkeypatch.setattr(heldout, "PLACE", record)
    before = OnnxPredictor(file)
    images = rows_that_are_mostly_right(before, tmp_path / "rows.npz")
    arguments = ["--data", str(tmp_path / "rows.npz"), "--rows", "60"]
    assert main(["calibrate", str(file), *arguments]) == 0
    after = OnnxPredictor(file)
    found = after.network.metadata
    assert found.temperature != before.network.metadata.temperature
    assert found.undecided_temperature not in (None, before.network.metadata.undecided_temperature)
    names = [one.probabilities(images).argmax(1) for one in (before, after)]
    np.testing.assert_array_equal(*names)
    assert found.metrics["single_crop"] == before.network.metadata.metrics["single_crop"]
    assert found.metrics["ece_cross_fitted"] != before.network.metadata.metrics["ece_cross_fitted"]
    kept = heldout.of_file(after.network.digest)
    assert kept == heldout.HeldOut(**measured)
    text = card.read_text(encoding="utf-8")
    words = f"Temperatures {found.temperature} (sure) to {found.undecided_temperature} (undecided)"
    assert text.count(f"{words}, threshold of UNCERTAIN {found.uncertain_threshold:.2f}. ") == 1
    assert text.count("threshold of UNCERTAIN") == 1
    assert "## Robustness" in text
