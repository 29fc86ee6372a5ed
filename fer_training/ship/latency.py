"""Latency of exported files, measured side by side.

``latency.json``, which ``fer-train latency`` writes and :mod:`fer_training.ship.card` reads::

    {"rounds", "threads": 1, "processor", "command", "versions",
     "files": [{"file", "sha256", "bytes",
                "batches": {"1": {"median_ms", "p95_ms", "ratio", "cold_ms"}, "16": ...}}, ...],
     "untrained": names of files with random weights, made from the architecture alone}

``ratio`` is the median over the rounds of a file's time by the first file's in the same round,
which other work on the machine disturbs far less than the milliseconds. ``cold_ms`` is the median
of the run just before each timed one, when the caches still held another file's weights, as after
a detector.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.errors import ModelError
from fer_ros.perception.inference import create_session
from fer_ros.perception.model_store import digest_of
from fer_training import architectures
from fer_training.records import provenance
from fer_training.ship.export import to_onnx

BATCHES = (1, 16)
ROUNDS = 300
_WARM_UP = 20


def measure(
    paths: Sequence[Path], rounds: int = ROUNDS, batches: Sequence[int] = BATCHES
) -> dict[str, Any]:
    """Time files in turns, two runs of each per round, on one thread.

    Only the network runs: no image is cropped or normalised. The second run counts; the first
    finds the caches full of another file's weights and is told apart.

    Args:
        paths: ONNX files with one input of fixed height and width; the first is the measure.
        rounds: Timed rounds a batch size.
        batches: Batch sizes.

    Returns:
        The module's record without command, versions and names of untrained files.

    Raises:
        ModelError: A file cannot be loaded, or its input is no batch of images of fixed size.
        ValueError: There is no file or no round.
    """
    if not paths or rounds < 1:
        raise ValueError("latency needs at least one file and one round")
    runners = [_Runner(path) for path in paths]
    times = {batch: _time(runners, batch, rounds) for batch in batches}
    files = [
        {
            "file": path.name,
            "sha256": digest_of(path),
            "bytes": path.stat().st_size,
            "batches": {
                str(batch): {
                    "median_ms": float(np.median(own[:, index, 1])),
                    "p95_ms": float(np.percentile(own[:, index, 1], 95)),
                    "ratio": float(np.median(own[:, index, 1] / own[:, 0, 1])),
                    "cold_ms": float(np.median(own[:, index, 0])),
                }
                for batch, own in times.items()
            },
        }
        for index, path in enumerate(paths)
    ]
    return {"rounds": rounds, "threads": 1, "processor": provenance.processor(), "files": files}


class _Runner:
    """One file with inputs of noise."""

    def __init__(self, path: Path) -> None:
        self._session, _ = create_session(path, threads=1)
        inputs = self._session.get_inputs()
        shape = inputs[0].shape
        if len(inputs) != 1 or not all(isinstance(side, int) for side in shape[1:]):
            raise ModelError(f"{path} has no single input of fixed size, but {shape}")
        self._name, self._shape = inputs[0].name, shape[1:]

    def batch(self, count: int) -> NDArray[np.float32]:
        """Return values as a normalised crop has them, shape (count, C, H, W)."""
        rng = np.random.default_rng(0)
        return rng.uniform(-1, 1, (count, *self._shape)).astype(np.float32)

    def run(self, batch: NDArray[np.float32]) -> None:
        self._session.run(None, {self._name: batch})


def _time(runners: Sequence[_Runner], batch: int, rounds: int) -> NDArray[np.float64]:
    """Return milliseconds, shape (rounds, files, 2); each round begins with another file."""
    inputs = [runner.batch(batch) for runner in runners]
    times = np.empty((rounds, len(runners), 2))
    for number in range(-_WARM_UP, rounds):
        for step in range(len(runners)):
            index = (number + step) % len(runners)
            for run in range(2):
                start = time.perf_counter_ns()
                runners[index].run(inputs[index])
                elapsed = time.perf_counter_ns() - start
                if number >= 0:
                    times[number, index, run] = elapsed / 1e6
    return times


def write_untrained(names: Sequence[str], folder: Path) -> list[Path]:
    """Write a file with random weights per architecture; they cost the time of trained ones.

    Args:
        names: As ``fer-train list`` prints them.
        folder: Where ``<name>.onnx`` goes.

    Raises:
        ValueError: There is no such architecture.
    """
    paths = []
    for name in names:
        entry = architectures.get(name)
        model = to_onnx(architectures.create(name), entry.channels, entry.size)
        paths.append(folder / f"{name}.onnx")
        paths[-1].write_bytes(model.SerializeToString())
    return paths


def markdown(results: dict[str, Any]) -> str:
    """Return notes and a table for the model card.

    Args:
        results: Content of ``latency.json``.
    """
    files = results["files"]
    batches = list(files[0]["batches"])
    columns = [f"batch {batch} | times | cold" for batch in batches]
    lines = [
        f"Of the network alone, one thread, ONNX Runtime {results['versions']['onnxruntime']}, "
        f"{results['processor']}: median and, in\nbrackets, 95th percentile over "
        f"{results['rounds']} rounds, all files in turns. Times: the median ratio to\n"
        f"`{files[0]['file']}` in the same round. Cold: median right after another file ran.",
        "",
        "| file | bytes | " + " | ".join(columns) + " |",
        "|---" * (2 + 3 * len(batches)) + "|",
    ]
    for entry in files:
        cells = []
        for figures in entry["batches"].values():
            cells.append(f"{figures['median_ms']:.2f} ms ({figures['p95_ms']:.2f})")
            cells += [f"{figures['ratio']:.2f}", f"{figures['cold_ms']:.2f} ms"]
        name = f"`{entry['file']}`"
        if entry["file"] in results["untrained"]:
            name += " (untrained)"
        lines.append(f"| {name} | {entry['bytes']:,} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
