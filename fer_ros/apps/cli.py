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

"""The program ``fer-ros``: from a command line to an exit status.

What takes long to load is loaded in :func:`main`, where Ctrl-C is quiet already.
"""

from __future__ import annotations

import os
import sys

from fer_ros.apps.start import INTERRUPTED, leave, quiet_interrupt, raised_interrupt

TYPE_CHECKING = False  # as in fer_ros/__init__.py
if TYPE_CHECKING:
    from collections.abc import Sequence

_COMMANDS = {
    "demo": ("demo", "see the whole thing work: camera, node, subscriber"),
    "read": ("read", "read pictures, videos and recordings into tables, pictures and videos"),
    "run": ("run", "run the emotion node without ROS 2, over Cyclone DDS or Zenoh"),
    "camera": (
        "camera",
        "publish a webcam, video, folder of pictures or synthetic scene as a camera topic",
    ),
    "view": ("view", "show what the robot sees in the browser: pictures, timelines, diagnostics"),
    "echo": ("echo", "show what the graph carries as a live table, or the messages of topics"),
    "record": ("record", "write topics into a recording that fer-ros replay and ROS 2 read"),
    "behave": ("behave", "publish events by rules, and run actions; live or over a recording"),
    "bridge": ("bridge", "publish faces and expressions in the topics of other standards"),
    "router": ("router", "run the Zenoh router through which nodes of this machine meet"),
    "bench": ("bench", "measure latency, CPU, memory and load"),
    "models": ("models", "list, fetch and verify networks"),
    "replay": ("replay", "run the emotion pipeline on every frame of a recording and judge it"),
    "label": (
        "label",
        "write a label file, or a page, in which a person says what the faces of a recording show",
    ),
}
"""Name of each command: its module in this folder, which is loaded for this command alone, and
what the overview says about it."""

_LIVE = ("demo", "read", "run", "camera", "view", "echo", "record", "behave", "bridge")
"""Commands that run until a signal ends them, and handle it themselves once they have begun."""

_READER_GONE = 141
"""Exit status when the reader of the output has closed it, as a shell reports SIGPIPE."""

DEBUG_ENV = "FER_ROS_DEBUG"
"""Environment variable that asks for the traceback of an error."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status: 0 done, 1 a check failed, 2 an error.

    Args:
        argv: The command line; that of the process where none is given, whose Ctrl-C is then quiet
            until a command has handlers of its own.
    """
    status = _main(argv)
    return leave(status) if argv is None else status


def _main(argv: Sequence[str] | None) -> int:
    if argv is None:
        quiet_interrupt()
    try:
        from fer_ros.apps.command_line import command_name, parse
        from fer_ros.transport.arguments import parse_ros_args

        ros_args = parse_ros_args(sys.argv[1:] if argv is None else argv)
        args = parse(ros_args.remaining, _COMMANDS)
        if command_name(ros_args.remaining) not in _LIVE:
            raised_interrupt()
        status = int(args.func(args, ros_args))
        sys.stdout.flush()  # here, where a reader that has gone is no error
        return status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The rest of the buffer would fail again, with a message, at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _READER_GONE
    except Exception as error:
        if os.environ.get(DEBUG_ENV):
            raise
        return _failed(error)
    finally:
        if argv is None:
            quiet_interrupt()


def _failed(error: Exception) -> int:
    from contextlib import suppress

    from fer_ros.perception.strings import in_one_line

    with suppress(OSError):  # the terminal may be gone
        print(f"fer-ros: {in_one_line(error)}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
