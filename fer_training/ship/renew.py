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

"""Changes of files in a folder of shipped networks that leave their results as they were.

Their digests are renewed wherever they are named: SHA256SUMS, cards, metadata of int8 twins, and
the records of what was measured on held-out rows and of times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import onnx

from fer_ros.perception.classification import EmotionNetwork
from fer_ros.perception.model_metadata import ModelMetadata
from fer_ros.perception.model_store import MANIFEST, digest_of
from fer_training.ship import heldout
from fer_training.ship.export import write

Change = Callable[[onnx.ModelProto, ModelMetadata], ModelMetadata]
"""Changes a graph in place and returns the metadata that the file gets."""


def renew(path: Path, change: Change, renewed: dict[str, str]) -> None:
    """Change one file.

    Args:
        path: An exported network.
        change: What is done to it.
        renewed: Digests that other files have got, by the old ones; this file's is added.
    """
    old = digest_of(path)
    metadata = EmotionNetwork(path).metadata
    model = onnx.load(path)
    for entry in model.metadata_props:
        entry.value = _with_digests(entry.value, renewed)
    named = {entry.key: entry.value for entry in model.metadata_props}
    write(model, change(model, type(metadata).from_props(named)), path)
    renewed[old] = digest_of(path)


def renew_all(paths: Sequence[Path], change: Callable[[Path], Change]) -> None:
    """Change files of one folder and renew their digests in its text files.

    Args:
        paths: The files; int8 twins follow the files they were made of.
        change: Gives each file's change.
    """
    renewed: dict[str, str] = {}
    for path in sorted(paths, key=lambda path: (path.stem.endswith("-int8"), path)):
        renew(path, change(path), renewed)
    folder = paths[0].parent
    latency = heldout.PLACE.parents[1] / "latency.json"
    for text in (*folder.glob("*.md"), folder / MANIFEST, heldout.PLACE, latency):
        if text.is_file():
            known = text.read_text(encoding="utf-8")
            text.write_text(_with_digests(known, renewed), encoding="utf-8")


def _with_digests(text: str, renewed: dict[str, str]) -> str:
    for old, new in renewed.items():
        text = text.replace(old, new)
    return text
