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

"""A node in a process of its own: sends back on `out` what it hears on `in`, until told to end.

Run as ``transport_peer.py TYPE RELIABILITY [ROS ARGUMENTS]``. It prints its process id when it is
ready and ends when its standard input is closed.
"""

from __future__ import annotations

import os
import sys
from typing import Literal, cast

from fer_ros.transport.arguments import parse_ros_args
from fer_ros.transport.base import Qos
from fer_ros.transport.opening import open_standalone


def main() -> None:
    type_name, reliability = sys.argv[1:3]
    kind = cast(Literal["reliable", "best_effort"], reliability)
    node = open_standalone("peer", parse_ros_args(sys.argv[3:]))
    out = node.publisher("out", type_name, Qos(kind, depth=20))
    node.subscribe("in", type_name, Qos(kind, depth=20), out.publish)
    print(os.getpid(), flush=True)
    sys.stdin.read()
    node.close()


if __name__ == "__main__":
    main()
