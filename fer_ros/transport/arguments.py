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

"""The ``--ros-args`` part of a command line, read as rcl reads it.

rclpy has its own parser; this one serves the adapters that work without ROS 2. One difference is
intended: where several rules set a parameter, the last on the command line wins, whereas in rcl a
rule of a params file that names the node beats a later ``-p``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from fer_ros.transport.base import TransportError
from fer_ros.transport.names import (
    EndpointKind,
    InvalidNameError,
    NodeName,
    RemapRule,
    check_namespace,
    check_node_name,
    expand,
)
from fer_ros.transport.parameter_files import ParameterFileError, read_parameters, read_value

LOG_LEVELS = ("debug", "info", "warn", "error", "fatal")

_IGNORED_FLAGS = frozenset(
    f"--{verb}-{what}-logs"
    for verb in ("enable", "disable")
    for what in ("rosout", "stdout", "external-lib")
)
_IGNORED_WITH_VALUE = frozenset(("--log-config-file", "--log-file-name", "-e", "--enclave"))
_KIND_PREFIXES: dict[str, EndpointKind] = {"rostopic://": "topic", "rosservice://": "service"}
_NODE_PREFIX = re.compile(r"([^:/~{}]+):(?!=|//)(.*)", re.DOTALL)


class RosArgsError(TransportError):
    """The ``--ros-args`` are malformed; the message quotes the part at fault."""


@dataclass(frozen=True)
class ParameterRule:
    """One value of one parameter, for the nodes that match a pattern."""

    node_pattern: str
    """Fully qualified node name; ``*`` matches one part, ``**`` any number of them."""
    name: str
    value: Any
    from_file: bool = False
    """Whether it comes from a ``--params-file``, which several nodes may share."""

    def applies_to(self, full_node_name: str) -> bool:
        """Tell whether the rule is meant for a node."""
        pattern = re.escape(self.node_pattern)
        pattern = pattern.replace(r"/\*\*", r"(/\w+)*").replace(r"/\*", r"/\w+")
        return re.fullmatch(pattern, full_node_name) is not None


@dataclass(frozen=True)
class RosArgs:
    """The parsed ``--ros-args`` of a command line."""

    remaps: tuple[RemapRule, ...] = ()
    """Rules for topics and services, in order; the first that applies counts."""
    node_names: tuple[RemapRule, ...] = ()
    """Rules ``__node:=name``; only ``node`` and ``target`` are set."""
    namespaces: tuple[RemapRule, ...] = ()
    """Rules ``__ns:=/namespace``; only ``node`` and ``target`` are set."""
    parameter_rules: tuple[ParameterRule, ...] = ()
    log_level: str | None = None
    """One of :data:`LOG_LEVELS`, or None when none is asked for."""
    logger_levels: tuple[tuple[str, str], ...] = ()
    """(logger, level) pairs of ``--log-level logger:=level``."""
    remaining: tuple[str, ...] = ()
    """The arguments that are not for ROS, in order."""

    def identity(self, name: str, namespace: str = "/") -> NodeName:
        """Return the name that a node takes after ``__node`` and ``__ns`` rules.

        Raises:
            InvalidNameError: A name is not valid.
        """
        name = _first(self.node_names, name) or name
        return NodeName(name, _first(self.namespaces, name) or namespace)

    def parameters(self, full_node_name: str) -> dict[str, Any]:
        """Return the parameter values for a node, ``use_sim_time`` among them if given."""
        return {
            rule.name: rule.value
            for rule in self.parameter_rules
            if rule.applies_to(full_node_name)
        }

    def level_of(self, logger: str) -> str | None:
        """Return the log level asked for a logger, or None."""
        return dict(self.logger_levels).get(logger, self.log_level)


def parse_ros_args(arguments: Sequence[str]) -> RosArgs:
    """Read a command line without the program's name.

    Args:
        arguments: ROS arguments are between ``--ros-args`` and ``--`` or the end, and may
            come in several such groups.

    Raises:
        RosArgsError: A ROS argument is unknown, incomplete or malformed.
    """
    parser = _Parser()
    parser.read(arguments)
    return parser.result()


@dataclass
class _Parser:
    remaps: list[RemapRule] = field(default_factory=list)
    node_names: list[RemapRule] = field(default_factory=list)
    namespaces: list[RemapRule] = field(default_factory=list)
    parameter_rules: list[ParameterRule] = field(default_factory=list)
    log_level: str | None = None
    logger_levels: list[tuple[str, str]] = field(default_factory=list)
    remaining: list[str] = field(default_factory=list)

    def result(self) -> RosArgs:
        return RosArgs(
            tuple(self.remaps),
            tuple(self.node_names),
            tuple(self.namespaces),
            tuple(self.parameter_rules),
            self.log_level,
            tuple(self.logger_levels),
            tuple(self.remaining),
        )

    def read(self, arguments: Sequence[str]) -> None:
        options: dict[str, Callable[[str], None]] = {
            "-r": self.remap,
            "--remap": self.remap,
            "-p": self.parameter,
            "--param": self.parameter,
            "--params-file": self.parameter_file,
            "--log-level": self.set_log_level,
        }
        options |= dict.fromkeys(_IGNORED_WITH_VALUE, lambda _: None)
        words = iter(arguments)
        for word in words:
            if word == "--ros-args":
                _read_group(words, options)
            else:
                self.remaining.append(word)

    def remap(self, text: str) -> None:
        node, rule = _split_node(text)
        source, target = _split_rule(rule, f"-r {text}")
        try:
            if node is not None:
                check_node_name(node)
            if source in ("__node", "__name"):
                check_node_name(target)
                self.node_names.append(RemapRule(source, target, node))
            elif source == "__ns":
                check_namespace(target)
                self.namespaces.append(RemapRule(source, target, node))
            else:
                self.remaps.append(_name_rule(source, target, node))
        except InvalidNameError as error:
            raise RosArgsError(f"bad remap rule '-r {text}': {error}") from error

    def parameter(self, text: str) -> None:
        node, rule = _split_node(text)
        name, value = _split_rule(rule, f"-p {text}")
        pattern = "/**" if node is None else f"/**/{node}"
        try:
            self.parameter_rules.append(ParameterRule(pattern, name, read_value(value)))
        except ParameterFileError as error:
            raise RosArgsError(f"bad parameter '-p {text}': {error}") from error

    def parameter_file(self, text: str) -> None:
        try:
            rules = [ParameterRule(*row, from_file=True) for row in read_parameters(text)]
        except ParameterFileError as error:
            raise RosArgsError(f"--params-file {text}: {error}") from error
        self.parameter_rules.extend(rules)

    def set_log_level(self, text: str) -> None:
        logger, found, level = text.rpartition(":=")
        level = level.lower()
        if level not in LOG_LEVELS or (found and not logger):
            raise RosArgsError(
                f"bad '--log-level {text}': give one of {', '.join(LOG_LEVELS)}, alone or as "
                "logger:=level"
            )
        if logger:
            self.logger_levels.append((logger, level))
        else:
            self.log_level = level


def _read_group(words: Iterator[str], options: dict[str, Callable[[str], None]]) -> None:
    for word in words:
        if word == "--":
            return
        if word in _IGNORED_FLAGS or word == "--ros-args":
            continue
        if word not in options:
            known = ", ".join(sorted(options))
            raise RosArgsError(
                f"unknown ROS argument {word!r}; known after --ros-args: {known}. "
                "A lone -- ends the ROS arguments"
            )
        value = next(words, None)
        if value is None:
            raise RosArgsError(f"{word} is last on the command line; its value is missing")
        options[word](value)


def _split_node(text: str) -> tuple[str | None, str]:
    match = _NODE_PREFIX.fullmatch(text)
    return (match.group(1), match.group(2)) if match else (None, text)


def _split_rule(text: str, shown: str) -> tuple[str, str]:
    source, found, target = text.partition(":=")
    if not found or not source or not target:
        raise RosArgsError(f"bad '{shown}': it must have the form name:=value")
    return source, target


def _name_rule(source: str, target: str, node: str | None) -> RemapRule:
    kind: EndpointKind | None = None
    for prefix, value in _KIND_PREFIXES.items():
        if source.startswith(prefix):
            kind, source = value, source[len(prefix) :]
    for name in (source, target):
        if name == "~" or any(sign in name for sign in "*\\{"):
            raise InvalidNameError(
                f"{name!r} is not a plain name; wildcards and substitutions are not supported in "
                "remap rules (nor are they in rcl)"
            )
        expand(name, NodeName("any"))
    return RemapRule(source, target, node, kind)


def _first(rules: Sequence[RemapRule], name: str) -> str | None:
    return next((rule.target for rule in rules if rule.node in (None, name)), None)
