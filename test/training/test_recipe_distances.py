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

"""Distances between recipes and the settings that papers print."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")
pytest.importorskip("matplotlib", reason="needs the train extra (matplotlib)")


from fer_training.papers import (
    distance,
    systems,
)
from fer_training.recipes import recipe


def compared() -> list[str]:
    """Every recipe that the page sets beside a paper."""
    names = [name for s in systems.SYSTEMS for row in s.rows for name in (row.same, row.honest)]
    names += [name for s in systems.SYSTEMS for _, extra in s.extra for name in extra]
    names = [n.partition("@")[0] for n in names if " with " not in n]
    return [n for n in dict.fromkeys(names) if n and "(" not in n and not n.startswith("svm")]


@pytest.mark.parametrize("name", compared())
def test_every_compared_recipe_says_where_its_settings_stand(name: str) -> None:
    config = recipe.load(name)
    assert config.paper.text
    found = distance.between(config)
    assert len(found.as_printed) >= 5
    assert all(setting.place for setting in config.paper.settings.values())
    assert all(figure.place for figure in config.paper.figures.values())


def test_a_recipe_under_its_paper_s_protocol_changes_no_printed_setting() -> None:
    for system in systems.SYSTEMS:
        for row in system.rows:
            if "(" not in row.same and not row.same.startswith("svm"):
                changed = distance.between(recipe.load(row.same)).changed
                # The printed strength of L2 collapses; each network's other row says so.
                weak = row.same.endswith("+weak-l2")
                allowed = {"optimizer.l2"} if weak else set()
                assert {gap.setting for gap in changed} <= allowed, f"{row.same}: {changed}"


def test_distance_of_a_made_up_recipe() -> None:
    config = recipe.from_dict(
        {
            "name": "made",
            "architecture": "arch",
            "options": {"dropout": 0.4},
            "augment": {"flip": 0.5, "rotation": 10, "blur": 0.1},
            "optimizer": {"name": "adam", "lr": 0.01, "weight_decay": 0.0},
            "epochs": 20,
            "paper": {
                "name": "Nobody 2000",
                "settings": {
                    "optimizer.lr": {"value": 0.01, "place": "p. 1"},
                    "epochs": {"value": 200, "place": "p. 2"},
                    "options.dropout": {"place": "not printed"},
                    "augment.flip": {"value": 0.5, "place": "p. 3"},
                },
            },
        }
    )
    found = distance.between(config)
    assert found.as_printed == ("optimizer.lr", "augment.flip")
    assert [(g.setting, g.ours, g.printed) for g in found.changed] == [("epochs", "20", "200")]
    assert [(g.setting, g.ours) for g in found.chosen] == [("options.dropout", "0.4")]
    assert {g.setting for g in found.added} == {
        "augment.rotation", "augment.blur", "optimizer.name"
    }  # fmt: skip
    assert found.words.startswith(
        "2 of 3 printed settings kept; other than printed: epochs 20 (printed 200); not printed"
    )


def test_settings_that_no_recipe_has_are_named() -> None:
    config = recipe.load("patil")
    config.paper.settings["optimizer.rate"] = recipe.Setting(1, "p. 1")
    with pytest.raises(recipe.RecipeError, match=r"'optimizer\.rate', which no recipe has"):
        distance.between(config)
