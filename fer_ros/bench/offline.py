"""Networks alone and the whole pipeline, without any middleware."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from fer_ros.assembly import Assembly
from fer_ros.codec import encode
from fer_ros.detection import YuNetDetector
from fer_ros.messages import image as image_message
from fer_ros.messages import read_image
from fer_ros.scene import crowd_scene
from fer_ros.timing import milliseconds_since, percentiles
from fer_ros.types import STAGES, Frame

_WARM_UP = 10
_FRAME_NS = 33_333_333


def _time(call: Callable[[], object], runs: int) -> dict[str, float]:
    """Return percentiles of a call's duration [ms]."""
    for _ in range(_WARM_UP):
        call()
    durations = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        durations.append(milliseconds_since(start))
    return percentiles(durations)


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
    results = {}
    detector = assembly.detector.detector
    if isinstance(detector, YuNetDetector):  # a cascade has no network to time
        for name, (width, height) in sizes.items():
            shape = (1, 3, *detector.input_size(width, height))
            blob = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
            results[f"detector {name}"] = _time(partial(detector.run_network, blob), runs)
    rng = np.random.default_rng(0)
    for faces in batches:
        if faces == 0:
            continue
        calls = []
        for network in assembly.classifier.networks:
            spec = network.metadata.input
            shape = (faces, spec.channels, spec.height, spec.width)
            calls.append(partial(network.run, rng.uniform(-1, 1, shape).astype(np.float32)))
        results[f"classifier x{faces}"] = _time(partial(_run_all, calls), runs)
    return results


def _run_all(calls: Sequence[Callable[[], object]]) -> None:
    for call in calls:
        call()


def measure_pipeline(
    assembly: Assembly,
    sizes: Mapping[str, tuple[int, int]],
    faces: Sequence[int],
    runs: int,
    networks: Mapping[str, Mapping[str, float]],
) -> list[dict[str, Any]]:
    """Time the pipeline from the camera's message to tracked expressions.

    Returns:
        One entry per size and number of faces: faces found, percentiles of the total and of each
        stage [ms], and the ratio of the median to that of the networks alone.
    """
    results = []
    for name, (width, height) in sizes.items():
        for count in faces:
            entry: dict[str, Any] = {"size": name, "faces_shown": count}
            entry.update(_measure_scene(assembly, width, height, count, runs))
            alone = networks.get(f"detector {name}", {}).get("p50")
            if alone is not None:
                batch = networks.get(f"classifier x{count}", {"p50": 0.0})["p50"]
                entry["networks_alone_p50"] = alone + batch
                entry["ratio"] = entry["total"]["p50"] / (alone + batch)
            results.append(entry)
    return results


def _measure_scene(
    assembly: Assembly, width: int, height: int, count: int, runs: int
) -> dict[str, Any]:
    scene = crowd_scene(width, height, count)
    pictures = [encode(image_message(scene.render(i / 10)[0], i, "bench")) for i in range(10)]
    assembly.pipeline.reset()
    stages: dict[str, list[float]] = {stage: [] for stage in STAGES if stage != "publish"}
    totals, found = [], []
    for index in range(_WARM_UP + runs):
        data = pictures[index % len(pictures)]
        start = time.perf_counter()
        received = read_image(data, compressed=False)
        pixels = received.pixels(2**31, lambda _: None)
        decode_ms = milliseconds_since(start)
        stamp_ns = (index + 1) * _FRAME_NS
        frame = Frame(pixels, stamp_ns, "bench", "/bench", stamp_ns, decode_ms)
        result = assembly.pipeline.process([frame])[0]
        total = milliseconds_since(start)
        if index >= _WARM_UP:
            totals.append(total)
            found.append(len(result.faces))
            for stage, values in stages.items():
                values.append(getattr(result.times, stage))
    return {
        "faces_found": float(np.median(found)),
        "total": percentiles(totals),
        "stages": {stage: percentiles(values) for stage, values in stages.items()},
    }
