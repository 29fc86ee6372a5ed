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

"""The log of a node without ROS 2 on /rosout."""

from __future__ import annotations

import logging

from dds_tools import Inbox

from fer_ros.transport import codec, rosout


def test_the_log_is_heard_also_by_who_comes_later(join):
    node = join("speaker", namespace="robot", rosout=True)
    node.log.warning("the camera is gone")
    inbox = Inbox()
    join("listener").subscribe(rosout.TOPIC, rosout.TYPE, rosout.QOS, inbox)
    heard = codec.decode(inbox.get(), rosout.TYPE)
    assert (heard.name, heard.level) == ("robot.speaker", logging.WARNING)
    assert heard.msg == "the camera is gone"
    assert heard.file == "test_dds_rosout.py"
    assert heard.stamp.sec > 0


def test_a_node_that_has_left_says_nothing_more(join):
    node = join("speaker", rosout=True)
    log = node.log
    node.close()
    assert not log.handlers
