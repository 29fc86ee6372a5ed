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

"""Damaged recordings: whatever the bytes say, reading ends with messages or with a BagError."""

from __future__ import annotations

import numpy as np
import pytest
from bags import CAMERA, PERIOD, START, blank, recording

from fer_ros.transport.bag import BagError, BagReader
from fer_ros.transport.bag.index import METADATA

ROUNDS = 120


def damaged(data: bytes, random: np.random.Generator) -> bytes:
    """Return bytes with some flipped, cut out, doubled or set, as a failing disk leaves them."""
    out = bytearray(data)
    for _ in range(random.integers(1, 4)):
        at = int(random.integers(len(out)))
        length = int(random.integers(1, 40))
        kind = random.integers(5)
        if kind == 0:
            out[at] ^= 1 << int(random.integers(8))
        elif kind == 1:
            out[at : at + length] = b"\xff" * min(length, len(out) - at)
        elif kind == 2:
            out[at : at + length] = b""
        elif kind == 3:
            out[at:at] = out[at : at + length]
        else:
            out = out[:at]
        if not out:
            return b""
    return bytes(out)


def small(folder, **options):
    with recording(folder, **options) as bag:
        for index in range(6):
            bag.image(blank(index, 16, 12), START + index * PERIOD)
    return folder


@pytest.mark.parametrize(
    ("storage", "compression"),
    [("mcap", ""), ("mcap", "storage"), ("mcap", "message"), ("mcap", "file"), ("sqlite3", ""),
     ("sqlite3", "file")],
)  # fmt: skip
def test_damaged_files_end_in_words(tmp_path, storage, compression):
    folder = small(tmp_path / "bag", storage=storage, compression=compression)
    (path,) = [file for file in folder.iterdir() if file.name != METADATA]
    whole = path.read_bytes()
    random = np.random.default_rng(1)
    refused = 0
    for _ in range(ROUNDS):
        path.write_bytes(damaged(whole, random))
        try:
            reader = BagReader(folder if random.integers(2) else path)
            for message in reader.messages([topic.name for topic in reader.topics]):
                assert isinstance(message.data, bytes)
        except BagError:
            refused += 1
    assert refused > ROUNDS / 10


def test_damaged_indexes_end_in_words_or_warnings(tmp_path):
    folder = small(tmp_path / "bag")
    path = folder / METADATA
    whole = path.read_bytes()
    random = np.random.default_rng(2)
    read = 0
    for _ in range(2 * ROUNDS):
        path.write_bytes(damaged(whole, random))
        try:
            read += len(list(BagReader(folder).messages([CAMERA]))) == 6
        except BagError as error:
            assert "lacks" in str(error) or "compressed" in str(error)  # noqa: PT017
    assert read > ROUNDS
