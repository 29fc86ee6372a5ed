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

"""What the tests of ``fer-ros read`` share: a short video, and the command with quick networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fer_ros.apps.cli import main
from fer_ros.reading.reader import Reader
from fer_ros.reading.tables import read_rows
from fer_ros.sources.scene import Actor, Scene

FAST = ("--model", "fer-lite", "--ros-args", "-p", "detector:=fer-face")
TIMES = [0, 40, 90, 120, 170, 300, 330, 370, 410, 450]


def showing(*expressions: str, moment: float = 0.0) -> np.ndarray:
    return Scene(320, 240, (Actor(160, 120, 150, expressions, 0.3, sway=6.0),)).render(moment)[0]


def read(*words: Any) -> int:
    return main(["read", *map(str, words), *FAST])


def rows_of(path: Path) -> list[dict[str, Any]]:
    return list(read_rows(path, Reader(models="fer-lite").origin.labels))
