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

"""Strings for log lines and messages: shortened input, near names, and errors in one line."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MOST_CHARACTERS = 200
"""Longest input string that a message repeats."""


def shortened(text: str, most: int = MOST_CHARACTERS) -> str:
    """Return a string of at most ``most`` characters; of a longer one the beginning and the length.

    Control characters become spaces, so that a string can neither end a line of the log nor control
    a terminal.
    """
    cut = text[:most]
    clean = "".join(character if character.isprintable() else " " for character in cut)
    return clean if len(text) <= most else f"{clean[: most - 1]}… ({len(text)} characters)"


def near_name(name: str, known: Iterable[str]) -> str:
    """Return a hint for an unknown name: the nearest known one, or a list.

    Args:
        name: The unknown name.
        known: The known names.
    """
    known = list(known)
    near = near_names(name, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"


def near_names(name: str, known: Iterable[str], most: int, cutoff: float = 0.66) -> list[str]:
    """Return the names that are most like a given one, the likest first.

    Args:
        name: As it was given.
        known: The names there are.
        most: So many at most.
        cutoff: Likeness that is needed [0..1].
    """
    plain = {_plain(each): each for each in known}
    near = get_close_matches(_plain(name[:MOST_CHARACTERS]), plain, most, cutoff)
    return [plain[each] for each in near]


def _plain(name: str) -> str:
    return name.strip("-").replace("-", "").replace("_", "").lower()


_MOST_OF_AN_ERROR = 2000

_FOR_THE_USER = (RuntimeError, OSError, ValueError, ImportError)
"""Errors whose message is written for users."""


def in_one_line(error: BaseException) -> str:
    """Return an error as one line, with its type where the message alone is not clear."""
    text = shortened(" ".join(str(error).split()), _MOST_OF_AN_ERROR)
    if isinstance(error, RecursionError):
        return f"something is nested too deeply ({text}); look at the files that were given"
    if isinstance(error, _FOR_THE_USER) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
