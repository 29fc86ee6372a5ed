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

"""Decompression with bounds, so that a few kilobytes cannot become gigabytes of memory or disk."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from lz4.frame import LZ4FrameDecompressor

from fer_ros.transport.bag.types import COMPRESSED, BagError, damaged

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
"""Starts a compressed message; CDR starts with a zero byte, so the two cannot be mixed up."""

MOST_MESSAGE = 256 << 20
"""Size of an unpacked message [bytes]; an 8K image of three bytes a pixel takes 100 MB."""

MOST_CHUNK = 512 << 20
"""Size of an unpacked chunk of an mcap file [bytes]; rosbag2 writes less than 1 MB at a time."""

MOST_FILE_RATIO = 200
"""How many times its packed size a file may unpack to, if that is more than :data:`ANY_FILE`."""

ANY_FILE = 1 << 30
"""Size that any compressed file may unpack to [bytes]."""

KEPT_FREE = 0.1
"""Share of the temporary folder's free space that unpacking leaves."""

_MOST_FRAMES = 100
"""Frames of one chunk or message, of which each costs a copy of what follows; writers make one."""

_BLOCK = 1 << 20
_PIECE = 1 << 12


class TooLargeError(ValueError):
    """Something unpacks to more than its bound."""


def unpack(data: bytes | memoryview, compression: str, most: int) -> bytes:
    """Return unpacked bytes.

    Args:
        data: One or several whole frames.
        compression: ``zstd`` or ``lz4``, or empty for data that is not packed.
        most: Bound of the result [bytes].

    Raises:
        TooLargeError: The result would exceed the bound.
        ValueError: The data is truncated or damaged, or packed in another way.
    """
    if not compression:
        return bytes(data)
    parts: list[bytes] = []
    left = most
    rest = bytes(data)
    while rest:
        if len(parts) == _MOST_FRAMES:
            raise ValueError(f"it is packed in more than {_MOST_FRAMES} frames")
        part, rest = _frame(rest, compression, left + 1)
        left -= len(part)
        if left < 0:
            raise TooLargeError(f"it unpacks to more than {most >> 20} MiB")
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def unpack_part(data: bytes, compression: str, most: int) -> bytes:
    """Return what can be unpacked of data that ends early; at most so many bytes.

    Raises:
        ValueError: The data is packed in a way that cannot be read.
    """
    if not compression:
        return data[:most]
    if compression not in ("zstd", "lz4"):
        raise ValueError(f"compressed with {compression!r}, only zstd and lz4 can be read")
    unpacker = zstd.ZstdDecompressor() if compression == "zstd" else LZ4FrameDecompressor()
    parts: list[bytes] = []
    size = 0
    for start in range(0, len(data), _PIECE):
        try:
            part = unpacker.decompress(data[start : start + _PIECE], most - size)
        except (zstd.ZstdError, RuntimeError, EOFError):  # what follows is torn
            break
        parts.append(part)
        size += len(part)
        if size >= most or unpacker.eof:
            break
    return b"".join(parts)


def _frame(data: bytes, compression: str, most: int) -> tuple[bytes, bytes]:
    """Unpack one frame; return its content, at most so many bytes of it, and what follows it."""
    if compression == "lz4":
        lz4 = LZ4FrameDecompressor()
        try:
            content = lz4.decompress(data, most)
        except RuntimeError as error:
            raise ValueError(str(error)) from error
        if len(content) < most and not lz4.eof:
            raise ValueError("an lz4 frame ends early")
        return content, lz4.unused_data or b""
    if compression != "zstd":
        raise ValueError(f"compressed with {compression!r}, only zstd and lz4 can be read")
    unpacker = zstd.ZstdDecompressor()
    try:
        content = unpacker.decompress(data, most)
    except zstd.ZstdError as error:
        raise ValueError(str(error)) from error
    if len(content) < most and not unpacker.eof:
        raise ValueError("a zstd frame ends early")
    return content, unpacker.unused_data if unpacker.eof else b""


def unpack_message(data: bytes, path: Path, topic: str) -> bytes:
    """Return a message's CDR, unpacked where rosbag2 compressed it alone.

    Raises:
        BagError: It is damaged, or exceeds :data:`MOST_MESSAGE`.
    """
    if data[:4] != ZSTD_MAGIC:
        return data
    try:
        return unpack(data, "zstd", MOST_MESSAGE)
    except TooLargeError as error:
        raise BagError(f"{path}: a message on {topic} is refused: {error}") from error
    except ValueError as error:
        raise damaged(path, error) from error


@contextmanager
def plain_file(path: Path) -> Iterator[Path]:
    """Yield the file itself, or an unpacked copy in a temporary folder where it is compressed.

    Raises:
        BagError: It is damaged, unpacks to more than its bound, or does not fit. One that ends
            early is unpacked as far as it goes.
    """
    if path.suffix != COMPRESSED:
        yield path
        return
    with TemporaryDirectory(prefix="fer_ros_") as folder:
        target = Path(folder) / path.stem
        _unpack_file(path, target)
        yield target


@contextmanager
def with_journal(path: Path, journals: Sequence[Path]) -> Iterator[Path]:
    """Yield a copy of a database with its journals, which opening it may change.

    Raises:
        BagError: The copy does not fit.
    """
    with TemporaryDirectory(prefix="fer_ros_") as folder:
        needed = sum(file.stat().st_size for file in (path, *journals))
        room = round((1 - KEPT_FREE) * shutil.disk_usage(folder).free)
        if needed > room:
            raise BagError(
                f"{path} has a journal, so that it is read from a copy, which does not fit into "
                f"{folder}, of which {room >> 20} MiB may be used; set TMPDIR to a larger folder"
            )
        for file in (path, *journals):
            shutil.copyfile(file, Path(folder) / file.name)
        yield Path(folder) / path.name


def _next_block(packed: zstd.ZstdFile) -> bytes:
    """Return what follows; nothing at the end, also where the file was cut short."""
    try:
        return packed.read1(_BLOCK)
    except EOFError:
        return b""


def _unpack_file(path: Path, target: Path) -> None:
    folder = target.parent
    ratio = max(ANY_FILE, MOST_FILE_RATIO * path.stat().st_size)
    room = round((1 - KEPT_FREE) * shutil.disk_usage(folder).free)
    done = 0
    try:
        with zstd.open(path, "rb") as packed, target.open("wb") as plain:
            while block := _next_block(packed):
                done += len(block)
                if done > ratio:
                    raise BagError(
                        f"{path} is refused: its {path.stat().st_size} bytes unpack to more than "
                        f"{ratio >> 20} MiB; unpack it with `zstd -d` to read it"
                    )
                if done > room:
                    raise BagError(
                        f"{path} does not fit into {folder.parent}, of which {room >> 20} MiB may "
                        "be used; set TMPDIR to a larger folder, or unpack it with `zstd -d`"
                    )
                plain.write(block)
    except zstd.ZstdError as error:
        raise damaged(path, error) from error
    except OSError as error:
        raise BagError(f"cannot unpack {path} into {folder} (set TMPDIR): {error}") from error
