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

"""Charts of the comparison: accuracy against latency, convergence, feature maps, saliency.

Faces in them are averaged ones that show nobody (:mod:`fer_ros.sources.scene`).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fer_ros.perception.emotions import FER2013
from fer_training.data.tensors import to_network
from fer_training.measure import saliency
from fer_training.measure.predictors import CheckpointPredictor
from fer_training.papers.results import Result
from fer_training.papers.systems import SYSTEMS

_ARCHS = tuple(f"chowanda-arch{number}" for number in range(1, 5))
_PROTOCOLS = ("", "+ckplus-random", "+ckplus-random+weak-l2", "+weak-l2")
_CONFUSED = ("yengikand", "patil", "deep-emotion", "arch1")
_MAPPED_LAYER = "conv2d_4"
"""What figure 4 of Chowanda 2021 shows."""


def draw(runs: Path, results: Sequence[Result], folder: Path) -> None:
    """Draw every chart whose runs are there.

    Args:
        runs: Folder of run folders.
        results: All lines.
        folder: Where the pictures go.
    """
    accuracy_latency(results, folder / "accuracy-latency.png")
    learning_curves(runs, folder / "curves.png")
    convergence(runs, folder / "convergence-004.png")
    for name in ("chowanda-arch1+weak-l2", "arch1", "chowanda-arch1"):
        if (runs / name / "metrics.json").is_file():
            feature_maps(runs / name, folder / "features-004.png")
            break
    confusions(runs, folder / "confusion.png")
    if (runs / "deep-emotion+jaffe-random" / "metrics.json").is_file():
        occlusion(runs / "deep-emotion+jaffe-random", folder / "saliency.png")


def accuracy_latency(results: Sequence[Result], path: Path) -> None:
    """Draw PublicTest accuracy of one crop over milliseconds a crop.

    One point a network: of several runs of one architecture the best.
    """
    points: dict[tuple[str, float], Result] = {}
    for line in results:
        if line.dataset == "fer2013" and line.split == "official" and line.ms:
            key = (line.system, line.ms)
            if key not in points or line.single > points[key].single:
                points[key] = line
    if not points:
        return
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for system in dict.fromkeys(name for name, _ in points):
        own = {ms: line.single for (name, ms), line in points.items() if name == system}
        axes.scatter(list(own), list(own.values()), label=system)
    for (_, ms), line in points.items():
        axes.annotate(
            line.recipe, (ms, line.single), xytext=(4, 3), textcoords="offset points", fontsize=7
        )
    axes.set(xscale="log", xlabel="ms a crop, one thread", ylabel="PublicTest accuracy [%]")
    axes.margins(x=0.15)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.tick_params(axis="x", which="both", labelsize=7)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=100)


def learning_curves(runs: Path, path: Path) -> None:
    """Draw test accuracy over the epochs of every run under a paper's protocol, by paper."""
    found = {}
    for system in SYSTEMS:
        names = [row.same for row in system.rows if (runs / row.same / "summary.csv").is_file()]
        finished = [name for name in names if (runs / name / "metrics.json").is_file()]
        if finished:
            found[system.name] = finished
    if not found:
        return
    figure = Figure(figsize=(3.6 * len(found), 3.2), layout="constrained")
    for axes, (title, names) in zip(
        np.atleast_1d(figure.subplots(1, len(found))), found.items(), strict=True
    ):
        for name in names:
            epochs, accuracies, _ = _history(runs / name)
            axes.plot(epochs, accuracies, label=name, linewidth=0.8)
        axes.set(xlabel="epoch", ylabel="test accuracy [%]", title=title)
        axes.legend(fontsize=6)
    figure.savefig(path, dpi=100)


def convergence(runs: Path, path: Path) -> None:
    """Draw test accuracy over the epochs of ARCH-1 to ARCH-4, minutes in the legend."""
    shown = [
        protocol
        for protocol in _PROTOCOLS
        if sum((runs / f"{name}{protocol}" / "metrics.json").is_file() for name in _ARCHS) > 1
    ]
    if not shown:
        return
    figure = Figure(figsize=(4.5 * len(shown), 3.5), layout="constrained")
    for axes, protocol in zip(np.atleast_1d(figure.subplots(1, len(shown))), shown, strict=True):
        for name in _ARCHS:
            run = runs / f"{name}{protocol}"
            if (run / "metrics.json").is_file():
                epochs, accuracies, minutes = _history(run)
                label = f"{name.removeprefix('chowanda-')}, {minutes:.1f} min"
                axes.plot(epochs, accuracies, label=label, linewidth=1)
        axes.set(xlabel="epoch", ylabel="test accuracy [%]", title=protocol[1:] or "fer2013")
        axes.legend(fontsize=8)
    figure.savefig(path, dpi=100)


def _history(run: Path) -> tuple[list[int], list[float], float]:
    with (run / "summary.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    minutes = sum(float(row["seconds"]) for row in rows) / 60
    return (
        [int(row["epoch"]) + 1 for row in rows],
        [100 * float(row["test_accuracy"]) for row in rows],
        minutes,
    )


def feature_maps(run: Path, path: Path) -> None:
    """Draw the channels of a layer of ARCH-1 for the averaged happy face."""
    predictor = CheckpointPredictor.load(run)
    face = saliency.averaged_face("happy")
    maps = layer_output(predictor, face, _MAPPED_LAYER)
    record = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    figure = Figure(figsize=(9, 2.6), layout="constrained")
    figure.suptitle(
        f"{predictor.name} after {record['epochs']} epochs: {_MAPPED_LAYER}", fontsize=9
    )
    grid = figure.add_gridspec(2, len(maps) // 2 + 2)
    whole = figure.add_subplot(grid[:, :2])
    whole.imshow(face, cmap="gray")
    whole.set_title("averaged face", fontsize=8)
    whole.set_axis_off()
    for number, values in enumerate(maps):
        row, column = divmod(number, (len(maps) + 1) // 2)
        axes = figure.add_subplot(grid[row, column + 2])
        axes.imshow(values, cmap="viridis")
        axes.set_axis_off()
    figure.savefig(path, dpi=100)


def layer_output(
    predictor: CheckpointPredictor, face: NDArray[np.uint8], layer: str
) -> NDArray[np.float32]:
    """Return what a layer gives for one grey crop, shape (channels, H, W).

    Raises:
        ValueError: The network has no layer of this name.
    """
    named = {name.rpartition(".")[2]: m for name, m in predictor.network.named_modules()}
    if layer not in named:
        raise ValueError(f"{predictor.name} has no layer {layer}")
    kept: list[torch.Tensor] = []
    hook = named[layer].register_forward_hook(lambda _m, _i, out: kept.append(out.detach()))
    recipe = predictor.recipe
    image = torch.from_numpy(face)[None, None]
    with torch.no_grad():
        predictor.network(to_network(image, face.shape[0], 1, recipe.mean, recipe.scale))
    hook.remove()
    return kept[0][0].float().numpy()


def confusions(runs: Path, path: Path) -> None:
    """Draw the confusion matrices on PublicTest of the papers' networks side by side."""
    found = [name for name in _CONFUSED if (runs / name / "metrics.json").is_file()]
    if not found:
        return
    figure = Figure(figsize=(3.2 * len(found), 3.4), layout="constrained")
    for axes, name in zip(np.atleast_1d(figure.subplots(1, len(found))), found, strict=True):
        record = json.loads((runs / name / "metrics.json").read_text(encoding="utf-8"))
        counts = np.array(record["results"]["single_crop"]["confusion"])
        shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for row, column in np.ndindex(*shares.shape):
            color = "white" if shares[row, column] > 0.5 else "black"
            text = f"{100 * shares[row, column]:.0f}"
            axes.text(column, row, text, ha="center", va="center", color=color, fontsize=6)
        names = [label[:4] for label in record["results"]["labels"]]
        axes.set_xticks(range(len(names)), names, fontsize=7)
        axes.set_yticks(range(len(names)), names, fontsize=7)
        axes.set_title(f"{name} [%]", fontsize=9)
    figure.savefig(path, dpi=100)


def occlusion(run: Path, path: Path) -> None:
    """Draw where hiding the averaged face of each class costs a run's network most."""
    predictor = CheckpointPredictor.load(run)
    maps = {}
    for name in predictor.labels:
        if name in FER2013:
            target = predictor.labels.index(name)
            face = saliency.averaged_face(name)
            maps[name] = saliency.saliency(predictor, face, target=target)
    saliency.draw(maps, path)
