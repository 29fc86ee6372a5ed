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

"""The parameter table: types, ranges, and nothing half-changed."""

from __future__ import annotations

import math

import pytest
import yaml

from fer_ros.node.parameters import (
    PARAMETERS,
    ParameterError,
    Settings,
    parameter,
    unknown_parameters,
)


def test_every_default_satisfies_its_own_row() -> None:
    for row in PARAMETERS:
        assert row.check(row.default) == row.default
    Settings().check()


def test_every_row_is_described() -> None:
    for row in PARAMETERS:
        assert row.description[0].isalpha(), row.name
        assert row.description.rstrip().endswith("."), row.name


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("detection_threshold", math.nan, "0.05..1"),
        ("detection_threshold", math.inf, "0.05..1"),
        ("detection_threshold", 1.5, "0.05..1"),
        ("detection_threshold", "high", "double"),
        ("detection_threshold", True, "double"),
        ("max_faces", 0, "1..1000"),
        ("max_faces", 2.5, "int"),
        ("enabled", 1, "bool"),
        ("detector", "dlib", "yunet"),
        ("providers", ("gpu",), "cuda"),
        ("providers", 3, "string[]"),
        ("image_topics", (), "at least one"),
        ("image_topics", ("/a", "/a"), "twice"),
        ("image_topics", ("/a", ""), "empty"),
        ("image_topics", (1,), "string[]"),
        ("uncertain_threshold", -0.5, "-1"),
        ("no_such_thing", 1, "unknown parameter"),
    ],
)
def test_a_bad_value_is_refused_with_its_reason(name: str, value: object, word: str) -> None:
    with pytest.raises(ParameterError) as refused:
        Settings().with_values({name: value})
    assert name in str(refused.value)
    assert word in str(refused.value)


def test_one_bad_value_among_good_ones_changes_nothing() -> None:
    settings = Settings()
    with pytest.raises(ParameterError):
        settings.with_values({"max_faces": 5, "hysteresis": 7.0})
    assert settings == Settings()


def test_whole_numbers_serve_as_doubles_and_lists_as_tuples() -> None:
    changed = Settings().with_values({"smoothing_time": 1, "image_topics": ["/a", "/b"]})
    assert changed.smoothing_time == 1.0
    assert isinstance(changed.smoothing_time, float)
    assert changed.image_topics == ("/a", "/b")


def test_a_bare_off_which_yaml_reads_as_false_is_the_word() -> None:
    assert Settings.from_overrides({"baseline": yaml.safe_load("off")}).baseline == "off"
    with pytest.raises(ParameterError, match="baseline must be of type string, not bool True"):
        Settings.from_overrides({"baseline": yaml.safe_load("on")})
    with pytest.raises(ParameterError, match="detector must be of type string"):
        Settings.from_overrides({"detector": yaml.safe_load("off")})


def test_type_names_are_those_of_ros() -> None:
    names = {row.name: row.type_name for row in PARAMETERS}
    assert names["image_topics"] == "string[]"
    assert names["enabled"] == "bool"
    assert names["max_faces"] == "int"
    assert names["stale_after"] == "double"
    assert names["detector"] == "string"
    assert parameter("enabled").dynamic
    assert not parameter("models").dynamic


def test_one_name_serves_where_a_list_is_wanted() -> None:
    settings = Settings.from_overrides({"models": "fer-base", "image_topics": "/cam"})
    assert settings.models == ("fer-base",)
    assert settings.image_topics == ("/cam",)
    assert Settings.from_overrides({"providers": "cpu"}).providers == ("cpu",)
    with pytest.raises(ParameterError, match="one of"):
        Settings.from_overrides({"providers": "gpu"})
    with pytest.raises(ParameterError, match="empty"):
        Settings.from_overrides({"models": ""})


def test_unknown_names_are_refused_with_the_nearest_ones() -> None:
    assert unknown_parameters(["models", "use_sim_time", "qos_overrides./a.b"]) == ""
    text = unknown_parameters(["detectionsize", "Max-Faces", "zzz"])
    assert "'detectionsize': did you mean 'detection_size'?" in text
    assert "'Max-Faces': did you mean 'max_faces'?" in text
    assert "'zzz': known: image_topics" in text
    assert len(unknown_parameters(f"zzz{i}" for i in range(10_000))) < 20_000
