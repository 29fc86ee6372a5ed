"""The figures of a measurement on the terminal."""

from __future__ import annotations

from typing import Any


def show(result: dict[str, Any]) -> None:
    """Print accuracy and its companions, from :func:`fer_training.measure.evaluate.evaluate`."""
    print(f"{result['model']} on {result['rows']} rows of {result['dataset']}")
    for view in ("single_crop", "flip"):
        if view not in result:
            continue
        entry = result[view]
        low, high = entry["accuracy_95"]
        print(
            f"  {view:12} accuracy {100 * entry['accuracy']:.2f} % "
            f"(95 % {100 * low:.1f} to {100 * high:.1f}), balanced "
            f"{100 * entry['balanced_accuracy']:.2f} %, macro-F1 {entry['macro_f1']:.3f}, "
            f"top-2 {100 * entry['top2']:.2f} %, ECE {100 * entry['ece']:.2f} %"
        )
        other = entry.get("without_duplicates", entry)
        if other["rows"] < entry["rows"]:
            print(
                f"  {'':12} accuracy {100 * other['accuracy']:.2f} % on the {other['rows']} rows "
                "without an exact copy in Training"
            )
