"""The figures of a measurement on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fer_training.records.figures import Results


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
