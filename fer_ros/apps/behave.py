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

"""``fer-ros behave``: rules turn EmotionArray into events and actions, live or over a recording."""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from itertools import zip_longest
from pathlib import Path
from typing import Any

import yaml

from fer_ros import files
from fer_ros.behaviors.actions import with_options
from fer_ros.behaviors.node import BehaviorNode
from fer_ros.behaviors.recorded import event_line, events_of_bag
from fer_ros.behaviors.rule_files import RuleError, read_rules
from fer_ros.behaviors.rules import RuleSet
from fer_ros.perception.strings import near_name, shortened
from fer_ros.resources import share_path
from fer_ros.runtime.signals import stop_signals
from fer_ros.transport.arguments import RosArgs
from fer_ros.transport.base import Transport
from fer_ros.transport.opening import open_standalone

_THREADS_TIME = 2.0
"""How long the end waits for threads of plug-ins [s]."""

_MOST_EVENTS_BYTES = 1 << 30
"""Size of a file of expected events."""

SHIPPED = ("greeter", "music_player")
"""Rule files of this package, which go by their names."""


def add_parser(subparsers: Any) -> None:
    """Add the ``behave`` command."""
    parser = subparsers.add_parser(
        "behave",
        help="publish events by rules, and run actions; live or over a recording",
        description="Subscribes to fer/emotions, publishes events on fer/events by the rules, and "
        "does what they name. With --bag it reads a recording of EmotionArray instead and prints "
        "every event with what would be done, one line of JSON each; nothing is done.",
        epilog="examples:\n"
        "  fer-ros behave greeter\n"
        "  fer-ros behave music_player --option music_player.library=~/Music/moods\n"
        "  fer-ros behave rules.yaml --bag results/bag > events.jsonl\n"
        "  fer-ros behave rules.yaml --bag results/bag --expect events.jsonl",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("rules", help=f"rule file, or one of: {', '.join(SHIPPED)}")
    add_arguments(parser)
    parser.add_argument(
        "--bag", type=Path, metavar="BAG", help="read this recording of EmotionArray; do nothing"
    )
    parser.add_argument(
        "--expect", type=Path, metavar="FILE",
        help="with --bag: compare with these events instead of printing them; exit status 1 when "
        "they differ",
    )  # fmt: skip
    parser.set_defaults(func=_behave)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that ``ros2 run`` has as well."""
    parser.add_argument(
        "--emotions", action="append", default=[], metavar="TOPIC",
        help="topic of EmotionArray (default: fer/emotions); several times for several",
    )  # fmt: skip
    parser.add_argument(
        "--option", action="append", default=[], metavar="PLUGIN.KEY=VALUE",
        help="replace an option of a plug-in; the value is read as YAML",
    )  # fmt: skip


def load(name: str, options: list[str]) -> RuleSet:
    """Read a rule file, or a shipped one by its name, and replace options of plug-ins.

    Raises:
        RuleError: The file cannot be used.
        PluginError: No rule runs the plug-in of an option.
        ValueError: An option is malformed.
    """
    path = share_path(f"config/{name}.yaml") if name in SHIPPED else Path(name).expanduser()
    hint = near_name(name, SHIPPED)
    if not path.exists() and "did you mean" in hint:
        raise RuleError(f"there are no rules {name!r}; {hint}")
    rules = read_rules(path)
    for option in options:
        place, given, text = option.partition("=")
        plugin, _, key = place.rpartition(".")
        if not (given and plugin and key):
            raise ValueError(f"--option {option!r} is not of the form PLUGIN.KEY=VALUE")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(f"--option {option!r} has no valid value: {error}") from None
        rules = with_options(rules, plugin, {key: value})
    return rules


def serve(transport: Transport, rules: RuleSet, emotions: list[str], stop: threading.Event) -> None:
    """Run the rules until the event is set.

    Raises:
        TransportError: A topic cannot be used.
        PluginError: A plug-in cannot be made.
    """
    node = BehaviorNode(transport, rules, tuple(emotions))
    try:
        stop.wait()
    finally:
        node.close()


def _behave(args: argparse.Namespace, ros_args: RosArgs) -> int:
    if args.expect and not args.bag:
        raise ValueError("--expect compares the events of a recording; name it with --bag")
    try:
        rules = load(args.rules, args.option)
    except RuleError as error:
        print(
            "\n".join(f"fer-ros: {shortened(line, 2000)}" for line in str(error).splitlines()),
            file=sys.stderr,
        )
        return 2
    if args.bag:
        return _replay(args, rules)
    name = args.rules if args.rules in SHIPPED else "behave"
    own = set(threading.enumerate())
    with stop_signals() as stop, open_standalone(name, ros_args) as transport:
        serve(transport, rules, args.emotions, stop)
    leave_threads(own, 0)
    return 0


def leave_threads(own: set[threading.Thread], status: int) -> None:
    """End the process in spite of threads that plug-ins have started and not ended.

    The interpreter would wait for those that are no daemons for ever.

    Args:
        own: Threads that are none of plug-ins.
        status: Exit status.
    """
    end = time.monotonic() + _THREADS_TIME
    left = [each for each in set(threading.enumerate()) - own if not each.daemon]
    for thread in left:
        thread.join(max(end - time.monotonic(), 0.0))
    names = [shortened(thread.name) for thread in left if thread.is_alive()]
    if names:
        print(f"fer-ros: threads of plug-ins still run: {', '.join(names)}", file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _warn(text: str) -> None:
    print(f"fer-ros: warning: {shortened(text, 400)}", file=sys.stderr)


def _expected(path: Path) -> list[str]:
    """Return the lines of a file of events.

    Raises:
        ValueError: It cannot be read.
    """
    try:
        return files.read_text(path, _MOST_EVENTS_BYTES).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the events {path} cannot be read: {error}") from error


def _replay(args: argparse.Namespace, rules: RuleSet) -> int:
    events = events_of_bag(rules, args.bag, tuple(args.emotions), _warn)
    lines = (event_line(rules, event) for event in events)
    if args.expect is None:
        for line in lines:
            print(line)
        return 0
    expected = _expected(args.expect)
    count = 0
    for number, (line, wanted) in enumerate(zip_longest(lines, expected), 1):
        if line != wanted:
            print(f"event {number} differs from {args.expect}:", file=sys.stderr)
            print(
                f"  expected: {wanted or 'no more'}\n  is:       {line or 'no more'}",
                file=sys.stderr,
            )
            return 1
        count = number
    print(f"{count} events, as expected")
    return 0
