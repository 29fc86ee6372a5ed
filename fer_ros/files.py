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

"""Files named by a user, opened so that none can block the program or exhaust its memory.

A name may lead to a pipe that nobody writes into, to ``/dev/zero``, or to more than memory holds.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import BinaryIO

MOST_BYTES = 16 << 20
"""Size of a document, such as rules or parameters, unless a reader says otherwise [bytes]."""

MOST_NETWORK_BYTES = 2 << 30
"""Size of a network; protocol buffers, and with them ONNX, hold no more [bytes]."""

_BLOCK = 1 << 20

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)


class FileError(OSError):
    """The path is no regular file, or the file is too large; the message is one line."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.strerror = message  # what callers show of other errors of the system


def regular(path: str | Path) -> Path:
    """Return the path of a file that a library is to open by its name.

    Raises:
        FileError: It is a directory, pipe, socket or device.
        OSError: There is nothing, or it may not be looked at.
    """
    place = Path(path)
    _check(place.stat().st_mode)
    return place


def listed(folder: Path, pattern: str = "*") -> list[Path]:
    """Return the entries of a folder that fit a pattern, by name, without hidden ones.

    ``._x.mp3`` is what macOS lays beside ``x.mp3`` on other file systems and in archives.

    Raises:
        OSError: The folder cannot be read.
    """
    return sorted(path for path in folder.glob(pattern) if not path.name.startswith("."))


def open_file(path: str | Path) -> BinaryIO:
    """Open a file for reading; never waits, as opening a pipe would.

    Raises:
        FileError: It is a directory, pipe, socket or device.
        OSError: It cannot be opened.
    """
    regular(path)  # first: merely opening some devices has effects
    # Another thing may have taken its place since.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        _check(os.fstat(descriptor).st_mode)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_bytes(path: str | Path, most: int = MOST_BYTES) -> bytes:
    """Return what a file holds.

    Args:
        path: The file.
        most: Its largest size [bytes].

    Raises:
        FileError: It is no file, or larger.
        OSError: It cannot be read.
    """
    parts: list[bytes] = []
    size = 0
    with open_file(path) as file:
        while block := file.read(min(_BLOCK, most + 1 - size)):
            parts.append(block)
            size += len(block)
            if size > most:
                raise FileError(f"it is larger than {most / (1 << 20):.3g} MiB")
    return b"".join(parts)


def read_text(path: str | Path, most: int = MOST_BYTES) -> str:
    """Return the content of a file in UTF-8, without a byte order mark.

    Raises:
        FileError: As :func:`read_bytes`.
        OSError: It cannot be read.
        UnicodeDecodeError: It is no UTF-8.
    """
    return read_bytes(path, most).decode("utf-8-sig")


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file of any size as hexadecimal digits.

    Raises:
        FileError: It is no file.
        OSError: It cannot be read.
    """
    total = hashlib.sha256()
    with open_file(path) as file:
        while block := file.read(_BLOCK):
            total.update(block)
    return total.hexdigest()


def _check(mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = next((name for test, name in _KINDS if test(mode)), "something else")
        raise FileError(f"it is {kind}, not a file")
