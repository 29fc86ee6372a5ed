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

"""Sources on a command line: pictures, folders, globs, videos, webcams and recordings."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from fer_ros.files import open_file
from fer_ros.perception.strings import shortened
from fer_ros.reading.errors import ReadError
from fer_ros.sources.pictures import PICTURES, is_picture
from fer_ros.sources.webcam import is_webcam

VIDEOS = (
    ".3gp", ".asf", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mjpeg", ".mkv", ".mov", ".mp4",
    ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".webm", ".wmv",
)  # fmt: skip
"""Endings of files that count as videos where a folder is read; of a file that is named any."""

_RECORDINGS = (".mcap", ".db3", ".mcap.zstd", ".db3.zstd")

_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"II*\0", b"MM\0*")
"""How JPEG, PNG and TIFF begin, whatever their name ends in."""

_OTHER_PICTURES = (".bmp", ".webp", ".heic", ".heif", ".avif", ".jp2", ".psd", ".svg", ".raw")

_LEFT_OUT = (
    *_OTHER_PICTURES, *_RECORDINGS,
    ".arw", ".cr2", ".cr3", ".dng", ".jfif", ".jpe", ".jxl", ".nef", ".ppm", ".tga",
    ".3g2", ".divx", ".dv", ".f4v", ".h264", ".m2v", ".mpe", ".mxf", ".qt", ".vob",
)  # fmt: skip
"""Endings of pictures, videos and recordings that are not read where a folder is; to be told."""

_MOST_NAMED = 3
"""Files that are left out and named; more are counted."""


class Kind(Enum):
    """What a source is."""

    PICTURE = "picture"
    VIDEO = "video"
    WEBCAM = "webcam"
    RECORDING = "recording"


@dataclass(frozen=True)
class Source:
    """One thing to read."""

    kind: Kind
    path: Path
    """Of the file or folder; of a webcam its number or device."""
    name: str
    """Its name in the table: the path as given or found."""
    place: Path
    """Where what is drawn of it goes in the folder for that; unique in one call."""
    topics: Mapping[str, str] = field(default_factory=dict)
    """Of a recording: the image topics to read, with their types."""


@dataclass(frozen=True)
class Found:
    """What words name."""

    sources: list[Source]
    """Each once, in the order of the words."""
    left_out: list[str]
    """Names of files in folders that look like pictures, videos and recordings, but of kinds that
    are not read there."""

    @property
    def warning(self) -> str:
        """What is to be said of the files that are left out; empty where none is."""
        return _not_read(self.left_out) if self.left_out else ""


def find_sources(words: Sequence[str]) -> list[Source]:
    """Return the sources that words name, as :func:`find`."""
    return find(words).sources


def find(words: Sequence[str]) -> Found:
    """Return the sources that words name, and what is left out of folders.

    A folder means the pictures and videos below it, by name, hidden ones left out, unless it
    is a recording.

    Raises:
        ReadError: A word names nothing, or a folder in which there is nothing to read.
    """
    found: dict[str, Source] = {}
    places: set[Path] = set()
    left_out: dict[str, None] = {}
    for word in words:
        for kind, path, place in _named(word):
            name = _printable(path)
            if kind is None:
                left_out[name] = None
            elif name not in found:
                found[name] = Source(kind, path, name, _unique(place, places))
    return Found(list(found.values()), [name for name in left_out if name not in found])


def _not_read(names: Sequence[str]) -> str:
    which = ", ".join(shortened(name) for name in names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    also = f" and {more} more" if more > 0 else ""
    return (
        f"{len(names)} file{'s' if len(names) > 1 else ''} left out of folders: {which}{also}; "
        "convert pictures to JPEG, PNG or TIFF, name recordings and other videos themselves"
    )


def _named(word: str) -> Iterator[tuple[Kind | None, Path, Path]]:
    """Yield kind, path and place of what a word names; no kind of what is left out of a folder."""
    if not word:
        raise ReadError("a source has an empty name; is a variable unset?")
    if is_webcam(word):
        yield Kind.WEBCAM, Path(word), Path(f"webcam{Path(word).name}")
        return
    path = Path(word).expanduser()
    if path.is_dir():
        yield from _in_folder(path)
    elif path.exists():
        yield _kind(path), path, Path(path.name)
    elif glob.has_magic(word):
        matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207
        if not matches:
            raise ReadError(f"no file matches {word!r}")
        for match in matches:
            if not Path(match).name.startswith("._"):
                yield from _named(match)
    else:
        raise ReadError(
            f"no picture, video, folder or recording at {word}; a webcam is named by its number"
        )


def _in_folder(folder: Path) -> Iterator[tuple[Kind | None, Path, Path]]:
    files = _files_below(folder)
    read = [path for path in files if is_picture(path) or path.suffix.lower() in VIDEOS]
    tops = [path.name for path in files if path.parent == folder]
    packed = any(name.lower().endswith(_RECORDINGS) for name in tops)
    if "metadata.yaml" in tops or (packed and not read):
        yield Kind.RECORDING, folder, Path(folder.resolve().name)
        return
    left_out = [path for path in files if path.name.lower().endswith(_LEFT_OUT)]
    if not read:
        also = f"; {_not_read([_printable(path) for path in left_out])}" if left_out else ""
        raise ReadError(f"{folder} holds no pictures ({', '.join(PICTURES)}) and no videos{also}")
    for path in read:
        kind = Kind.PICTURE if is_picture(path) else Kind.VIDEO
        yield kind, path, path.relative_to(folder)
    for path in left_out:
        yield None, path, path.relative_to(folder)


def _files_below(folder: Path) -> list[Path]:
    """Return the files of a folder and of those in it, by name; hidden ones are left out."""

    def refuse(error: OSError) -> None:
        raise ReadError(f"{error.filename} cannot be read: {error.strerror}") from error

    files = []
    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [Path(parent, name) for name in names if not name.startswith(".")]
    # Links that lead nowhere stay, so that reading them names them; pipes and the like do not.
    return sorted(path for path in files if path.is_file() or not path.exists())


def _kind(path: Path) -> Kind:
    if not path.is_file():
        raise ReadError(f"{path} is neither a file nor a folder")
    if path.name.lower().endswith(_RECORDINGS):
        return Kind.RECORDING
    suffix = path.suffix.lower()
    if suffix in PICTURES or _begins_as_picture(path):
        return Kind.PICTURE
    if suffix in _OTHER_PICTURES:
        raise ReadError(f"{path} is no JPEG, PNG or TIFF; convert it first")
    return Kind.VIDEO


def _begins_as_picture(path: Path) -> bool:
    try:
        with open_file(path) as file:
            return file.read(8).startswith(_MAGIC)
    except OSError as error:
        raise ReadError(f"{path} cannot be read: {error.strerror}") from error


def _printable(path: Path) -> str:
    """Return a path as a string that every table can hold."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _unique(place: Path, taken: set[Path]) -> Path:
    number, unique = 2, place
    # Without its ending: what is drawn of a.jpg and of a.png may have the same.
    while unique.with_suffix("") in taken:
        unique, number = place.with_name(f"{place.stem}-{number}{place.suffix}"), number + 1
    taken.add(unique.with_suffix(""))
    return unique
