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

"""The --ros-args of a command line and ROS parameter files."""

from __future__ import annotations

import math

import pytest

from fer_ros.transport import names
from fer_ros.transport.arguments import RosArgsError, parse_ros_args
from fer_ros.transport.base import TransportError


def parse(line: str):
    return parse_ros_args(line.split())


def test_without_ros_args_everything_remains():
    args = parse("run --verbose -r x -- y")
    assert args.remaining == ("run", "--verbose", "-r", "x", "--", "y")
    assert args.parameters("/fer") == {}
    assert args.identity("fer").full == "/fer"


def test_groups_end_at_the_dashes_and_may_come_again():
    args = parse("one --ros-args -r a:=b -- two --ros-args -p x:=1")
    assert args.remaining == ("one", "two")
    assert [rule.target for rule in args.remaps] == ["b"]
    assert args.parameters("/fer") == {"x": 1}


def test_node_name_and_namespace():
    identity = parse("--ros-args -r __node:=eye -r __ns:=/robot").identity("fer")
    assert identity.full == "/robot/eye"
    assert parse("--ros-args --remap __name:=eye").identity("fer", "/a").full == "/a/eye"


def test_rules_for_a_named_node_only():
    args = parse("--ros-args -r camera:__node:=c -r fer:__ns:=/f -r fer:image:=/i -p fer:x:=1")
    assert args.identity("fer").full == "/f/fer"
    assert args.identity("camera").full == "/c"
    assert names.resolve("image", args.identity("fer"), args.remaps) == "/i"
    assert names.resolve("image", args.identity("camera"), args.remaps) == "/image"
    assert args.parameters("/f/fer") == {"x": 1}
    assert args.parameters("/camera") == {}


def test_topic_and_service_rules_are_told_apart():
    args = parse("--ros-args -r rostopic://a:=b -r rosservice://a:=c")
    node = args.identity("fer")
    assert names.resolve("a", node, args.remaps) == "/b"
    assert names.resolve("a", node, args.remaps, kind="service") == "/c"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("No", False),
        ("nO", "nO"),
        ("7", 7),
        ("-0x1F", -31),
        ("2.5", 2.5),
        ("1e3", 1000.0),
        ("-.inf", -math.inf),
        ("image_raw", "image_raw"),
        ("'7'", "7"),
        ("''", ""),
        ("2026-01-01", "2026-01-01"),
        ("1:30", "1:30"),
        ("[a,b]", ("a", "b")),
        ("[1.0,2.5]", (1.0, 2.5)),
        ("[]", ()),
        ("!!str 5", "5"),
        ("!!str yes", "yes"),
        ("!!int 2", 2),
        ("!!int 0x10", 16),
        ("!!float 2.5", 2.5),
        ("!!float 2", 2),
        ("!!int 2.5", 2.5),
        ("!!bool yes", True),
        ("!!int '2'", "2"),
        ("!!bool 'yes'", "yes"),
        ("!other 3", 3),
        ("[!!str 1, !!str 2]", ("1", "2")),
        ("[!!int 1, 2]", (1, 2)),
    ],
)
def test_parameter_values_have_the_types_of_ros(text, value):
    """Tags as rcl 9.2.8 (Jazzy) reads them, tried with rclpy: only ``!!str`` means something."""
    found = parse_ros_args(["--ros-args", "-p", f"x:={text}"]).parameters("/fer")["x"]
    assert found == value
    assert type(found) is type(value)


def test_the_last_value_wins_and_use_sim_time_is_a_parameter():
    args = parse("--ros-args -p x:=1 -p use_sim_time:=true --param x:=2")
    assert args.parameters("/fer") == {"x": 2, "use_sim_time": True}


FILE = """
/**:
  ros__parameters:
    everywhere: 1
    nested: {deep: {value: 2.0}}
fer:
  ros__parameters:
    image_topics: [left/image_raw, right/image_raw]
robot:
  fer:
    ros__parameters: {where: robot}
/robot/*:
  ros__parameters: {one: below robot}
/robot/**/fer:
  ros__parameters: {any: depth}
"""


@pytest.fixture
def params_file(tmp_path):
    path = tmp_path / "fer.yaml"
    path.write_text(FILE)
    return path


def test_parameter_file_reaches_the_nodes_it_names(params_file):
    args = parse(f"--ros-args --params-file {params_file}")
    everywhere = {"everywhere": 1, "nested.deep.value": 2.0}
    assert args.parameters("/camera") == everywhere
    assert args.parameters("/fer") == everywhere | {
        "image_topics": ("left/image_raw", "right/image_raw")
    }
    assert args.parameters("/robot/fer") == everywhere | {
        "where": "robot",
        "one": "below robot",
        "any": "depth",
    }
    assert args.parameters("/robot/a/b/fer") == everywhere | {"any": "depth"}


def test_command_line_order_decides_between_file_and_value(params_file):
    before = parse(f"--ros-args -p everywhere:=5 --params-file {params_file}")
    after = parse(f"--ros-args --params-file {params_file} -p everywhere:=5")
    assert before.parameters("/fer")["everywhere"] == 1
    assert after.parameters("/fer")["everywhere"] == 5


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("ros__parameters: {a: 1}", "below the name of a node"),
        ("fer: {a: 1}", "name: value"),
        ("fer: {}", "no 'ros__parameters'"),
        ("- a", "name: value"),
        ("/**:\n  ros__parameters:\n    a: [1, x]", "line 3"),
        ("/**:\n  ros__parameters:\n    a:", "line 3"),
        ("/**: {ros__parameters: {a: [[1]]}}", "list"),
        ("a: [", "not valid YAML"),
        ("\udcff", "cannot be read"),
    ],
)
def test_bad_parameter_file_is_refused(tmp_path, content, words):
    path = tmp_path / "bad.yaml"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(RosArgsError, match=words) as refusal:
        parse(f"--ros-args --params-file {path}")
    assert str(path) in str(refusal.value)


def test_missing_parameter_file_is_refused(tmp_path):
    with pytest.raises(RosArgsError, match=r"cannot be read.*nowhere"):
        parse(f"--ros-args --params-file {tmp_path / 'nowhere.yaml'}")


def test_empty_parameter_file_is_harmless(tmp_path):
    path = tmp_path / "empty.yaml"
    path.write_text("# nothing yet\n")
    assert parse(f"--ros-args --params-file {path}").parameters("/fer") == {}


def test_log_levels():
    args = parse("--ros-args --log-level WARN --log-level robot.fer:=debug")
    assert args.level_of("camera") == "warn"
    assert args.level_of("robot.fer") == "debug"
    assert parse("").level_of("fer") is None


def test_arguments_that_only_concern_ros_itself_are_accepted():
    line = "--ros-args --disable-rosout-logs --log-config-file f -e /x -r a:=b"
    assert [rule.source for rule in parse(line).remaps] == ["a"]


@pytest.mark.parametrize(
    "line",
    [
        "--frobnicate",
        "-r",
        "-r a",
        "-r a:=",
        "-r :=b",
        "-r a:=1b",
        "-r a//b:=c",
        "-r /*/a:=b",
        "-r {ns}/a:=b",
        "-r ~:=b",
        "-r a:=rostopic://b",
        "-r __ns:=relative",
        "-r __node:=a/b",
        "-r b-ad:image:=x",
        "-p a",
        "-p a:=",
        "-p a:=[1,x]",
        "-p a:={b:1}",
        "--log-level loud",
        "--log-level :=info",
    ],
)
def test_malformed_arguments_are_refused_with_the_text_at_fault(line):
    with pytest.raises(RosArgsError) as refusal:
        parse(f"--ros-args {line}")
    assert line.split()[-1] in str(refusal.value)
    assert isinstance(refusal.value, TransportError)
