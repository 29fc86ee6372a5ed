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

"""Label files: intervals in CSV, as spreadsheets of any country save it, or in lines of JSON."""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from pathlib import Path
from typing import Any

import numpy as np

from fer_ros.files import read_bytes
from fer_ros.perception.types import Box
from fer_ros.replay.errors import ReplayError
from fer_ros.replay.read import label_names
from fer_ros.replay.text import shown

COLUMNS = ("start", "end", "topic", "x", "y", "w", "h", "label", "track", "thumbnail", "note")
"""Columns of a label file; ``start``, ``end`` and ``label`` are needed, the last two are only for
people."""

_MOST_BYTES = 64 << 20
_MOST_ROWS = 1_000_000

_LATEST = 1 << 32
"""Stamps of ROS hold so many seconds [s]; it is the year 2106."""

_UNITS = ((10**17, "nanoseconds"), (10**14, "microseconds"), (0, "milliseconds"))

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class LabelError(ReplayError):
    """A label cannot be understood; the message says where it stands and what would do."""


@dataclass(frozen=True)
class Time:
    """A time of a label file."""

    nanoseconds: int
    relative: bool
    """Whether it counts from the first image."""

    def at(self, origin_ns: int) -> int:
        """Return the time [ns], when the first image's is known."""
        return self.nanoseconds + origin_ns if self.relative else self.nanoseconds


@dataclass(frozen=True)
class Row:
    """One interval of a label file."""

    start: Time
    end: Time
    topic: str
    label: str
    """Canonical; empty where nobody has filled it in."""
    track_id: str
    box: Box | None
    place: str
    """File and line."""


def read_rows(path: Path) -> Iterator[Row]:
    """Read a label file.

    Args:
        path: ``.csv`` with commas, semicolons or tabs, in UTF-8 or UTF-16; or ``.jsonl`` or
            ``.json`` with one object a line.

    Raises:
        LabelError: It cannot be read, or a row is malformed; the message names it.
    """
    text = _text(path)
    if path.suffix in (".jsonl", ".json"):
        rows = _json_rows(path, text.splitlines())
    elif path.suffix in (".csv", ".tsv"):
        rows = _csv_rows(path, text.splitlines(keepends=True))
    else:
        raise LabelError(f"the labels {path} must be a .csv or .jsonl file")
    for number, (place, row) in enumerate(rows):
        if number == _MOST_ROWS:
            raise LabelError(f"the labels {path} have more than {_MOST_ROWS} rows")
        yield _row(row, place)


def _text(path: Path) -> str:
    try:
        data = read_bytes(path, _MOST_BYTES)
    except OSError as error:
        raise LabelError(f"the labels {path} cannot be read: {error}") from error
    try:
        return data.decode("utf-16" if data[:2] in _UTF16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise LabelError(
            f"the labels {path} cannot be read: {error}; save them as UTF-8 or UTF-16"
        ) from error


def _csv_rows(path: Path, lines: list[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    first = 0
    if lines and lines[0].lower().startswith("sep="):  # how spreadsheets name the separator
        first = 1
    head = lines[first] if len(lines) > first else ""
    separator = next((sign for sign in (";", "\t") if sign in head), ",")
    reader = csv.reader(lines[first:], skipinitialspace=True, delimiter=separator)
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        _check_columns(names, f"{path}, line {first + 1}")
        for values in reader:
            if not any(value.strip() for value in values):
                continue
            place = f"{path}, line {first + reader.line_num}"
            if len(values) != len(names):
                raise LabelError(f"{place}: not as many fields as the first line names")
            row = dict(zip(names, values))
            if separator != ",":  # where a comma is free, it may be the decimal point
                row |= {k: row[k].replace(",", ".") for k in _NUMBERS if k in row}
            yield place, row
    except csv.Error as error:
        raise LabelError(f"{path}, line {first + reader.line_num}: no CSV: {error}") from error


_NUMBERS = ("start", "end", "x", "y", "w", "h")


def _json_rows(path: Path, lines: Iterable[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            row = json.loads(line, parse_float=Decimal)
        except RecursionError:
            raise LabelError(f"{place}: nested too deeply") from None
        except ValueError as error:
            raise LabelError(f"{place}: no JSON: {error}") from error
        if not isinstance(row, dict):
            raise LabelError(f"{place}: must be an object with {', '.join(COLUMNS)}")
        _check_columns(list(row), place)
        yield place, row


def _check_columns(names: Sequence[str], place: str) -> None:
    missing = [name for name in ("start", "end", "label") if name not in names]
    unknown = [shown(name, 40) for name in sorted({*names} - {*COLUMNS})][:10]
    twice = sorted({name for name in names if names.count(name) > 1})
    if missing or unknown or twice:
        what = f"lacks {', '.join(missing)}" if missing else f"has unknown {', '.join(unknown)}"
        if twice and not missing and not unknown:
            what = f"names {', '.join(twice)} twice"
        raise LabelError(f"{place}: {what}; the columns are {', '.join(COLUMNS)}")


def _row(row: Mapping[str, Any], place: str) -> Row:
    label = str(row["label"] or "").strip()
    if not label:
        return Row(Time(0, False), Time(0, False), "", "", "", None, place)
    start, end = (_time(row[key], f"{place}: {key}") for key in ("start", "end"))
    if start.relative == end.relative and end.nanoseconds <= start.nanoseconds:
        raise LabelError(f"{place}: the end does not come after the start")
    topic, track = (str(row.get(key) or "").strip() for key in ("topic", "track"))
    return Row(start, end, topic, canonical_label(label, place), track, _box(row, place), place)


def _time(value: Any, place: str) -> Time:
    """Return seconds as nanoseconds, exactly."""
    text = str(value).strip()
    try:
        seconds = Decimal(text)
        known = seconds.is_finite()
    except (DecimalException, ValueError):
        known = False
    if not known:
        raise LabelError(
            f"{place} must be seconds, e.g. 1700000000.25, or +12.5 after the first image, "
            f"not {shown(repr(value), 40)}"
        )
    if not 0 <= seconds < _LATEST:
        unit = next((name for least, name in _UNITS if seconds >= least), "")
        hint = f"; it looks like {unit}" if unit else ""
        raise LabelError(
            f"{place} must be seconds between 0 and {_LATEST}, not {shown(text, 40)}{hint}"
        )
    return Time(int(seconds * 1_000_000_000), text.startswith("+"))


def _box(row: Mapping[str, Any], place: str) -> Box | None:
    values = [row.get(key) for key in ("x", "y", "w", "h")]
    if all(value is None or str(value).strip() == "" for value in values):
        return None
    try:
        x, y, width, height = (float(str(value)) for value in values)
    except ValueError:
        raise LabelError(
            f"{place}: x, y, w, h must be four numbers [pixels], or all blank"
        ) from None
    if not (width > 0 and height > 0 and np.isfinite([x, y, width, height]).all()):
        raise LabelError(f"{place}: w and h must be positive")
    return Box(x, y, width, height)


def canonical_label(name: str, place: str) -> str:
    """Return a label's canonical name.

    Raises:
        LabelError: It is no known expression; the message begins with the place.
    """
    try:
        return label_names.canonical(shown(name))
    except ValueError as error:
        raise LabelError(f"{place}: {error}; or {label_names.IGNORE!r}") from None
