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

"""The figures of a measurement on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fer_training.records.figures import Results


def table(*rows: Sequence[str]) -> None:
    """Print lines of cells in columns, the first one to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        others = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        print("  ".join([row[0].ljust(widths[0]), *others]).rstrip())


def show(result: Results) -> None:
    """Print accuracy and its companions."""
    print(f"{result.model} on {result.rows} rows of {result.dataset}")
    for view, entry in result.views:
        low, high = entry.accuracy_95
        print(
            f"  {view:12} accuracy {100 * entry.accuracy:.2f} % "
            f"(95 % {100 * low:.1f} to {100 * high:.1f}), balanced "
            f"{100 * entry.balanced_accuracy:.2f} %, macro-F1 {entry.macro_f1:.3f}, "
            f"top-2 {100 * entry.top2:.2f} %, ECE {100 * entry.ece:.2f} %"
        )
        other = entry.without_duplicates
        if other is not None and other.rows < entry.rows:
            print(
                f"  {'':12} accuracy {100 * other.accuracy:.2f} % on the {other.rows} rows "
                "without an exact copy in Training"
            )
