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

"""Stores the predictions for the known faces in networks that were exported without them.

``python -m fer_training.ship.known_answer fer_ros/models/*.onnx`` adds them; graphs and weights
stay the same, and digests are renewed as :mod:`fer_training.ship.renew` says.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from fer_training.ship.renew import renew, renew_all


def add(path: Path, renewed: dict[str, str]) -> None:
    """Store the predictions in one file.

    Args:
        path: An exported network; its graph and weights stay as they are.
        renewed: Digests that other files have got, by the old ones; this file's is added.
    """
    renew(path, lambda _, metadata: metadata, renewed)


def add_to_folder(paths: Sequence[Path]) -> None:
    """Store the predictions in files of one folder and renew their digests in its text files."""
    renew_all(paths, lambda _: lambda _, metadata: metadata)


if __name__ == "__main__":
    add_to_folder([Path(name) for name in sys.argv[1:]])
