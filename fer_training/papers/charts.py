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

"""Every chart of the comparison; those of single networks: feature maps, confusion, saliency.

Faces in them are averaged ones that show nobody (:mod:`fer_ros.sources.scene`).
"""

from __future__ import annotations

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
from fer_training.papers import curves, networks, scatter
from fer_training.papers.results import Result
from fer_training.records.run import finished

_CONFUSED = ("yengikand", "patil", "deep-emotion", "arch1")
_MAPPED = ("chowanda-arch1+weak-l2", "arch1", "chowanda-arch1")
"""Runs of which the first one there is mapped."""
_MAPPED_LAYER = "conv2d_4"
"""What figure 4 of Chowanda 2021 shows."""
_HIDDEN = "deep-emotion+jaffe-random"


def draw(runs: Path, results: Sequence[Result], folder: Path, whole: bool) -> list[str]:
    """Draw the charts.

    Args:
        runs: Folder of run folders.
        results: All lines.
        folder: Where the pictures go.
        whole: Leave a chart as it is where runs of its lines are not in the folder of runs.
            Otherwise a chart shows the runs that there are.

    Returns:
        For each chart that was left as it is, a line that says why.
    """
    if points := networks.points(results):
        scatter.draw(points, folder / "accuracy-latency.png")
    left = []
    for name, sources, drawn in (
        ("curves.png", curves.protocols(), curves.by_paper),
        ("convergence-004.png", curves.four(), curves.of_four),
        ("confusion.png", _CONFUSED, confusions),
    ):
        absent = _absent(runs, results, sources) if whole else []
        if absent:
            more = f" and {len(absent) - 2} more" if len(absent) > 2 else ""
            left.append(f"{name} stays as it is: no {', '.join(absent[:2])}{more} in {runs}")
        else:
            drawn(runs, folder / name)
    if mapped := [name for name in _MAPPED if finished(runs / name)]:
        feature_maps(runs / mapped[0], folder / "features-004.png")
    if finished(runs / _HIDDEN):
        occlusion(runs / _HIDDEN, folder / "saliency.png")
    return left


def _absent(runs: Path, results: Sequence[Result], names: Sequence[str]) -> list[str]:
    """Return the runs that have a line of trained epochs and no finished folder."""
    trained = {line.recipe for line in results if line.epochs}
    return [name for name in names if name in trained and not finished(runs / name)]


def feature_maps(run: Path, path: Path) -> None:
    """Draw the channels of a layer of ARCH-1 for the averaged happy face."""
    predictor = CheckpointPredictor.load(run)
    face = saliency.averaged_face("happy")
    maps = layer_output(predictor, face, _MAPPED_LAYER)
    record = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    figure = Figure(figsize=(9, 2.6), layout="constrained")
    figure.suptitle(f"{predictor.name} after {record['epochs']} epochs: {_MAPPED_LAYER}")
    grid = figure.add_gridspec(2, len(maps) // 2 + 2)
    whole = figure.add_subplot(grid[:, :2])
    whole.imshow(face, cmap="gray")
    whole.set_title("averaged face", fontsize=9)
    whole.set_axis_off()
    places = []
    for number, values in enumerate(maps):
        row, column = divmod(number, (len(maps) + 1) // 2)
        places.append(figure.add_subplot(grid[row, column + 2]))
        image = places[-1].imshow(values, cmap="viridis")
        places[-1].set_axis_off()
    bar = figure.colorbar(image, ax=places, ticks=[values.min(), values.max()])
    bar.ax.set_yticklabels(["least", "most"])
    bar.set_label("each map by itself")
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
    found = [name for name in _CONFUSED if finished(runs / name)]
    if not found:
        return
    # One below the other: two side by side have words that nobody reads on a phone.
    figure = Figure(figsize=(6.4, 4.9 * len(found)), layout="constrained")
    places = figure.subplots(len(found), 1, squeeze=False).ravel()
    for axes, name in zip(places, found, strict=True):
        record = json.loads((runs / name / "metrics.json").read_text(encoding="utf-8"))
        counts = np.array(record["results"]["single_crop"]["confusion"])
        shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for row, column in np.ndindex(*shares.shape):
            color = "white" if shares[row, column] > 0.5 else "black"
            text = f"{100 * shares[row, column]:.0f}"
            axes.text(column, row, text, ha="center", va="center", color=color, fontsize=9)
        names = record["results"]["labels"]
        axes.set_xticks(range(len(names)), names, rotation=40, ha="right")
        axes.set_yticks(range(len(names)), names)
        axes.set(title=name, xlabel="predicted class", ylabel="true class")
    bar = figure.colorbar(image, ax=list(places), shrink=0.6 / len(found), anchor=(0, 1))
    bar.set_label("share of the true class's rows [%]")
    bar.set_ticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "25", "50", "75", "100"])
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
