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

"""Networks and detector on execution providers of ONNX Runtime: time, accuracy, agreement.

    python tools/provider_cost.py --data fer2013.npz --photos faces_validation.npz \
        --provider cpu --provider openvino:device_type=CPU,num_of_threads=1

The providers take turns. Times are medians of the process's processor time, and what the clock
shows in the best tenth of the runs, for one face or image. Accuracy is that of every `--step`-th
row of PublicTest in `--data` (images, emotion, usage), recall that of boxes that people drew on
`--photos`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception import model_store
from fer_ros.perception.classification import EmotionNetwork
from fer_ros.perception.detection import DetectorSettings
from fer_ros.perception.detection.fer_face import FerFaceDetector
from fer_ros.perception.emotions import FER2013

ROUNDS = 200
NETWORKS = ("fer-base", "fer-base-int8", "fer-lite", "fer-lite-int8")
SMALLEST = 20.0
"""Side of the smallest face that counts for recall [pixels]."""


def costs(calls: list[Callable[[], object]]) -> list[str]:
    """Return of each call, made in turns, the processor time and the best tenth by the clock."""
    times = np.empty((ROUNDS, len(calls), 2))
    for row in times:
        for index, call in enumerate(calls):
            begin = time.process_time(), time.perf_counter()
            call()
            row[index] = time.process_time() - begin[0], time.perf_counter() - begin[1]
    spent = np.median(times[:, :, 0], axis=0) * 1e3
    shown = np.quantile(times[:, :, 1], 0.1, axis=0) * 1e3
    return [f"{processor:.2f} / {clock:.2f}" for processor, clock in zip(spent, shown)]


def networks(providers: list[str], data: Path, step: int) -> None:
    """Print the rows of the networks."""
    with np.load(data) as file:
        rows = np.flatnonzero(file["usage"] == 1)[::step]
        images, truth = file["images"][rows], file["emotion"][rows]
    for name in NETWORKS:
        path = model_store.shipped_models()[name]
        loaded = [EmotionNetwork(path, (provider,), 1) for provider in providers]
        face = [images[0]]
        spent = costs([partial(net.classify, face) for net in loaded])
        first: NDArray[np.float32] | None = None
        for provider, network, milliseconds in zip(providers, loaded, spent, strict=True):
            chunks = [images[i : i + 64] for i in range(0, len(images), 64)]
            found = np.concatenate([network.classify(list(chunk)) for chunk in chunks])
            order = [FER2013.index(label) for label in network.metadata.labels]
            right = float((np.array(order)[found.argmax(axis=1)] == truth).mean())
            first = found if first is None else first
            apart = float(np.abs(found - first).max())
            report = network.providers.warning or network.providers.used[0]
            print(
                f"| {name} | {provider} | {report} | {milliseconds} | {right:.2%} of "
                f"{len(truth)} | {apart:.3f} |",
                flush=True,
            )


def detector(providers: list[str], photos: Path) -> None:
    """Print the rows of the detector, at 640 pixels."""
    settings = DetectorSettings(detection_size=640)
    loaded = [FerFaceDetector(settings, None, (provider,), 1) for provider in providers]
    spent = costs([one.bare_run(640, 480) for one in loaded])
    for provider, one, milliseconds in zip(providers, loaded, spent, strict=True):
        hits = faces = 0
        with np.load(photos) as file:
            jpeg, offset, truth, owns = (
                file[key] for key in ("jpeg", "offset", "truth", "truth_offset")
            )
        for index in range(0, len(offset) - 1, 3):
            image = cv2.imdecode(jpeg[offset[index] : offset[index + 1]], cv2.IMREAD_COLOR)
            found = [face.box for face in one.detect(np.asarray(image, np.uint8))]
            for x, y, width, height in truth[owns[index] : owns[index + 1]]:
                if min(width, height) < SMALLEST:
                    continue
                faces += 1
                hits += any(
                    x < box.center[0] < x + width and y < box.center[1] < y + height
                    for box in found
                )
        report = (one.providers and one.providers.warning) or provider.partition(":")[0]
        print(
            f"| fer-face, VGA | {provider} | {report} | {milliseconds} | "
            f"{hits} of {faces} faces | |",
            flush=True,
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--provider", action="append", required=True)
    parser.add_argument("--step", type=int, default=1)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    print(
        "| network | provider | used | ms: processor / clock | right or found "
        "| farthest from the first |"
    )
    print("|---|---|---|---|---|---|")
    networks(args.provider, args.data, args.step)
    detector(args.provider, args.photos)


if __name__ == "__main__":
    main()
