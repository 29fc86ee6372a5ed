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

"""rosbag2 recordings in and out, without a network and without ROS 2.

Reads folders and single files, mcap and sqlite3, plain and zstd-compressed, as ROS 2 Humble and
later write them, and whole files of other writers that hold CDR. Only some messages are held at a
time, so that a recording may have any size. Like the other adapters this one only moves CDR bytes.
"""

from fer_ros.transport.bag.reader import BagReader
from fer_ros.transport.bag.types import BagError, BagMessage, BagTopic, Cut
from fer_ros.transport.bag.writer import BagWriter

__all__ = ["BagError", "BagMessage", "BagReader", "BagTopic", "BagWriter", "Cut"]
