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

"""Networks alone and the whole pipeline, without any middleware."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import psutil

from fer_ros.apps.bench.moving import pictures, walking_scene
from fer_ros.perception.detection import OneShotDetector
from fer_ros.perception.images import MAX_PIXELS
from fer_ros.perception.timing import milliseconds_since, percentiles
from fer_ros.perception.types import STAGES, FrameResult
from fer_ros.runtime.assembly import Assembly
from fer_ros.runtime.engine import Drop, FrameEngine
from fer_ros.transport.codec import encode
from fer_ros.transport.messages import IMAGE
from fer_ros.transport.messages import image as image_message

_WARM_UP = 10
_FRAME_NS = 33_333_333
_SIDE = 130.0
"""Of the picture of a face, where the faces have room [pixels]."""


def _time(call: Callable[[], object]) -> float:
    """Return how long a call takes [ms]."""
    start = time.perf_counter()
    call()
    return milliseconds_since(start)


def _detector_alone(assembly: Assembly, width: int, height: int) -> list[Callable[[], object]]:
    """Return the bare run of the detector's network; nothing for a cascade, which has none."""
    detector = assembly.detector
    return [detector.bare_run(width, height)] if isinstance(detector, OneShotDetector) else []


def _classifier_alone(assembly: Assembly, faces: int) -> list[Callable[[], object]]:
    """Return the bare runs of the emotion networks for a number of faces."""
    rng = np.random.default_rng(0)
    calls: list[Callable[[], object]] = []
    for network in assembly.classifier.networks if faces else ():
        spec = network.metadata.input
        shape = (faces, spec.channels, spec.height, spec.width)
        calls.append(partial(network.run, rng.uniform(-1, 1, shape).astype(np.float32)))
    return calls


def _run_all(calls: Sequence[Callable[[], object]]) -> None:
    for call in calls:
        call()


def measure_networks(
    assembly: Assembly,
    sizes: Mapping[str, tuple[int, int]],
    batches: Sequence[int],
    runs: int,
) -> dict[str, dict[str, float]]:
    """Time the bare networks: nothing but the runs of ONNX Runtime.

    Args:
        assembly: Detector and classifier.
        sizes: Image sizes for the detector; its network sees them scaled.
        batches: Numbers of faces for the classifier; 0 is passed over.
        runs: Repetitions.

    Returns:
        Percentiles [ms] under ``detector VGA``, ``classifier x16`` and the like.
    """
    named = {f"detector {name}": _detector_alone(assembly, *sizes[name]) for name in sizes}
    named.update({f"classifier x{n}": _classifier_alone(assembly, n) for n in batches})
    results = {}
    for name, calls in named.items():
        if calls:
            durations = [_time(partial(_run_all, calls)) for _ in range(_WARM_UP + runs)]
            results[name] = percentiles(durations[_WARM_UP:])
    return results


def measure_pipeline(
    assembly: Assembly, sizes: Mapping[str, tuple[int, int]], faces: Sequence[int], runs: int
) -> list[dict[str, Any]]:
    """Time the pipeline from the camera's message to tracked expressions.

    Returns:
        One entry per size and number of faces: faces found, percentiles of the total and of each
        stage [ms], and the ratio of the total's median to that of the two networks alone, which
        are run in turn with the pipeline so that a busy moment meets both.
    """
    results = []
    for name, (width, height) in sizes.items():
        for count in faces:
            entry: dict[str, Any] = {"size": name, "faces_shown": count}
            entry.update(_measure_scene(assembly, width, height, count, runs))
            results.append(entry)
    return results


def _measure_scene(
    assembly: Assembly, width: int, height: int, count: int, runs: int
) -> dict[str, Any]:
    shown = pictures(walking_scene(width, height, count, _SIDE))
    detector = _detector_alone(assembly, width, height)
    networks = partial(_run_all, [*detector, *_classifier_alone(assembly, count)])
    assembly.pipeline.reset()
    engine = FrameEngine(assembly.pipeline.process, MAX_PIXELS)
    stages: dict[str, list[float]] = {stage: [] for stage in STAGES if stage != "publish"}
    totals, alone, found, cpu = [], [], [], []
    for index in range(_WARM_UP + runs):
        stamp_ns = (index + 1) * _FRAME_NS
        data = encode(image_message(next(shown), stamp_ns, "bench"))
        alone.append(_time(networks))
        start, cpu_start = time.perf_counter(), time.process_time()
        result = _result(engine, data, stamp_ns)
        cpu.append((time.process_time() - cpu_start) * 1e3)
        totals.append(milliseconds_since(start))
        found.append(len(result.faces))
        for stage, values in stages.items():
            values.append(getattr(result.times, stage))
    entry: dict[str, Any] = {
        "faces_found": float(np.median(found)),
        "total": percentiles(totals[_WARM_UP:]),
        "cpu_ms_per_image": float(np.mean(cpu[_WARM_UP:])),
        "memory_mib": psutil.Process().memory_info().rss / 2**20,
        "stages": {stage: percentiles(values[_WARM_UP:]) for stage, values in stages.items()},
    }
    if detector:
        entry["networks_alone"] = percentiles(alone[_WARM_UP:])
        entry["ratio"] = entry["total"]["p50"] / entry["networks_alone"]["p50"]
    return entry


def _result(engine: FrameEngine[FrameResult], data: bytes, stamp_ns: int) -> FrameResult:
    """Do what the node does between an image's arrival and its result."""
    image = engine.read("/bench", data, IMAGE, received_ns=stamp_ns)
    assert not isinstance(image, Drop), image.reason
    (outcome,) = engine.process([image])
    assert not isinstance(outcome, Drop), outcome.reason
    return outcome
