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

"""Tables of results: CSV, JSON lines, Parquet and Arrow, all with the columns of the schema."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from fer_ros.files import open_file, regular
from fer_ros.reading.errors import ReadError
from fer_ros.reading.schema import Column, FaceRecord, Value, columns
from fer_ros.reading.whole import WholeFile

_ROWS_PER_GROUP = 5000
"""Rows that are put together in one group of a Parquet or Arrow file."""

Row = dict[str, Value]
"""Values by the names of the columns, in their order."""


class Table(Protocol):
    """A table that is written row by row."""

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows."""

    def close(self) -> None:
        """Write what is left."""


class _Csv:
    def __init__(self, path: Path, schema: Sequence[Column]) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow([column.name for column in schema])

    def write(self, rows: Sequence[Row]) -> None:
        self._writer.writerows([row.values() for row in rows])

    def close(self) -> None:
        self._file.close()


class _JsonLines:
    def __init__(self, path: Path, _: Sequence[Column]) -> None:
        self._file = path.open("w", encoding="utf-8")

    def write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")

    def close(self) -> None:
        self._file.close()


class _Columns:
    """Parquet or Arrow, by pyarrow."""

    def __init__(self, path: Path, schema: Sequence[Column]) -> None:
        self._arrow = _pyarrow(path)
        kinds = {str: self._arrow.string(), int: self._arrow.int64(), float: self._arrow.float64()}
        self._schema = self._arrow.schema([(c.name, kinds[c.kind]) for c in schema])
        self._rows: list[Row] = []
        if path.suffix.lower() == ".parquet":
            from pyarrow import parquet

            self._writer: Any = parquet.ParquetWriter(path, self._schema)
        else:
            self._writer = self._arrow.ipc.new_file(str(path), self._schema)

    def write(self, rows: Sequence[Row]) -> None:
        self._rows += rows
        if len(self._rows) >= _ROWS_PER_GROUP:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            table = self._arrow.Table.from_pylist(self._rows, schema=self._schema)
            self._writer.write_table(table)
            self._rows = []


_KINDS: dict[str, Any] = {
    ".csv": _Csv, ".jsonl": _JsonLines, ".ndjson": _JsonLines,
    ".parquet": _Columns, ".arrow": _Columns, ".feather": _Columns,
}  # fmt: skip

TABLES = tuple(_KINDS)
"""Endings of files that are tables."""


TEXT_TABLES = (".csv", ".jsonl", ".ndjson")
"""Those of them that hold a row a line."""


class TableFile:
    """A table in a file that gets its name when it is complete."""

    def __init__(self, path: Path, labels: tuple[str, ...], rows: Sequence[Row] = ()) -> None:
        """Begin a table.

        Args:
            path: Its ending, one of :data:`TABLES`, says of what kind it is.
            labels: The classes of the network.
            rows: First rows.

        Raises:
            ReadError: It cannot be written, or pyarrow is missing.
        """
        self._file = WholeFile(path)
        try:
            self._table: Table = _KINDS[path.suffix.lower()](self._file.partial, columns(labels))
            self.write_rows(rows)
        except OSError as error:
            self._file.discard()
            raise ReadError(f"cannot write {path}: {error.strerror or error}") from error
        except BaseException:
            self._file.discard()
            raise

    def write(self, records: Sequence[FaceRecord]) -> None:
        """Add records.

        Raises:
            ReadError: The disk is full.
        """
        self.write_rows([record.to_dict() for record in records])

    def write_rows(self, rows: Sequence[Row]) -> None:
        """Add rows; raises as :meth:`write`."""
        try:
            self._table.write(rows)
        except OSError as error:
            raise ReadError(f"cannot write {self._file.path}: {error.strerror or error}") from error

    def keep(self) -> None:
        """Finish the table and give it its final name.

        Raises:
            ReadError: The disk is full; nothing is left then.
        """
        self._finish()
        self._file.keep()

    def leave(self) -> None:
        """Finish the table under its partial name because it is incomplete.

        Raises:
            ReadError: The disk is full; nothing is left then.
        """
        self._finish()
        self._file.leave()

    def _finish(self) -> None:
        try:
            self._table.close()
        except OSError as error:
            self._file.discard()
            raise ReadError(f"cannot write {self._file.path}: {error.strerror or error}") from error

    @property
    def path(self) -> Path:
        """Where it will be."""
        return self._file.path

    @property
    def partial(self) -> Path:
        """Where it is until it is whole."""
        return self._file.partial

    def discard(self) -> None:
        """Remove what was written."""
        with suppress(OSError, ValueError):  # the disk is full, and the file is removed
            self._table.close()
        self._file.discard()


def read_rows(path: Path, labels: tuple[str, ...]) -> Iterator[Row]:
    """Yield the rows of a table that :class:`TableFile` wrote.

    Args:
        path: Of the table.
        labels: The classes that it must have.

    Raises:
        ReadError: It is no such table, or of another network.
    """
    schema = columns(labels)
    try:
        if path.suffix.lower() == ".csv":
            found = _csv_rows(path, schema)
        elif path.suffix.lower() in TEXT_TABLES:
            found = _json_rows(path)
        else:
            found = _arrow_rows(path)
        for row in found:
            if list(row) != [column.name for column in schema]:
                raise ReadError(f"{path} has other columns; name another --out, or --overwrite it")
            yield row
    except (OSError, ValueError) as error:
        raise ReadError(f"{path} cannot be read as a table of results: {error}") from error


def _csv_rows(path: Path, schema: Sequence[Column]) -> Iterator[Row]:
    kinds = {column.name: column.kind for column in schema}
    with open_file(path) as binary, io.TextIOWrapper(binary, "utf-8", newline="") as file:
        for row in csv.DictReader(file, strict=True):
            yield {name: kinds.get(name, str)(text) if text else None for name, text in row.items()}


def _json_rows(path: Path) -> Iterator[Row]:
    with open_file(path) as binary, io.TextIOWrapper(binary, "utf-8") as file:
        for line in file:
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError("a line is no object")
            yield row


def _arrow_rows(path: Path) -> Iterator[Row]:
    arrow = _pyarrow(path)
    if path.suffix.lower() == ".parquet":
        from pyarrow import parquet

        batches = parquet.ParquetFile(regular(path)).iter_batches()
    else:
        with arrow.memory_map(str(regular(path))) as file:
            reader = arrow.ipc.open_file(file)
            batches = [reader.get_batch(index) for index in range(reader.num_record_batches)]
    for batch in batches:
        yield from batch.to_pylist()


def _pyarrow(path: Path) -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise ReadError(
            f"{path.suffix} files are written by pyarrow, which is not installed: "
            "pip install pyarrow, or name a .csv or .jsonl file"
        ) from error
    return pyarrow
