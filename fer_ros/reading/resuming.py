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
from fer_ros.reading.tables import TEXT_TABLES, Row, read_rows
from fer_ros.reading.whole import partial_of, set_aside

_BLOCK = 1 << 16

Conditions = Mapping[str, Any]
"""What the rows of a table depend on beside the sources: networks, parameters, times."""


def note_conditions(path: Path, conditions: Conditions) -> None:
    """Write beside a table that is begun what its rows depend on.

    Raises:
        ReadError: It cannot be written.
    """
    try:
        _note(path).write_text(json.dumps(conditions, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ReadError(f"cannot write {_note(path)}: {error.strerror}") from error


def forget_conditions(path: Path) -> None:
    """Remove what :func:`note_conditions` wrote."""
    _note(path).unlink(missing_ok=True)


class EarlierRows:
    """The rows of whole sources in what is left of a table."""

    def __init__(
        self, path: Path, labels: tuple[str, ...], conditions: Conditions, wanted: Collection[str]
    ) -> None:
        """Look for an interrupted table, or for a whole one, which may get further sources.

        Args:
            path: Of the table.
            labels: The classes of the network.
            conditions: What the rows depend on now.
            wanted: Names of the sources whose rows are kept.

        Raises:
            ReadError: It was written under other conditions, or by another process right now.
        """
        self._labels, self._wanted, self._network = labels, wanted, conditions["network_sha256"]
        self._aside = set_aside(path)
        self._path = self._aside or (path if path.is_file() else None)
        if self._aside is not None:
            _check(path, self._aside, conditions)
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
                if previous is not None and previous[0] in self._wanted:
                    yield previous
                previous = name, list(rows)
        except ReadError:
            if self._aside is None:
                raise
            return  # torn where its writer was killed: what came before is whole
        if self._aside is None and previous is not None and previous[0] in self._wanted:
            yield previous

    def close(self) -> None:
        """Remove the earlier file, whose rows have been copied."""
        if self._aside is not None:
            self._aside.unlink(missing_ok=True)

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


def _note(path: Path) -> Path:
    return partial_of(path).with_suffix(".json")


def _check(path: Path, aside: Path, conditions: Conditions) -> None:
    try:
        earlier = json.loads(_note(path).read_text(encoding="utf-8"))
        assert isinstance(earlier, dict)
    except (OSError, ValueError, AssertionError):
        earlier = {}
    now = json.loads(json.dumps(conditions))
    other = [name for name in now if earlier.get(name) != now[name]]
    if other:
        aside.replace(partial_of(path))
        raise ReadError(
            f"{partial_of(path)} was begun with other options ({', '.join(other)}); "
            "--overwrite begins anew"
        )
