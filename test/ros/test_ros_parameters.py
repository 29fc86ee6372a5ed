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

"""The table of parameters on ROS 2: described, checked, and kept whole."""

from __future__ import annotations

import pytest

from fer_ros.node.parameters import PARAMETERS, Settings

pytestmark = pytest.mark.ros


def describe(observer, names: list[str]):
    from rcl_interfaces.srv import DescribeParameters

    request = DescribeParameters.Request(names=names)
    return observer.call(DescribeParameters, "/fer/describe_parameters", request).descriptors


def test_every_parameter_is_described_as_in_the_table(emotion_node, observer):
    emotion_node()
    found = describe(observer, [row.name for row in PARAMETERS])
    for row, described in zip(PARAMETERS, found):
        assert described.description == row.description
        for choice in row.choices:
            assert choice in described.additional_constraints
        if row.minimum is not None and not row.type_name.endswith("[]"):
            (limits,) = described.integer_range or described.floating_point_range
            assert (limits.from_value, limits.to_value) == (row.minimum, row.maximum)
        if row.name != "detector":  # which the fixture sets
            expected = list(row.default) if isinstance(row.default, tuple) else row.default
            assert observer.get_parameter(row.name) == expected


def test_values_from_outside_arrive_before_configure(emotion_node, observer, tmp_path):
    file = tmp_path / "values.yaml"
    file.write_text("/fer:\n  ros__parameters:\n    image_topics: [/a, /b]\n    image_depth: 3\n")
    node = emotion_node("--params-file", str(file), "-p", "track_timeout:=2")
    observer.activate()
    node.says("active: /a, /b -> /fer/emotions")
    assert observer.get_parameter("image_depth") == 3
    assert observer.get_parameter("track_timeout") == 2.0  # a double written as an integer


def test_what_fits_at_the_start_fits_later_too(emotion_node, observer):
    """`ros2 param set` sends what YAML reads: 5 is an integer, a bare off is false."""
    emotion_node("-p", "baseline:=off")
    given = {"expression_rate": 5, "max_rate": 3, "baseline": False, "image_topics": "/cam"}
    assert all(result.successful for result in observer.set_parameters(**given))
    found = [observer.get_parameter(name) for name in given]
    assert found == [5.0, [3.0], "off", ["/cam"]]


def test_one_name_serves_where_a_list_is_wanted(emotion_node, observer):
    node = emotion_node("-p", "image_topics:=/cam", "-p", "models:=fer-lite-int8")
    observer.activate()
    node.says("active: /cam -> /fer/emotions")
    assert observer.get_parameter("models") == ["fer-lite-int8"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("image_depth:=0", "image_depth must lie in 1..100, not 0"),
        ("detection_threshold:=.nan", "detection_threshold must lie in 0.05..1, not nan"),
        ("image_transport:=smoke", "image_transport must be one of auto, raw, compressed"),
        ("image_topics:=7", "image_topics must be of type string[]"),
        ("providers:=[cpu,abacus]", "providers must be one of cpu"),
        ("image_topics:=[/a,/a]", "image_topics must not name a topic twice"),
        ("image_topics:=[]", "a parameter was given without a value"),
        ("image_topics:=[", "Couldn't parse parameter override"),
    ],
)
def test_a_bad_value_from_outside_ends_the_start_with_its_reason(emotion_node, value, reason):
    node = emotion_node("-p", value)
    assert node.wait() == 2
    assert reason in node.output
    assert "Traceback" not in node.output


def test_an_unknown_name_from_outside_is_pointed_out(emotion_node, observer):
    node = emotion_node("-p", "image_topic:=/a")
    node.says("there is no parameter 'image_topic': did you mean 'image_topics'?")
    assert observer.state() == "unconfigured"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"image_depth": 0}, "image_depth"),
        ({"max_faces": 2.5}, "Wrong parameter type"),
        ({"hysteresis": float("nan")}, "hysteresis"),
        ({"fusion": "war"}, "fusion must be one of sum, product, not 'war'"),
        ({"models": [""]}, "models must name at least one"),
        ({"uncertain_threshold": -0.5}, "uncertain_threshold must lie in 0..1"),
    ],
)
def test_a_bad_value_is_refused_with_a_reason_and_changes_nothing(
    emotion_node, observer, values, reason
):
    node = emotion_node()
    (name,) = values
    before = observer.get_parameter(name)
    (result,) = observer.set_parameters(**values)
    node.says(f"parameter refused: {name} = ")
    assert not result.successful
    assert reason in result.reason
    assert observer.get_parameter(name) == before


def test_parameters_set_together_change_all_or_none(emotion_node, observer):
    emotion_node()
    result = observer.set_parameters(atomically=True, hysteresis=0.3, fusion="war")
    assert not result.successful
    assert "fusion" in result.reason
    assert observer.get_parameter("hysteresis") == Settings().hysteresis
    assert observer.set_parameters(atomically=True, hysteresis=0.3, fusion="product").successful
    assert observer.get_parameter("hysteresis") == 0.3
    assert observer.get_parameter("fusion") == "product"


def test_what_is_not_dynamic_can_change_while_unconfigured_only(emotion_node, observer):
    emotion_node()
    assert observer.set_parameters(image_depth=2)[0].successful
    observer.activate()
    (refused,) = observer.set_parameters(image_depth=3)
    assert not refused.successful
    assert "cannot change while the node is active" in refused.reason
    assert observer.get_parameter("image_depth") == 2
    assert observer.set_parameters(hysteresis=0.2)[0].successful
    assert observer.change("deactivate")
    assert observer.change("cleanup")
    assert observer.set_parameters(image_depth=3)[0].successful


def test_the_enable_service_and_the_parameter_agree(emotion_node, observer):
    from std_srvs.srv import SetBool

    node = emotion_node()
    observer.activate()
    for wanted in (False, True):
        answer = observer.call(SetBool, "/fer/enable", SetBool.Request(data=wanted))
        assert answer.success
        assert answer.message == ("images are processed" if wanted else "images are dropped")
        assert observer.get_parameter("enabled") is wanted
        node.says(f"parameter set: enabled = {wanted}")
        node.says(f"[fer]: {answer.message}")
