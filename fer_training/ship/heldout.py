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

"""Figures on FER2013's PrivateTest, which was opened once for the files of a version.

They belong to a file, not to a recipe: they are kept by its SHA-256, so that a network that
changes has none until it is measured again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from fer_training.records import files

PLACE = Path(__file__).with_name("heldout.json")


@dataclass(frozen=True)
class HeldOut:
    """A file on the rows that nothing was chosen by; shares in 0..1."""

    file: str
    """Name at that time."""
    version: str
    rows: int
    single_crop: float
    """Accuracy."""
    flip: float
    """Accuracy of the mean of crop and mirror image."""
    ece: float | None = None
    """Expected calibration error, with the temperatures of the file; None where they were fitted
    anew since: that changes no label."""

    @property
    def calibration_words(self) -> str:
        """The calibration error as the end of a sentence, empty where it was not measured."""
        return "" if self.ece is None else f"; on PrivateTest {100 * self.ece:.1f} %"


@dataclass(frozen=True)
class _Measured:
    by_sha256: dict[str, HeldOut]


def of_file(sha256: str) -> HeldOut | None:
    """Return the figures of a file, None where it was not measured."""
    return files.read(_Measured, PLACE).by_sha256.get(sha256)


def forget_error(sha256: str) -> None:
    """Take the calibration error out of the figures of a file that gets other temperatures."""
    measured = files.read(_Measured, PLACE)
    if sha256 in measured.by_sha256:
        measured.by_sha256[sha256] = replace(measured.by_sha256[sha256], ece=None)
        files.write(measured, PLACE)
