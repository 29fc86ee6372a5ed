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

"""Actions in Python: the protocol of plug-ins and their lookup.

A package offers plug-ins as entry points of the group ``fer_ros.actions``; where there are no entry
points (a colcon package of CMake has none) a rule names ``module:attribute`` instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Protocol

from fer_ros.behaviors.workers import error_text
from fer_ros.perception.strings import shortened
from fer_ros.transport.base import Logger, Transport
from fer_ros.transport.event_messages import Event

GROUP = "fer_ros.actions"

BUILT_IN = {"music_player": "fer_ros.behaviors.music:MusicPlayer"}
"""Those of this package, which are there without an installation."""


class PluginError(RuntimeError):
    """A plug-in that does not exist, or cannot be made with its options."""


@dataclass(frozen=True)
class Context:
    """Context of a plug-in: what of the node it may use."""

    transport: Transport
    """The node's place in the graph."""
    folder: Path
    """Folder of the rule file."""

    @property
    def log(self) -> Logger:
        """Where it logs."""
        return self.transport.log


class Plugin(Protocol):
    """An action in Python, made by a call with its options and a :class:`Context`.

    It is constructed in at most 30 s. Each method may raise, exit or hang: that is logged, counted
    and shown in the diagnostics, and neither the rules nor other plug-ins notice. ``handle`` is
    always called on the same thread, ``health`` and ``close`` on others.
    """

    def handle(self, event: Event) -> None:
        """Take in an event; may take its time, while up to 256 events wait."""

    def health(self) -> str:
        """Return what is wrong, in a few words; empty when all is well. Called twice a second."""

    def close(self) -> None:
        """End, within 5 s; nothing comes afterwards."""


Factory = Callable[[Mapping[str, Any], Context], Plugin]


def find(name: str) -> Factory:
    """Return the maker of a plug-in.

    Args:
        name: Of an entry point, or ``module:attribute``.

    Raises:
        PluginError: There is none, or its module cannot be imported.
    """
    offered = {point.name: point for point in entry_points(group=GROUP)}
    offered.update({key: EntryPoint(key, value, GROUP) for key, value in BUILT_IN.items()})
    point = EntryPoint(name, name, GROUP) if ":" in name else offered.get(name)
    if point is None:
        raise PluginError(
            f"there is no plug-in {name!r}; installed: {', '.join(sorted(offered))}; another is "
            "named as module:attribute"
        )
    try:
        factory: Factory = point.load()
    except BaseException as error:  # whatever foreign code does on import, sys.exit() included
        if isinstance(error, KeyboardInterrupt):
            raise
        raise PluginError(
            f"the plug-in {shortened(name)!r} cannot be loaded: {error_text(error)}"
        ) from error
    return factory
