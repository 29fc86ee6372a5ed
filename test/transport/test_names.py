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

"""Names of nodes and topics: what is valid, what a name expands to, how DDS spells it."""

from __future__ import annotations

import pytest

from fer_ros.transport import names
from fer_ros.transport.names import InvalidNameError, NodeName, RemapRule

NODE = NodeName("fer", "/robot/head")


@pytest.mark.parametrize(
    ("name", "namespace", "full"), [("fer", "/", "/fer"), ("fer", "/a/b", "/a/b/fer")]
)
def test_full_node_name(name, namespace, full):
    assert NodeName(name, namespace).full == full


@pytest.mark.parametrize("name", ["", "1fer", "fer/x", "fer-1", "fér", "a b", "x" * 256, "fer\n"])
def test_bad_node_name_is_refused(name):
    with pytest.raises(InvalidNameError, match="node name"):
        NodeName(name)


@pytest.mark.parametrize("namespace", ["", "a", "/a/", "//a", "/1", "/a b", "/" + "x" * 250])
def test_bad_namespace_is_refused(namespace):
    with pytest.raises(InvalidNameError, match="namespace"):
        NodeName("fer", namespace)


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("/image", "/image"),
        ("image", "/robot/head/image"),
        ("cam/image", "/robot/head/cam/image"),
        ("~", "/robot/head/fer"),
        ("~/emotions", "/robot/head/fer/emotions"),
        ("{node}/x", "/robot/head/fer/x"),
        ("{ns}/x", "/robot/head/x"),
        ("/a/{node}", "/a/fer"),
    ],
)
def test_expansion(name, full):
    assert names.expand(name, NODE) == full


def test_expansion_in_the_root_namespace():
    node = NodeName("fer")
    assert names.expand("image", node) == "/image"
    assert names.expand("~/emotions", node) == "/fer/emotions"
    assert names.expand("a{ns}b", node) == "/a/b"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "a/",
        "a//b",
        "/1a",
        "a/2b",
        "a b",
        "a-b",
        "~a",
        "a~",
        "{what}/a",
        "{a",
        "ä",
        "x" * 247,
    ],
)
def test_bad_topic_name_is_refused_with_the_text_at_fault(name):
    with pytest.raises(InvalidNameError) as refusal:
        names.expand(name, NODE)
    assert name in str(refusal.value)


def test_remapping_compares_fully_qualified_names():
    rules = [RemapRule("image", "/cam/image"), RemapRule("/robot/head/fer/emotions", "moods")]
    assert names.resolve("/robot/head/image", NODE, rules) == "/cam/image"
    assert names.resolve("image", NODE, rules) == "/cam/image"
    assert names.resolve("~/emotions", NODE, rules) == "/robot/head/moods"
    assert names.resolve("/image", NODE, rules) == "/image"


def test_first_rule_wins_and_is_not_applied_again():
    rules = [RemapRule("a", "b"), RemapRule("a", "c"), RemapRule("b", "d")]
    assert names.resolve("a", NODE, rules) == "/robot/head/b"


def test_rule_of_another_node_or_kind_is_passed_over():
    rules = [
        RemapRule("a", "other_node", node="camera"),
        RemapRule("a", "service_only", kind="service"),
        RemapRule("a", "mine", node="fer", kind="topic"),
    ]
    assert names.resolve("a", NODE, rules) == "/robot/head/mine"
    assert names.resolve("a", NODE, rules, kind="service") == "/robot/head/service_only"


def test_dds_names():
    assert names.dds_topic("/fer/emotions") == "rt/fer/emotions"
    assert names.dds_type("fer_ros/msg/EmotionArray") == "fer_ros::msg::dds_::EmotionArray_"


@pytest.mark.parametrize("type_name", ["Image", "sensor_msgs/Image", "a/msg/B/C", "a/msg/", ""])
def test_bad_type_name_is_refused(type_name):
    with pytest.raises(InvalidNameError, match="type name"):
        names.dds_type(type_name)
