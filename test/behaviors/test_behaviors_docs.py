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

"""docs/behaviors.md is true: every key with its default, and every example does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fer_ros.behaviors.plugins import Context
from fer_ros.behaviors.rule_files import parse_rules, read_rules, schema
from fer_ros.behaviors.rules import TEXT_FIELDS, Run
from fer_ros.transport.event_messages import Event
from fer_ros.transport.memory import MemoryGraph, MemoryTransport

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "behaviors.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def in_words(default: object) -> str:
    """A default as the table has it."""
    if default in (None, []):
        return ""
    return {"True": "true", "['*']": '"*"'}.get(str(default), str(default))


@pytest.mark.parametrize("key", schema()["definitions"]["rule"]["properties"])
def test_every_key_stands_there_with_its_default(key):
    (cell,) = re.findall(rf"^\| `{key}` \|(.*?)\|", PAGE, re.MULTILINE)
    default = schema()["definitions"]["rule"]["properties"][key].get("default")
    assert cell.strip("` ").replace("none", "") == in_words(default)


def test_what_a_text_may_have_filled_in_stands_there():
    assert all(f"`{{{name}}}`" in PAGE for name in TEXT_FIELDS)


def test_the_examples_of_rules_are_rules():
    found = blocks("yaml")
    assert len(found) == 2
    for text in found:
        assert parse_rules(text).rules


@pytest.mark.parametrize("name", ["greeter", "music_player"])
def test_the_shipped_rules_are_rules(name):
    rules = read_rules(ROOT / "config" / f"{name}.yaml")
    plugins = [a.what.plugin for r in rules.rules for a in r.actions if isinstance(a.what, Run)]
    assert plugins == (["music_player"] if name == "music_player" else [])


def test_the_plugin_of_the_tutorial_nods(caplog):
    code = next(block for block in blocks("python") if "class Nod" in block)
    names: dict[str, type] = {}
    exec(code, names)
    transport = MemoryTransport(MemoryGraph(), "behave")
    nod = names["Nod"]({"times": 2}, Context(transport, Path()))
    with caplog.at_level("INFO"):
        nod.handle(Event("start", "", "r", "/c", 1, "c", "k7w2xq_1", "happy", "", 0.9, 1, 0))
    assert "nodding 2 times to k7w2xq_1" in caplog.text
    assert nod.health() == ""
    nod.close()


def test_the_python_behaviour_has_15_lines():
    code = next(block for block in blocks("python") if "class Waver" in block)
    assert len([line for line in code.splitlines() if line.strip()]) <= 15
