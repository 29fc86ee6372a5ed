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

"""Offsets per class: from training rows, in the last layer, the same everywhere, or refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

import synthetic_faces

from fer_training import architectures
from fer_training.architectures import networks
from fer_training.commands.cli import main
from fer_training.measure.predictors import CheckpointPredictor
from fer_training.recipes import recipe
from fer_training.recipes.recipe import RecipeError
from fer_training.records import run as records
from fer_training.train.finish import finish
from fer_training.train.trainer import Trainer


def test_shifting_adds_to_the_logits() -> None:
    network = architectures.create("fer-lite", 7).eval()
    x, offset = torch.randn(4, 1, 48, 48), np.linspace(-1, 1, 7)
    with torch.no_grad():
        before = network(x).numpy()
        after = networks.shift(network, offset.tolist())(x).numpy()
    np.testing.assert_allclose(after, before + offset, rtol=0, atol=1e-5)


def test_a_run_keeps_its_trained_weights_and_predicts_calibrated(tmp_path: Path) -> None:
    data = str(synthetic_faces.save_npz(synthetic_faces.dataset(70), tmp_path / "data.npz"))
    config = synthetic_faces.recipe(
        name="net", architecture="fer-lite", options={}, epochs=1, paper="-", differs="-",
        calibration="classes",
    )  # fmt: skip
    (tmp_path / "net.yaml").write_text(recipe.to_yaml(config), encoding="utf-8")
    run, exported = tmp_path / "run", tmp_path / "net.onnx"
    train = ["train", str(tmp_path / "net.yaml"), "--data", data, "--out", str(run)]
    assert main(train) == 0
    first = records.read(run)
    images = synthetic_faces.dataset(70).images[:8]
    raw = CheckpointPredictor.load(run, calibrated=False).logits(images)
    offset = np.array(first.offset.values)
    assert np.abs(offset).max() > 0.01
    np.testing.assert_allclose(
        CheckpointPredictor.load(run).logits(images), raw + offset, atol=1e-4
    )

    assert main([*train, "--resume"]) == 0  # measured once more, from the weights as trained
    again = records.read(run)
    assert again.offset == first.offset
    assert again.calibration == first.calibration
    assert main([*train, "--resume", "--set", "calibration=temperature"]) == 0
    np.testing.assert_array_equal(CheckpointPredictor.load(run).logits(images), raw)
    assert main([*train, "--resume"]) == 0

    assert main(["export", str(run), str(exported), "--data", data]) == 0
    figures = []
    for number, model in enumerate((run, exported)):
        out = tmp_path / f"{number}.json"
        arguments = ["--model", str(model), "--data", data, "--json", str(out)]
        assert main(["evaluate", *arguments]) == 0
        figures.append(json.loads(out.read_text(encoding="utf-8"))["single_crop"]["accuracy"])
    assert figures[0] == figures[1] == again.results.single_crop.accuracy
    card = exported.with_suffix(".md").read_text(encoding="utf-8")
    assert f"{100 * again.offset.accuracy_without:.2f} % are right, single crop" in card


def test_offsets_do_not_look_at_the_rows_that_select(tmp_path: Path) -> None:
    data = synthetic_faces.dataset(70)
    other = replace(data, labels=np.where(data.usage == "PublicTest", 0, data.labels))
    offsets = []
    for number, each in enumerate((data, other)):
        config = synthetic_faces.recipe(
            architecture="fer-lite", options={}, epochs=1, calibration="classes", keep="last"
        )
        trainer = Trainer(config, tmp_path / str(number), each)
        trainer.fit()
        offsets.append(finish(trainer, "").offset.values)
    assert offsets[0] == offsets[1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"calibration": "classes"}, "ends in a linear layer"),
        ({"calibration": "platt"}, "one of temperature, classes"),
    ],
)
def test_what_cannot_be_calibrated_so_is_refused_before_training(
    changes: dict[str, str], words: str, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=words):
        Trainer(synthetic_faces.recipe(**changes), tmp_path, synthetic_faces.dataset())
