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

"""What a training reads by name: pipes and devices in place of files are refused at once."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

from fer_training.data.base import DatasetError
from fer_training.data.crops import read_image
from fer_training.data.folders import open_npz
from fer_training.detector import labelled_photos, landmarks, near_duplicates, photos
from fer_training.records import files
from fer_training.records.figures import Results


def open_arrays(path: Path) -> None:
    with open_npz(path):
        pass


READERS = {
    "arrays": open_arrays,
    "image": read_image,
    "photos": lambda path: list(labelled_photos.load(path)),
    "pictures": lambda path: photos.build([path], path.parent / "out"),
    "hashes": near_duplicates.excluded,
    "points": lambda path: landmarks.against_people(None, path),
    "record": lambda path: files.read(Results, path),
}


@pytest.mark.parametrize("name", ["pipe", "device"])
@pytest.mark.parametrize("reader", READERS)
def test_readers_refuse_what_is_no_file(tmp_path, reader, name):
    path = tmp_path / "x.npz"
    if name == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises((DatasetError, files.RecordError), match=str(path)):
        READERS[reader](path)


def test_files_that_are_no_npz_are_named(tmp_path):
    np.save(tmp_path / "single.npy", np.zeros(3))
    (tmp_path / "text.npz").write_text("no zip", encoding="utf-8")
    (tmp_path / "empty.npz").touch()
    np.savez(tmp_path / "cut.npz", a=np.arange(1000))
    whole = (tmp_path / "cut.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    for name in ("single.npy", "text.npz", "empty.npz", "cut.npz", "absent.npz"):
        with pytest.raises(DatasetError, match=name):
            open_arrays(tmp_path / name)
