"""A node in a process of its own: sends back on `out` what it hears on `in`, until told to end.

Run as ``dds_peer.py TYPE RELIABILITY [ROS ARGUMENTS]``. It prints its process id when it is ready
and ends when its standard input is closed.
"""

from __future__ import annotations

import os
import sys
from typing import Literal, cast

from fer_ros.transport.arguments import parse_ros_args
from fer_ros.transport.base import Qos
from fer_ros.transport.dds.node import DdsTransport


def main() -> None:
    type_name, reliability = sys.argv[1:3]
    kind = cast(Literal["reliable", "best_effort"], reliability)
    node = DdsTransport("peer", args=parse_ros_args(sys.argv[3:]))
    out = node.publisher("out", type_name, Qos(kind, depth=20))
    node.subscribe("in", type_name, Qos(kind, depth=20), out.publish)
    print(os.getpid(), flush=True)
    sys.stdin.read()
    node.close()


if __name__ == "__main__":
    main()
