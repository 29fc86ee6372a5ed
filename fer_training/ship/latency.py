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

"""Latency of exported files, measured side by side."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.errors import ModelError
from fer_ros.perception.inference import create_session
from fer_ros.perception.model_store import digest_of
from fer_training import architectures
from fer_training.records import provenance
from fer_training.records.tables import LatencyRecord, TimedFile, Timing
from fer_training.ship.export import to_onnx

BATCHES = (1, 16)
ROUNDS = 300
_WARM_UP = 20


def measure(
    paths: Sequence[Path], rounds: int = ROUNDS, batches: Sequence[int] = BATCHES
) -> LatencyRecord:
    """Time files in turns, two runs of each per round, on one thread.

    Only the network runs: no image is cropped or normalised. The second run counts; the first
    finds the caches full of another file's weights and is reported apart.

    Args:
        paths: ONNX files with one input of fixed height and width; the first is the measure.
        rounds: Timed rounds a batch size.
        batches: Batch sizes.

    Returns:
        The record without command, versions and names of untrained files.

    Raises:
        ModelError: A file cannot be loaded, or its input is no batch of images of fixed size.
        ValueError: There is no file or no round.
    """
    if not paths or rounds < 1:
        raise ValueError("latency needs at least one file and one round")
    runners = [_Runner(path) for path in paths]
    times = {batch: _time(runners, batch, rounds) for batch in batches}
    files = [
        TimedFile(
            file=path.name,
            sha256=digest_of(path),
            bytes=path.stat().st_size,
            batches={
                str(batch): Timing(
                    median_ms=float(np.median(own[:, index, 1])),
                    p95_ms=float(np.percentile(own[:, index, 1], 95)),
                    ratio=float(np.median(own[:, index, 1] / own[:, 0, 1])),
                    cold_ms=float(np.median(own[:, index, 0])),
                )
                for batch, own in times.items()
            },
        )
        for index, path in enumerate(paths)
    ]
    return LatencyRecord(rounds, 1, provenance.processor(), files)


def led_by(name: str | None, paths: Sequence[Path]) -> list[Path]:
    """Return the files with the one of this name, without suffix, in front; None changes nothing.

    Raises:
        ValueError: No file has this name.
    """
    if name is None:
        return list(paths)
    if name not in [path.stem for path in paths]:
        known = ", ".join(path.stem for path in paths)
        raise ValueError(f"--against names {name}, which is not timed; timed are {known}")
    return sorted(paths, key=lambda path: path.stem != name)


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


NOTES = """\
Of the network alone: median and, in brackets, 95th percentile over the rounds, all files in turns.
Times: the median ratio in the same round. Cold: median right after another file ran."""
"""How to read the table; the model cards have it once, in ``fer_ros/models/README.md``."""


def markdown(results: LatencyRecord, measure: str) -> str:
    """Return a table.

    Args:
        results: Files to show.
        measure: Name of the file whose time the others' are compared with.
    """
    files = results.files
    columns = [f"batch {batch} | times | cold" for batch in files[0].batches]
    lines = [
        f"One thread, ONNX Runtime {results.versions['onnxruntime']}, {results.processor}, "
        f"{results.rounds} rounds; times: by\n`{measure}` in the same round.",
        "",
        "| file | bytes | " + " | ".join(columns) + " |",
        "|---" * (2 + len(columns) * 3) + "|",
    ]
    for entry in files:
        cells = []
        for timing in entry.batches.values():
            cells.append(f"{timing.median_ms:.2f} ms ({timing.p95_ms:.2f})")
            cells += [f"{timing.ratio:.2f}", f"{timing.cold_ms:.2f} ms"]
        name = f"`{entry.file}`"
        if entry.file in results.untrained:
            name += " (untrained)"
        lines.append(f"| {name} | {entry.bytes:,} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
