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

"""Resuming an interrupted table."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from fer_ros.reading.errors import ReadError
from fer_ros.reading.tables import TABLES, TEXT_TABLES, Row, read_rows
from fer_ros.reading.whole import WholeFile, partial_of

_BLOCK = 1 << 16

Conditions = Mapping[str, Any]
"""What the rows of a table depend on beside the sources: networks, parameters, times."""


def note_conditions(path: Path, conditions: Conditions) -> None:
    """Write beside a table that is begun what its rows depend on.

    Raises:
        ReadError: It cannot be written.
    """
    note = _note(path)
    if _read(note) == _as_read(conditions):
        return  # on a full disk it could not be written again
    try:
        note.write_text(json.dumps(conditions, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ReadError(f"cannot write {note}: {error.strerror}") from error


def forget_conditions(path: Path) -> None:
    """Remove what :func:`note_conditions` wrote, unless an interrupted table is left.

    Tables that differ in their ending alone share it.
    """
    tables = [path.with_suffix(ending) for ending in TABLES]
    if not any(partial_of(own).exists() or _earlier(own).exists() for own in tables):
        _note(path).unlink(missing_ok=True)


def forget_earlier(path: Path) -> None:
    """Remove an earlier interrupted table: another holds its rows, or takes its place."""
    _earlier(path).unlink(missing_ok=True)


class EarlierRows:
    """The rows of whole sources in what is left of a table."""

    def __init__(
        self, path: Path, labels: tuple[str, ...], conditions: Conditions, anew: Collection[str]
    ) -> None:
        """Look for an interrupted table, or for a whole one, which may get further sources.

        Args:
            path: Of the table.
            labels: The classes of the network.
            conditions: What the rows depend on now.
            anew: Names of the sources that are read again, for a table may hold a part of them.

        Raises:
            ReadError: It was written under other conditions, or by another process right now.
        """
        self._labels, self._anew, self._network = labels, anew, conditions["network_sha256"]
        self._given = path
        if partial_of(path).exists() or _earlier(path).exists():
            _check(partial_of(path), _note(path), conditions)
        self._aside = _set_aside(path)
        self._path = self._aside or (path if path.is_file() else None)
        if self._aside is not None:
            _cut_torn_line(self._aside)

    def __iter__(self) -> Iterator[tuple[str, list[Row]]]:
        """Yield each whole source with its rows.

        The last source of an interrupted table is left out: it may lack rows.
        """
        if self._path is None:
            return
        previous: tuple[str, list[Row]] | None = None
        try:
            for name, rows in groupby(self._rows(self._path), lambda row: str(row["source"])):
                if previous is not None and self._keeps(previous[0]):
                    yield previous
                previous = name, list(rows)
        except ReadError:
            if self._aside is None:
                raise
            return  # torn where its writer was killed: what came before is whole
        if self._aside is None and previous is not None and self._keeps(previous[0]):
            yield previous

    def restore(self) -> None:
        """Put an interrupted table back where it was found, because this run has failed."""
        partial = partial_of(self._given)
        if self._aside is not None and self._aside.exists() and not partial.exists():
            self._aside.replace(partial)

    def _keeps(self, name: str) -> bool:
        recording = name.rpartition("#")[0]  # before its topic
        return name not in self._anew and recording not in self._anew

    def _rows(self, path: Path) -> Iterator[Row]:
        for row in read_rows(path, self._labels):
            if row["network_sha256"] not in (None, self._network):
                raise ReadError(f"{path} was made by other networks; --overwrite begins anew")
            yield row


def _cut_torn_line(path: Path) -> None:
    """Cut off the line in which the writer of a text file was killed."""
    if path.suffix.lower() not in TEXT_TABLES:
        return
    with path.open("r+b") as file:
        position = file.seek(0, os.SEEK_END)
        while position > 0:
            start = max(position - _BLOCK, 0)
            file.seek(start)
            newline = file.read(position - start).rfind(b"\n")
            if newline >= 0:
                file.truncate(start + newline + 1)
                return
            position = start
        file.truncate(0)


def _set_aside(path: Path) -> Path | None:
    """Move what an interrupted run left of a table to where its rows can be read.

    Returns:
        Where it is, until the table that takes up its rows is finished; None where nothing was
        left.

    Raises:
        ReadError: It is being written now, or cannot be moved.
    """
    partial, aside = partial_of(path), _earlier(path)
    try:
        if partial.exists():
            WholeFile.check_unused(path)
            # Both are there where a run that had gone on with the one was killed.
            if not aside.exists() or _goes_further(partial, aside):
                partial.replace(aside)
        elif not aside.exists():
            return None
    except OSError as error:
        raise ReadError(f"{partial} cannot be moved: {error.strerror}") from error
    return aside


def _goes_further(partial: Path, aside: Path) -> bool:
    """Return whether a table that a killed run began with the rows of another has more."""
    text = partial.suffix.lower() in TEXT_TABLES  # others cannot be read without their end
    return text and partial.stat().st_size > aside.stat().st_size


def _earlier(path: Path) -> Path:
    return path.with_name(f"{path.stem}.earlier{path.suffix}")


def _note(path: Path) -> Path:
    # No name that a summary or table is written under until it is whole.
    return partial_of(path).with_suffix(".options.json")


def _check(table: Path, note: Path, conditions: Conditions) -> None:
    earlier, now = _read(note), _as_read(conditions)
    if earlier is None:
        raise ReadError(
            f"nothing tells with which options {table} was begun, for {note.name} is missing or "
            "damaged; --overwrite begins anew"
        )
    other = [name for name in now if earlier.get(name) != now[name]]
    if other:
        raise ReadError(
            f"{table} was begun with other options ({', '.join(other)}); --overwrite begins anew"
        )


def _as_read(conditions: Conditions) -> dict[str, Any]:
    return dict(json.loads(json.dumps(conditions)))


def _read(note: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
