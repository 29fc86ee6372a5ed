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

import re
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

import synthetic_faces
import yaml

from fer_training import architectures
from fer_training.recipes import recipe
from fer_training.train.trainer import Trainer

NETWORKS = [name for name in recipe.names() if not name.startswith("+")]
ONE_EACH = {
    re.sub(r"-\d+$", "", recipe.load(name).architecture): name for name in NETWORKS
}.values()
"""A recipe of every network that has one, whatever the size of its input."""
OVERLAYS = [name for name in recipe.names() if name.startswith("+")]
LOSSES = {"+mse": "mse", "+cross-entropy": "cross_entropy", "+hinge": "hinge"}
FROM_SCRATCH = ["+fer2013-random"]
OF_RUNS = [name for name in OVERLAYS if name.startswith(("+no-", "+seed-"))]
SPECIAL = [*LOSSES, "+bce", *FROM_SCRATCH, *OF_RUNS, "+frozen", "+fine-tune", "+weak-l2"]
ON_OTHER_DATA = [name for name in OVERLAYS if name not in SPECIAL]


@pytest.mark.parametrize("name", NETWORKS)
def test_yaml_and_dataclass_are_the_same(name: str) -> None:
    config = recipe.load(name)
    assert recipe.from_dict(yaml.safe_load(recipe.to_yaml(config))) == config
    assert config.name == name
    assert config.differs


@pytest.mark.parametrize("overlay", ON_OTHER_DATA)
def test_overlays_change_the_data_and_start_afresh(overlay: str) -> None:
    config, plain = recipe.load("chowanda-arch1" + overlay), recipe.load("chowanda-arch1")
    assert config.name == "chowanda-arch1" + overlay
    assert config.data.dataset == overlay[1:].split("-")[0]
    assert (config.init, config.epochs, config.optimizer) == ("", plain.epochs, plain.optimizer)


@pytest.mark.parametrize("overlay", ["+ckplus", "+ckplus-random", "+jaffe", "+jaffe-random"])
def test_yengikand_goes_on_from_fer2013_by_its_own_recipe(overlay: str) -> None:
    config, plain = recipe.load("yengikand" + overlay), recipe.load("yengikand")
    assert config.init == "runs/yengikand"
    assert (config.epochs, config.optimizer) == (20, plain.optimizer)


def test_fine_tuning_goes_on_from_the_recipe_alone() -> None:
    config = recipe.load("fer-base+ckplus+fine-tune")
    assert (config.init, config.epochs, config.data.dataset) == ("runs/fer-base", 15, "ckplus")


@pytest.mark.parametrize(("overlay", "loss"), LOSSES.items())
def test_overlays_of_losses_change_the_loss_alone(overlay: str, loss: str) -> None:
    config, plain = recipe.load("umer-cnn1-48" + overlay), recipe.load("umer-cnn1-48")
    plain.name, plain.loss = config.name, loss
    assert config == plain


@pytest.mark.parametrize(
    ("name", "batch", "split"),
    [
        ("chowanda-arch4", 256, "official"),
        ("chowanda-arch4+ckplus", 10, "subject-5"),
        ("chowanda-arch4+ckplus-random", 10, "random-12"),
        ("deep-emotion+ckplus-random", 128, "part-70-10-20"),
        ("deep-emotion+jaffe-random", 128, "rows-120-23-70"),
        ("umer-cnn1", 8, "random-50"),
        ("umer-cnn2-48", 8, "random-50"),
        ("patil-five", 32, "random-20"),
        ("yengikand", 32, "official"),
        ("yengikand+ckplus-random", 64, "random-20"),
        ("yengikand+jaffe", 16, "loso"),
        ("patil+fer2013-random", 32, "random-20"),
        ("patil-ckplus-random", 32, "random-20"),
    ],
)
def test_batch_sizes_and_splits_of_the_papers(name: str, batch: int, split: str) -> None:
    config = recipe.load(name)
    assert (config.batch_size, config.data.split) == (batch, split)


def test_changes_of_an_overlay_lie_between_its_file_and_the_command_line() -> None:
    assert recipe.load("yengikand+ckplus", ["batch_size=3"]).batch_size == 3
    assert recipe.load("yengikand+jaffe+mse").batch_size == 16
    assert recipe.load("yengikand+kdef").batch_size == recipe.load("yengikand").batch_size


@pytest.mark.parametrize("name", ["umer-cnn1", "umer-cnn2"])
def test_frozen_layers_exist(name: str, tmp_path: Path) -> None:
    config = recipe.load(name + "+frozen", ["threads=1"])
    trainer = Trainer(config, tmp_path, synthetic_faces.dataset(rows=35))
    held = [key for key, p in trainer.network.named_parameters() if not p.requires_grad]
    assert {prefix for prefix in config.freeze if any(k.startswith(prefix) for k in held)} == set(
        config.freeze
    )
    assert any(p.requires_grad for p in trainer.network.parameters())


@pytest.mark.parametrize(
    ("entry", "words"),
    [("{ckplus: 10}", "must map names"), ("{ck: {epochs: 1}}", "'ck', which recipes/on does not")],
)
def test_mistaken_changes_of_overlays_are_named(entry: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(f"base: arch1\noverlays: {entry}\n", encoding="utf-8")
    with pytest.raises(recipe.RecipeError, match=words):
        recipe.load(str(path))


@pytest.mark.parametrize("name", ["arch1+frozen", "arch1+cross-entropy"])
def test_an_overlay_that_changes_nothing_is_named(name: str) -> None:
    with pytest.raises(recipe.RecipeError, match="changes nothing in arch1"):
        recipe.load(name)


@pytest.mark.parametrize("name", ONE_EACH)
def test_three_steps_lower_the_loss(name: str, tmp_path: Path) -> None:
    changes = ["augment={flip: 0}", "data.split=official", "label_smoothing=0", "threads=1"]
    changes += ["init=''", "distill.teachers=[]"]  # no finished run is at hand
    changes += ["optimizer.l2=0.0"]  # Chowanda's 0.2 shrinks every kernel before anything is learnt
    config = recipe.load(name, [*changes, "options.dropout=0.0", "sizes=[]", "batch_size=28"])
    trainer = Trainer(config, tmp_path, synthetic_faces.dataset(rows=35))
    batch = torch.arange(28)
    trainer.network.train()
    for group in trainer.optimizer.param_groups:
        group["lr"] = config.optimizer.lr / 10  # the full rate is for thousands of steps
    size = architectures.get(config.architecture).size
    losses = [float(trainer._step(trainer.rows.batch(batch), size)) for _ in range(4)]
    assert losses[-1] < losses[0]


def test_overrides_reach_nested_values() -> None:
    config = recipe.load("arch1", ["epochs=3", "optimizer.lr=1e-3", "data.split=subject-5"])
    assert (config.epochs, config.optimizer.lr, config.data.split) == (3, 0.001, "subject-5")


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["epoch=3"], "unknown key epoch"),
        (["optimizer.rate=3"], "unknown key optimizer.rate"),
        (["epochs=many"], "epochs must be int"),
        (["epochs=true"], "epochs must be int"),
        (["data=5"], "data must be a mapping"),
        (["epochs"], "not of the form key=value"),
        (["epochs=[1"], r"'epochs=\[1': '\[1' is no YAML"),
    ],
)
def test_mistakes_are_named(overrides: list[str], words: str) -> None:
    with pytest.raises(recipe.RecipeError, match=words):
        recipe.load("arch1", overrides)


def test_missing_recipe_lists_the_known_ones() -> None:
    with pytest.raises(recipe.RecipeError, match="known: arch1"):
        recipe.load("resnet")


def test_broken_yaml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("name: [", encoding="utf-8")
    with pytest.raises(recipe.RecipeError, match=r"broken\.yaml is no YAML"):
        recipe.load(str(path))


def test_a_base_is_looked_for_beside_the_file_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "first.yaml").write_text("base: fer-lite-start\nseed: 31\n", encoding="utf-8")
    second = tmp_path / "second.yaml"
    second.write_text("base: first.yaml\nepochs: 2\n", encoding="utf-8")
    found = recipe.load(str(second))
    assert (found.seed, found.epochs, found.architecture) == (31, 2, "fer-lite")


def test_bases_in_a_circle_are_named(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(f"base: {second}\n", encoding="utf-8")
    second.write_text(f"base: {first}\n", encoding="utf-8")
    with pytest.raises(recipe.RecipeError, match=r"circle: .*first.* -> .*second.* -> .*first"):
        recipe.load(str(first))
