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

"""config/fer.yaml and docs/parameters.md say what the table of parameters says."""

from __future__ import annotations

import yaml

from fer_ros.node import config_file
from fer_ros.node.parameters import PARAMETERS, Settings
from fer_ros.transport.arguments import parse_ros_args
from fer_ros.transport.parameter_files import read_parameters


def test_the_file_is_the_tables():
    assert config_file.PATH.read_text(encoding="utf-8") == config_file.render(), (
        "config/fer.yaml is out of date: run python -m fer_ros.node.config_file"
    )


def test_the_page_has_the_tables_rows():
    assert config_file.PAGE.read_text(encoding="utf-8") == config_file.render_page(), (
        "docs/parameters.md is out of date: run python -m fer_ros.node.config_file"
    )


def test_it_gives_every_parameter_its_default_in_its_own_type():
    rows = read_parameters(config_file.PATH)
    assert {pattern for pattern, _, _ in rows} == {"/**"}
    found = {name: value for _, name, value in rows}
    assert found == {row.name: row.default for row in PARAMETERS}
    for row in PARAMETERS:
        assert type(found[row.name]) is type(row.default), row.name


def test_plain_yaml_reads_it_alike():
    document = yaml.safe_load(config_file.PATH.read_text(encoding="utf-8"))
    values = document["/**"]["ros__parameters"]
    assert Settings().with_values(values) == Settings()


def test_a_node_can_be_started_with_it():
    args = parse_ros_args(["--ros-args", "--params-file", str(config_file.PATH)])
    assert Settings.from_overrides(args.parameters("/robot/fer")) == Settings()
