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

"""``ros2 run fer_ros camera``: an rclpy node like others, seen from outside."""

from __future__ import annotations

import pytest
from observing import wait_for

pytestmark = pytest.mark.ros

SOURCE = ("--source", "demo", "--rate", "20", "--size", "64x48")


@pytest.fixture
def camera(start, prefix):
    """Start the installed camera with ROS arguments, e.g. ``-p use_sim_time:=true``."""

    def start_camera(*arguments: str, options=SOURCE):
        executable = prefix / "lib" / "fer_ros" / "camera"
        return start(executable, *options, "--ros-args", *arguments)

    return start_camera


def test_its_parameter_services_reply(camera, observer):
    from rcl_interfaces.srv import GetParameters

    camera()
    request = GetParameters.Request(names=["use_sim_time"])
    (value,) = observer.call(GetParameters, "/camera/get_parameters", request).values
    assert value.bool_value is False


def test_its_images_are_stamped_by_the_simulated_clock(camera, observer):
    from rosgraph_msgs.msg import Clock
    from sensor_msgs.msg import Image

    images = observer.listen(Image, "/image_raw")
    clocks = observer.node.create_publisher(Clock, "/clock", 10)
    clock = Clock()
    clock.clock.sec = 1000
    camera("-p", "use_sim_time:=true")
    wait_for(lambda: clocks.publish(clock) or images, "an image")
    assert {(image.header.stamp.sec, image.header.stamp.nanosec) for image in images} == {(1000, 0)}


def test_it_ends_by_itself_after_its_last_image(camera):
    process = camera(options=(*SOURCE, "--count", "3"))
    assert process.wait() == 0
    assert "3 images published" in process.output


def test_a_source_that_cannot_be_opened_is_named(camera):
    process = camera(options=("--source", "nowhere.mp4"))
    assert process.wait() == 2
    assert "nowhere.mp4" in process.output
    assert "Traceback" not in process.output
