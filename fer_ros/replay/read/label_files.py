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
import io
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from pathlib import Path
from typing import Any

import numpy as np

from fer_ros.files import read_bytes
from fer_ros.perception.types import Box
from fer_ros.replay.display_text import shown
from fer_ros.replay.errors import ReplayError
from fer_ros.replay.read import label_names

COLUMNS = ("start", "end", "topic", "x", "y", "w", "h", "label", "track", "thumbnail", "note")
"""Columns of a label file; ``start``, ``end`` and ``label`` are needed, the last two are only for
people."""

_MOST_BYTES = 64 << 20
_MOST_ROWS = 1_000_000

_LATEST = 1 << 32
"""Stamps of ROS hold so many seconds [s]; it is the year 2106."""

_ROUNDED_FROM = 1_000_000
"""Times with an exponent from this one on have lost their fractions [s]."""

_UNITS = ((10**17, "nanoseconds"), (10**14, "microseconds"), (0, "milliseconds"))

_NEEDED = ("start", "end", "label")

_ABOVE_NAMES = re.compile(r"\s*$|\s*#|\s*\"?sep=", re.IGNORECASE)
"""A line above the names of columns: blank, a remark, or how spreadsheets name the separator."""

_END_OF_FILE = "\x1a"
"""Which old programs write at the end."""

_SEPARATORS = (",", ";", "\t", "|")

_NO_TEXT = (
    (b"pk\x03\x04", "a spreadsheet (xlsx, ods) or another zip file"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet (xls)"),
    (b"\x1f\x8b", "packed by gzip"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd"),
    (b"%pdf", "a PDF"),
    (b"<", "HTML or XML"),
    (b"{\\rtf", "formatted text (RTF)"),
    (b"sqlite format 3", "a database"),
)
"""Kind of a file that begins so, where it is no table as text."""


class LabelError(ReplayError):
    """A label is invalid; the message says where it is and what is valid."""


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
class LabelInterval:
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


def read_rows(path: Path) -> Iterator[LabelInterval]:
    """Read a label file.

    Args:
        path: ``.csv`` or ``.tsv`` with commas, semicolons, tabs or bars, in UTF-8 or UTF-16, or
            ``.jsonl`` or ``.json`` with one object a line or one list of objects.

    Raises:
        LabelError: It cannot be read, or a row is malformed; the message names it.
    """
    kind = path.suffix.lower()
    if kind not in (".csv", ".tsv", ".jsonl", ".ndjson", ".json"):
        raise LabelError(f"the labels {path} must be a .csv or .jsonl file")
    text = _text(path)
    rows = _csv_rows(path, text) if kind in (".csv", ".tsv") else _json_rows(path, text)
    for number, (place, row) in enumerate(rows):
        if number == _MOST_ROWS:
            raise LabelError(f"the labels {path} have more than {_MOST_ROWS} rows")
        yield _row(row, place)


def _text(path: Path) -> str:
    try:
        data = read_bytes(path, _MOST_BYTES)
    except OSError as error:
        raise LabelError(f"the labels {path} cannot be read: {error}") from error
    kind = next(
        (name for start, name in _NO_TEXT if data[:512].lstrip().lower().startswith(start)), ""
    )
    if kind:
        raise LabelError(f"the labels {path} are {kind}; save the table as CSV in UTF-8")
    try:
        return data.decode(_encoding(data)).rstrip(_END_OF_FILE)
    except UnicodeDecodeError as error:
        raise LabelError(
            f"the labels {path} cannot be read: {error}; save them as UTF-8 or UTF-16"
        ) from error


def _encoding(data: bytes) -> str:
    """Return the encoding by its mark, or by where the zeros of Latin letters lie."""
    if data[:4] in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
        return "utf-32"
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    if 4 * data[:64].count(b"\0") > len(data[:64]):
        return "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    return "utf-8-sig"


def _csv_rows(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    lines = io.StringIO(text, newline="")
    above, first = 0, lines.readline()
    while first and _ABOVE_NAMES.match(first):
        above, first = above + 1, lines.readline()
    separator = _separator(first)
    reader = csv.reader(itertools.chain([first], lines), skipinitialspace=True, delimiter=separator)
    try:
        names = _without_blank_end([name.strip().lower() for name in next(reader, [])])
        _check_columns(names, f"{path}, line {above + 1}")
        needed = 1 + max(names.index(name) for name in _NEEDED)
        for values in reader:
            filled = _without_blank_end(values)
            if not filled:
                continue
            place = f"{path}, line {above + reader.line_num}"
            if len(filled) > len(names) or len(values) < needed:
                raise LabelError(f"{place}: not as many fields as the first line names")
            yield place, dict(itertools.zip_longest(names, filled, fillvalue=""))
    except csv.Error as error:
        raise LabelError(f"{path}, line {above + reader.line_num}: no CSV: {error}") from error


def _separator(head: str) -> str:
    """Return the separator by which a first line names most columns."""

    def known(sign: str) -> int:
        try:
            fields = next(csv.reader([head], skipinitialspace=True, delimiter=sign), [])
        except csv.Error:  # which reading names, with its place
            return 0
        return sum(field.strip().lower() in COLUMNS for field in fields)

    return max(_SEPARATORS, key=known)


def _without_blank_end(values: list[str]) -> list[str]:
    """Return fields without the empty ones at the end, for which spreadsheets write separators."""
    while values and not values[-1].strip():
        values = values[:-1]
    return values


def _json_rows(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if re.match(r"\s*\[\s*[{\]]", text):
        rows = _json(text, str(path))
        numbered = ((f"{path}, row {number}", row) for number, row in enumerate(rows, 1))
    else:
        lines = ((f"{path}, line {n}", line) for n, line in enumerate(text.split("\n"), 1))
        numbered = ((place, _json(line, place)) for place, line in lines if line.strip())
    for place, row in numbered:
        if not isinstance(row, dict):
            raise LabelError(f"{place}: must be an object with {', '.join(COLUMNS)}")
        _check_columns(list(row), place)
        yield place, row


def _json(text: str, place: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except RecursionError:
        raise LabelError(f"{place}: nested too deeply") from None
    except ValueError as error:
        raise LabelError(f"{place}: no JSON: {error}") from error


def _check_columns(names: Sequence[str], place: str) -> None:
    missing = [name for name in _NEEDED if name not in names]
    unknown = [shown(name, 40) for name in sorted({*names} - {*COLUMNS})][:10]
    twice = sorted({name for name in names if names.count(name) > 1})
    if missing or unknown or twice:
        what = f"lacks {', '.join(missing)}" if missing else f"has unknown {', '.join(unknown)}"
        if twice and not missing and not unknown:
            what = f"names {', '.join(twice)} twice"
        raise LabelError(f"{place}: {what}; the columns are {', '.join(COLUMNS)}")


def _row(row: Mapping[str, Any], place: str) -> LabelInterval:
    label = str(row["label"] or "").strip()
    if not label:
        return LabelInterval(Time(0, False), Time(0, False), "", "", "", None, place)
    start, end = (_time(row[key], f"{place}: {key}") for key in ("start", "end"))
    if start.relative == end.relative and end.nanoseconds <= start.nanoseconds:
        raise LabelError(f"{place}: the end does not come after the start")
    topic, track = (str(row.get(key) or "").strip() for key in ("topic", "track"))
    return LabelInterval(
        start, end, topic, canonical_label(label, place), track, _box(row, place), place
    )


def _time(value: Any, place: str) -> Time:
    """Return seconds as nanoseconds, exactly."""
    text = _number(value)
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
    if "e" in text.lower() and seconds >= _ROUNDED_FROM:
        raise LabelError(
            f"{place} is {shown(text, 40)}, which a spreadsheet has rounded; format the column as "
            "numbers with three decimals and save again, or count from the first image (+12.5)"
        )
    return Time(int(seconds * 1_000_000_000), text.startswith("+"))


def _number(value: Any) -> str:
    """Return a number as Python reads it: spreadsheets write decimal commas and leading quotes."""
    text = str(value).strip().removeprefix("'")
    return text.replace(",", ".") if text.count(",") == 1 and "." not in text else text


def _box(row: Mapping[str, Any], place: str) -> Box | None:
    values = [row.get(key) for key in ("x", "y", "w", "h")]
    if all(value is None or str(value).strip() == "" for value in values):
        return None
    try:
        x, y, width, height = (float(_number(value)) for value in values)
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
