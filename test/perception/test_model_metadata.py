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

"""The contract between training and serving: what is refused, and with which words."""

from __future__ import annotations

import json

import pytest

from fer_ros.perception.emotions import FER2013
from fer_ros.perception.model_metadata import CropTemplate, InputSpec, MetadataError, ModelMetadata

GOOD = ModelMetadata(
    model_id="test",
    version="1.0.0",
    labels=FER2013,
    input=InputSpec(48, 48, 1, (127.5,), (1 / 127.5,)),
    crop=CropTemplate(
        ((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)), (0.5, 0.55), 0.9
    ),
    temperature=1.3,
    undecided_temperature=1.6,
    uncertain_threshold=0.4,
    dataset={"name": "FER2013"},
    metrics={"public_test": {"accuracy": 0.65}},
    class_shares=(0.14, 0.02, 0.14, 0.25, 0.17, 0.11, 0.17),
)


def changed(key: str, value: object) -> dict[str, str]:
    props = GOOD.to_props()
    props["fer." + key] = json.dumps(value)
    return props


def test_what_is_written_is_read_back() -> None:
    assert ModelMetadata.from_props(GOOD.to_props()) == GOOD


def test_a_file_of_version_0_1_has_one_temperature() -> None:
    props = GOOD.to_props()
    del props["fer.undecided_temperature"]
    assert ModelMetadata.from_props(props).undecided_temperature is None


@pytest.mark.parametrize(
    "key", ["schema", "model_id", "labels", "input", "crop", "output", "temperature"]
)
def test_a_missing_key_is_named(key: str) -> None:
    props = GOOD.to_props()
    del props["fer." + key]
    with pytest.raises(MetadataError, match=f"fer.{key}"):
        ModelMetadata.from_props(props)


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("schema", 2, "schema"),
        ("labels", ["happy"], "two or more"),
        ("labels", ["happy", "happy"], "different"),
        ("labels", ["happy", "bored"], "bored"),
        ("labels", "happy", "labels"),
        ("temperature", 0, "temperature"),
        ("temperature", "warm", "temperature"),
        ("temperature", float("nan"), "temperature"),
        ("undecided_temperature", 0, "undecided_temperature must lie in"),
        ("undecided_temperature", "warm", "undecided_temperature must be a finite number"),
        ("uncertain_threshold", None, "uncertain_threshold must be a finite number"),
        ("uncertain_threshold", 1.5, "uncertain_threshold"),
        ("output", "scores", "output"),
        ("class_shares", [0.5], "class_shares"),
        ("class_shares", None, "class_shares must be a list"),
        ("class_shares", [1e-9] + [1 / 6] * (len(GOOD.labels) - 1), "class_shares"),
        ("class_shares", [0.9] + [0.1] * (len(GOOD.labels) - 1), "class_shares"),
        ("class_shares", [1.0] + [0.0] * (len(GOOD.labels) - 1), "class_shares"),
        ("input", {"width": 48}, "height"),
        ("input", {**GOOD.__dict__["input"].__dict__, "channels": 2}, "channels"),
        ("input", {**GOOD.__dict__["input"].__dict__, "width": 4096}, "4096"),
        ("input", {**GOOD.__dict__["input"].__dict__, "mean": [1, 2]}, "mean"),
        ("crop", {"landmarks": [[0, 0]] * 4, "box_center": [0.5, 0.5], "box_size": 1}, "five"),
        ("crop", {"landmarks": [[0, 0]] * 5, "box_center": [0.5, 0.5], "box_size": 9}, "box_size"),
    ],
)
def test_a_value_that_cannot_be_honoured_is_named(key: str, value: object, word: str) -> None:
    with pytest.raises(MetadataError, match=word):
        ModelMetadata.from_props(changed(key, value))


def test_text_that_is_no_json_is_refused() -> None:
    props = GOOD.to_props()
    props["fer.labels"] = "[happy"
    with pytest.raises(MetadataError, match="no JSON"):
        ModelMetadata.from_props(props)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("temperature", "1e-300", "temperature must lie in"),
        ("temperature", "1e300", "temperature must lie in"),
        ("recipe", "[" * 100_000 + "]" * 100_000, "recipe' is (nested too deeply|no JSON)"),
        ("known_answer", '{"happy": 1}', "known_answer"),
        ("known_answer", '{"happy": ["x"]}', "known_answer.happy"),
        ("version", "9" * 5000, "version"),
    ],
)
def test_nonsense_in_metadata_is_refused_in_words(key: str, value: str, words: str) -> None:
    props = {**GOOD.to_props(), f"fer.{key}": value}
    with pytest.raises(MetadataError, match=words):
        ModelMetadata.from_props(props)
