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

"""Stores the answers to the known faces in networks that were exported without them.

``python -m fer_training.ship.known_answer fer_ros/models/*.onnx`` adds them, and renews the digests
of these files wherever they are named: SHA256SUMS, cards, metadata of int8 twins, and the record
of what was measured on held-out rows, for graphs and weights are the same.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import onnx

from fer_ros.perception.classification import EmotionNetwork
from fer_ros.perception.model_store import MANIFEST, digest_of
from fer_training.ship import heldout
from fer_training.ship.export import write


def add(path: Path, renewed: dict[str, str]) -> None:
    """Store the answers in one file.

    Args:
        path: An exported network; its graph and weights stay as they are.
        renewed: Digests that other files have got, by the old ones; this file's is added.
    """
    old = digest_of(path)
    metadata = EmotionNetwork(path).metadata
    model = onnx.load(path)
    for entry in model.metadata_props:
        entry.value = _with_digests(entry.value, renewed)
    named = {entry.key: entry.value for entry in model.metadata_props}
    write(model, type(metadata).from_props(named), path)
    renewed[old] = digest_of(path)


def add_to_folder(paths: Sequence[Path]) -> None:
    """Store the answers in files of one folder and renew their digests in its texts."""
    renewed: dict[str, str] = {}
    for path in sorted(paths, key=lambda path: (path.stem.endswith("-int8"), path)):
        add(path, renewed)
    folder = paths[0].parent
    for text in (*folder.glob("*.md"), folder / MANIFEST, heldout.PLACE):
        text.write_text(_with_digests(text.read_text(encoding="utf-8"), renewed), encoding="utf-8")


def _with_digests(text: str, renewed: dict[str, str]) -> str:
    for old, new in renewed.items():
        text = text.replace(old, new)
    return text


if __name__ == "__main__":
    add_to_folder([Path(name) for name in sys.argv[1:]])
