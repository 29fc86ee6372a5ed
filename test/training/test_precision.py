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

from dataclasses import asdict
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

import synthetic_faces

from fer_training.recipes import recipe
from fer_training.train import precision
from fer_training.train.finish import finish
from fer_training.train.trainer import Trainer

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor\t: 0\nflags\t\t: fpu sse2 avx2 avx512f avx512_bf16\n", "bfloat16"),
        ("flags : fpu avx512f amx_tile amx_bf16\n", "bfloat16"),
        ("processor : 0\nFeatures : fp asimd bf16\n", "bfloat16"),
        ("flags : fpu sse2 avx2 avx512f avx512_vnni\n", "float32"),
        ("model name : no list of instructions\n", "float32"),
    ],
)
def test_auto_is_bfloat16_only_where_the_processor_has_it(
    text: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "_quicker", lambda: "bfloat16")
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(text, encoding="utf-8")
    assert precision.choose("auto", CPU, cpuinfo) == expected
    assert precision.choose("bfloat16", CPU, cpuinfo) == "bfloat16"
    assert precision.choose("float32", CPU, cpuinfo) == "float32"


def test_auto_is_float32_where_bfloat16_is_no_quicker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("flags : avx512f avx512_bf16\n", encoding="utf-8")
    assert precision.choose("auto", CPU, cpuinfo) == precision._quicker()
    monkeypatch.setattr(precision, "_quicker", lambda: "float32")
    assert precision.choose("auto", CPU, cpuinfo) == "float32"


@pytest.mark.parametrize("begun", ["bfloat16", "float32"])
def test_a_resumed_run_multiplies_as_it_began(
    begun: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {"bfloat16": "float32", "float32": "bfloat16"}[begun]
    monkeypatch.setattr(precision, "_quicker", lambda: other)
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("flags : avx512f avx512_bf16\n", encoding="utf-8")
    assert precision.choose("auto", CPU, cpuinfo, begun=begun) == begun
    cpuinfo.write_text("flags : avx2\n", encoding="utf-8")
    assert precision.choose("auto", CPU, cpuinfo, begun=begun) == "float32"


def test_auto_is_float32_where_nothing_describes_the_processor(tmp_path: Path) -> None:
    assert precision.choose("auto", CPU, tmp_path / "none") == "float32"


def test_other_words_are_refused() -> None:
    with pytest.raises(recipe.RecipeError, match="auto, bfloat16, float32, not 'half'"):
        precision.choose("half", CPU)


def test_recipes_of_version_0_1_say_yes_or_no() -> None:
    values = asdict(recipe.load("arch1"))
    assert values["amp"] == "auto"
    assert recipe.from_dict({**values, "amp": True}).amp == "bfloat16"
    assert recipe.from_dict({**values, "amp": False}).amp == "float32"


@pytest.mark.parametrize("wanted", ["bfloat16", "float32"])
def test_the_record_says_which_it_was(wanted: str, tmp_path: Path) -> None:
    config = synthetic_faces.recipe(epochs=1, amp=wanted)
    trainer = Trainer(config, tmp_path, synthetic_faces.dataset(rows=70))
    trainer.fit()
    assert finish(trainer, "test").precision == wanted
