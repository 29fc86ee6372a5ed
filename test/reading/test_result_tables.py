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

"""The table of results: its columns, its files, and what never lies under a final name."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer_ros.bridges.affect import expected_affect
from fer_ros.perception.types import Box, Face, FaceEmotion, Origin
from fer_ros.reading.errors import ReadError
from fer_ros.reading.schema import FaceRecord, columns, columns_page, face_records
from fer_ros.reading.tables import TABLES, TableFile, read_rows
from fer_ros.reading.whole import WholeFile, partial_of

ROOT = Path(__file__).resolve().parents[2]
LABELS = ("angry", "happy", "neutral")
ORIGIN = Origin(LABELS, "net", "ab" * 32, "fer-face")
LANDMARKS = np.array([[40, 50], [80, 50], [60, 75], [45, 95], [75, 95]], np.float32)
FACE = FaceEmotion(
    Face(Box(10.126, 20, 100, 110), 0.98764, LANDMARKS),
    "face_1",
    np.array([0.1, 0.7, 0.2], np.float32),
    np.array([0.2, 0.5, 0.3], np.float32),
    "happy",
    0.5,
    0.9,
)


def records(*faces: FaceEmotion, source: str = 'a, "b"\n.png', frame: int = 0) -> list[FaceRecord]:
    return face_records(faces, ORIGIN, source, frame, 1.25, (320, 240))


def test_a_row_holds_what_was_found() -> None:
    (record,) = records(FACE)
    row = record.to_dict()
    assert list(row) == [column.name for column in columns(LABELS)]
    affect = expected_affect(LABELS, FACE.smoothed)
    assert row == row | {
        "frame": 0, "time": 1.25, "face": 0, "track": "face_1",
        "x": 10.13, "width": 100.0, "right_eye_x": 40.0, "left_mouth_y": 95.0,
        "detection": 0.9876, "quality": 0.9, "label": "happy", "confidence": 0.5,
        "raw_happy": 0.7, "smoothed_neutral": 0.3, "prediction_age": 0.0,
        "valence": round(affect.valence, 4), "arousal": round(affect.arousal, 4),
        "network_sha256": "ab" * 32,
    }  # fmt: skip
    assert abs(row["yaw"]) < 5


def test_a_turned_head_has_the_angles_of_the_schema() -> None:
    points = LANDMARKS.copy()
    points[2, 0] += 12  # the nose to the right of the picture: the person's left
    turned = replace(FACE, face=replace(FACE.face, landmarks=points))
    angle = np.radians(15)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)
    tilted = replace(FACE, face=replace(FACE.face, landmarks=(LANDMARKS - 60) @ turn + 60))
    assert records(turned)[0].to_dict()["yaw"] > 15
    assert records(tilted)[0].to_dict()["roll"] == pytest.approx(15, abs=3)


def test_a_frame_without_a_face_has_one_row() -> None:
    (record,) = records()
    row = record.to_dict()
    assert list(row) == [column.name for column in columns(LABELS)]
    filled = {name for name, value in row.items() if value is not None}
    assert filled == {"source", "frame", "time", "network_sha256"}


def test_a_face_without_landmarks_has_no_angles() -> None:
    (record,) = records(replace(FACE, face=replace(FACE.face, landmarks=None)))
    row = record.to_dict()
    assert [row[name] for name in ("nose_x", "yaw", "pitch", "roll")] == [None] * 4
    assert row["label"] == "happy"


def test_the_page_has_every_column() -> None:
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert columns_page(page) == page, "run: python -m fer_ros.reading.schema"


@pytest.mark.parametrize("ending", TABLES)
def test_a_table_is_read_back_as_it_was_written(tmp_path: Path, ending: str) -> None:
    if ending in (".parquet", ".arrow", ".feather"):
        pytest.importorskip("pyarrow")
    path = tmp_path / f"out{ending}"
    table = TableFile(path, LABELS)
    table.write(records(FACE, replace(FACE, track_id="face_2")))
    table.write(records(frame=1))
    assert not path.exists()
    table.keep()
    expected = [r.to_dict() for r in (*records(FACE, replace(FACE, track_id="face_2")),
                                      *records(frame=1))]  # fmt: skip
    assert list(read_rows(path, LABELS)) == expected
    assert list(tmp_path.iterdir()) == [path]


def test_csv_and_json_lines_are_what_others_read(tmp_path: Path) -> None:
    for name in ("t.csv", "t.jsonl"):
        table = TableFile(tmp_path / name, LABELS)
        table.write(records(FACE))
        table.keep()
    with (tmp_path / "t.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["source"] == 'a, "b"\n.png'
    assert row["smoothed_happy"] == "0.5"
    assert json.loads((tmp_path / "t.jsonl").read_text())["raw_happy"] == 0.7


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet", ".arrow"])
def test_pandas_reads_every_kind(tmp_path: Path, ending: str) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    table = TableFile(tmp_path / f"t{ending}", LABELS)
    table.write(records(FACE) + records(frame=1))
    table.keep()
    path = tmp_path / f"t{ending}"
    found = {
        ".csv": pandas.read_csv, ".parquet": pandas.read_parquet, ".arrow": pandas.read_feather,
        ".jsonl": lambda path: pandas.read_json(path, lines=True),
    }[ending](path)  # fmt: skip
    assert list(found["label"].dropna()) == ["happy"]
    assert list(found["frame"]) == [0, 1]


def test_an_abandoned_table_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("what stood there before")
    table = TableFile(tmp_path / "t.csv", LABELS)
    table.write(records(FACE))
    table.discard()
    assert (tmp_path / "t.csv").read_text() == "what stood there before"
    assert list(tmp_path.iterdir()) == [tmp_path / "t.csv"]


def test_two_writers_of_one_file_are_told_apart(tmp_path: Path) -> None:
    first = TableFile(tmp_path / "t.csv", LABELS)
    with pytest.raises(ReadError, match=r"another process writes .*t\.csv now"):
        TableFile(tmp_path / "t.csv", LABELS)
    first.write(records(FACE))
    first.keep()
    assert len(list(read_rows(tmp_path / "t.csv", LABELS))) == 1


def test_what_a_killed_writer_left_is_written_over(tmp_path: Path) -> None:
    partial_of(tmp_path / "t.csv").write_text("half a line" * 1000)
    table = TableFile(tmp_path / "t.csv", LABELS)
    table.write(records(FACE))
    table.keep()
    assert len(list(read_rows(tmp_path / "t.csv", LABELS))) == 1


@contextmanager
def small_disk(most: int) -> Iterator[None]:
    """Let files grow to a number of bytes only, as a full disk does."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("ending", TABLES)
def test_a_full_disk_is_named_and_nothing_is_kept(tmp_path: Path, ending: str) -> None:
    if ending in (".parquet", ".arrow", ".feather"):
        pytest.importorskip("pyarrow")
    table = TableFile(tmp_path / f"t{ending}", LABELS)
    rows = [record.to_dict() for record in records(FACE)] * 6000

    def fill() -> None:
        for number in range(20):
            table.write_rows([{**row, "track": str(number * n)} for n, row in enumerate(rows)])
        table.keep()

    with (
        small_disk(100_000),
        pytest.raises(ReadError, match=rf"cannot write .*t\{ending}: .*large"),
    ):
        fill()
    table.discard()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("place", "words"),
    [(".", "is a folder"), ("file.txt/t.csv", "cannot write"), ("no\0name.csv", "cannot write")],
)
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, place: str, words: str) -> None:
    (tmp_path / "file.txt").write_text("")
    with pytest.raises(ReadError, match=words):
        WholeFile(tmp_path / place)


def test_a_table_of_another_network_is_refused(tmp_path: Path) -> None:
    table = TableFile(tmp_path / "t.csv", LABELS)
    table.write(records(FACE))
    table.keep()
    with pytest.raises(ReadError, match="has other columns"):
        list(read_rows(tmp_path / "t.csv", ("angry", "happy")))


def test_without_pyarrow_other_endings_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ReadError, match=r"pip install pyarrow, or name a \.csv or \.jsonl file"):
        TableFile(tmp_path / "t.parquet", LABELS)
    assert list(tmp_path.iterdir()) == []
