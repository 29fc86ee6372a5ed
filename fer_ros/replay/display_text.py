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

"""Sanitising of untrusted strings for display: names of topics, encodings and files."""

from __future__ import annotations

import re
from pathlib import Path

MOST_SHOWN = 120
"""Longer strings are cut [characters]."""

MOST_OF_A_MESSAGE = 600
"""The same for whole messages."""


def shown(text: object, most: int = MOST_SHOWN) -> str:
    """Return a string without control characters and undecodable bytes, cut to `most`."""
    given = str(text)
    kept = given[:most]
    printable = "".join(c if c.isprintable() else _escaped(c) for c in kept)
    return printable if len(given) <= most else f"{printable}… ({len(given)} characters)"


def one_line(text: object) -> str:
    """Return a message of several lines as one line, fit for display."""
    return shown(" ".join(str(text)[: 4 * MOST_OF_A_MESSAGE].split()), MOST_OF_A_MESSAGE)


def folder_name(path: Path) -> str:
    """Return a recording's name as that of a folder which every file system and page can name."""
    return re.sub(r"[^\w.,+=@ -]", "_", shown(path.name, 100)) or "recording"


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is no UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
