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

"""A page for labelling a recording, without a server; it saves a CSV file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fer_ros.perception import emotions
from fer_ros.replay.display_text import shown
from fer_ros.replay.read.label_files import COLUMNS
from fer_ros.replay.read.label_names import IGNORE
from fer_ros.replay.write import page


@dataclass(frozen=True)
class LabelRow:
    """A row of a label file that nobody has filled in."""

    start_ns: int
    end_ns: int
    """Exclusive."""
    origin_ns: int
    """When the recording begins."""
    topic: str
    box: tuple[str, ...]
    """Left, top, width, height [pixels], as they are written."""
    track: str
    thumbnail: str
    """File of its pictures."""
    jpegs: tuple[bytes, ...]
    """The same pictures, one by one."""
    relative: bool = False
    """Whether its times are written as counted from the beginning."""

    def columns(self) -> list[str]:
        """Return what a label file holds of it, as its columns are ordered."""
        origin, sign = (self.origin_ns, "+") if self.relative else (0, "")
        seconds = (Decimal(ns - origin) / 10**9 for ns in (self.start_ns, self.end_ns))
        times = [f"{sign}{each:.9f}" for each in seconds]
        return [*times, self.topic, *self.box, "", self.track, self.thumbnail, ""]


def render(title: str, name: str, rows: Sequence[LabelRow], classes: Sequence[str]) -> str:
    """Return the page.

    Args:
        title: The recording's name, for people.
        name: The same as part of a file's name.
        rows: What is to be labelled.
        classes: Classes of the network; other classes of FER+ are offered as well.
    """
    labels = [*dict.fromkeys([*classes, *emotions.FERPLUS]), IGNORE]
    data = {
        "columns": COLUMNS,
        "labels": labels,
        "rows": [row.columns() for row in rows],
        "file": f"{name}-labels.csv",
        "key": hashlib.sha256(repr([row.columns() for row in rows]).encode()).hexdigest()[:16],
    }
    return page.render(
        "label.html", "label.js", title=f"Label {title}", labels=labels,
        rows=[_shown(row) for row in rows], data=data,
    )  # fmt: skip


def _shown(row: LabelRow) -> dict[str, Any]:
    start, end = ((ns - row.origin_ns) / 1e9 for ns in (row.start_ns, row.end_ns))
    return {
        "when": f"+{start:.2f} to +{end:.2f} s",
        "track": shown(row.track),
        "topic": shown(row.topic),
        "pictures": [base64.b64encode(jpeg).decode() for jpeg in row.jpegs],
    }
