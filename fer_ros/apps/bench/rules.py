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

"""Cost of 50 rules with 10 faces in every image."""

from __future__ import annotations

import random
import time
from typing import Any

import numpy as np

from fer_ros.behaviors.engine import EventEngine
from fer_ros.behaviors.rule_files import parse_rules
from fer_ros.perception.emotions import FER2013
from fer_ros.perception.timing import percentiles
from fer_ros.perception.types import (
    STAGES,
    Box,
    Face,
    FaceEmotion,
    Frame,
    FrameResult,
    Origin,
    StageTimes,
)
from fer_ros.transport import messages
from fer_ros.transport.codec import decode, encode
from fer_ros.transport.event_messages import read_face_table

RULES, FACES, RATE, SECONDS = 50, 10, 30, 20

_CHANGE = 0.5
"""How often a face changes its expression [Hz]."""


def measure_rules() -> dict[str, Any]:
    """Measure decoding and evaluation of results; drawn at random, and always the same.

    Returns:
        Rules, faces, rate, events, percentiles of the time a result takes [ms], and the processor
        time of all of them as a part of a core.
    """
    draw = random.Random(0)
    engine = EventEngine(parse_rules(_rules(draw)))
    results = _results(draw)
    milliseconds = []
    events, before = 0, time.process_time()
    for result in results:
        start = time.perf_counter()
        table = read_face_table(decode(result, messages.EMOTION_ARRAY))
        events += len(engine.update(table))
        milliseconds.append((time.perf_counter() - start) * 1e3)
    used = time.process_time() - before
    return {
        "rules": RULES,
        "faces": FACES,
        "rate_hz": RATE,
        "events": events,
        "result_ms": percentiles(milliseconds),
        "core_percent": used / SECONDS * 100,
    }


def _rules(draw: random.Random) -> str:
    """Return rules of all kinds: expressions, simple and joined conditions, one face or each."""
    lines = ["rules:"]
    for number in range(RULES):
        faces = draw.choice(["each", "each", "each", "nearest", "any"])
        one, other = draw.sample(FER2013, 2)
        level = round(draw.uniform(0.3, 0.9), 3)
        what = draw.choice(
            [
                f"expression: {one}, confidence: {level}, hysteresis: 0.1",
                f"when: {one} > {level}",
                f"when: {one} + {other} > {level} and size > 0.05, hysteresis: 0.1",
            ]
        )
        hold, pause = draw.choice([0.0, 0.3, 1.0]), draw.choice([0, 1, 5])
        lines.append(
            f"- {{name: r{number}, faces: {faces}, {what}, for: {hold}, release: 0.3, "
            f"cooldown: {pause}}}"
        )
    return "\n".join(lines)


def _results(draw: random.Random) -> list[bytes]:
    shown = [draw.choice(FER2013) for _ in range(FACES)]
    times = StageTimes(**dict.fromkeys(STAGES, 1.0))
    origin = Origin(FER2013, "none", "0" * 64, "none")
    image = np.zeros((1080, 1920), np.uint8)
    landmarks = np.array([[20, 30], [60, 30], [40, 50], [25, 70], [55, 70]], np.float32)
    results = []
    for index in range(RATE * SECONDS):
        faces = []
        for number in range(FACES):
            if draw.random() < _CHANGE / RATE:
                shown[number] = draw.choice(FER2013)
            level = draw.uniform(0.5, 0.9)
            p = np.full(len(FER2013), (1 - level) / (len(FER2013) - 1), np.float32)
            p[FER2013.index(shown[number])] = level
            box = Box(36.0 * number, 100.0, 80.0 + number, 90.0 + number)
            face = Face(box, 0.9, landmarks * (1 + number / 100))
            faces.append(FaceEmotion(face, f"face_{number}", p, p, shown[number], level))
        frame = Frame(image, 10**18 + index * 10**9 // RATE, "camera", "/image_raw")
        array = messages.emotion_array(FrameResult(frame, faces, times), origin, 5.0)
        results.append(encode(array))
    return results


def print_rules(results: dict[str, Any]) -> None:
    """Print the figures."""
    times = results["result_ms"]
    print(
        f"\n{results['rules']} rules, {results['faces']} faces at {results['rate_hz']} Hz: "
        f"{results['core_percent']:.1f} % of a core; a result takes {times['p50']:.2f} ms (p99 "
        f"{times['p99']:.2f}); {results['events']} events in {SECONDS} s"
    )
