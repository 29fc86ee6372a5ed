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

"""The comparisons of the page of results: each paper's rows, their figures and our runs."""

from __future__ import annotations

from dataclasses import dataclass

from fer_training.recipes import recipe
from fer_training.recipes.recipe import Figure

OWNERS_DATA = ("imed", "ferg", "kdef", "sfew")
"""Data sets that are not at hand: their owners give them on request, for research."""


CHOWANDA = "Chowanda 2021"


@dataclass(frozen=True)
class Claim:
    """One figure of a paper, with our runs beside it."""

    what: str
    dataset: str
    figure: Figure
    same: str
    """Recipe, or machine or fused scores, under the paper's protocol; empty where it has none."""
    honest: str = ""
    """The same network with no person on both sides; empty where PublicTest is measured anyway."""
    reading: str = ""
    """What the recipe changes of the printed settings, where the printed value cannot be meant."""
    headline: bool = False
    """Whether the paper's summary rests on this figure."""


@dataclass(frozen=True)
class System:
    """One publication."""

    name: str
    title: str
    """Text number in the papers' folder and what it is."""
    rows: tuple[Claim, ...]
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Small tables of runs that the paper compares with one another: title and recipes."""


def _row(
    what: str,
    dataset: str,
    same: str,
    honest: str = "",
    reading: str = "",
    headline: bool = False,
) -> Claim:
    figure = recipe.load(same).paper.figures[dataset]
    return Claim(what, dataset, figure, same, honest, reading, headline)


COLLAPSE_EPOCHS = 10
"""Long enough to see whether a network with the printed L2 of 0.2 distinguishes any classes."""


def _archs() -> tuple[Claim, ...]:
    one, four, reading = "chowanda-arch1", "chowanda-arch4", "L2 1e-4"
    same, honest = f"{one}+ckplus-random+weak-l2", f"{one}+ckplus+weak-l2"
    return (
        _row("ARCH-1", "fer2013", f"{one}+weak-l2", "", reading, headline=True),
        _row("ARCH-1", "ckplus", same, honest, reading, headline=True),
        _row("ARCH-1", "imed", f"{one}+imed"),
        _row("ARCH-4", "fer2013", f"{four}+weak-l2", "", reading),
    )


def _umer() -> tuple[Claim, ...]:
    rows = [
        _row(
            f"CNN_{cnn}, {size} px",
            "ckplus",
            f"umer-cnn{cnn}{'' if size == 96 else f'-{size}'}",
            f"umer-cnn{cnn}-48+ckplus" if size == 48 else "",
        )
        for cnn in (1, 2)
        for size in (48, 64, 96)
    ]
    for rule, value in (("sum", 96.18), ("product", 96.89)):
        same = f"{rule}(umer-cnn1, umer-cnn2)"
        honest = f"{rule}(umer-cnn1-48+ckplus, umer-cnn2-48+ckplus)"
        figure = Figure(value, "table 5")
        rows.append(Claim(f"fused, {rule}", "ckplus", figure, same, honest, headline=True))
    return tuple(rows)


SYSTEMS = (
    System("Yengikand et al. 2023", "000, attention over separable features", (
        _row("network", "fer2013", "yengikand", headline=True),
        _row("network", "ckplus", "yengikand+ckplus-random", "yengikand+ckplus"),
        _row("network", "jaffe", "yengikand+jaffe-random", "yengikand+jaffe"),
    )),
    System("Umer et al. 2022", "001, two networks fused", _umer(), (
        ("Losses, CNN_1 at 48 pixels, the paper's protocol (figure 8: binary cross-entropy best)", (
            "umer-cnn1-48", "umer-cnn1-48+mse", "umer-cnn1-48+hinge",
            "umer-cnn1-48+cross-entropy",
        )),
        ("Batches after 50, 100, 200 and 500 epochs (figure 9: 8 and 500 best)", tuple(
            f"umer-cnn1-48{batch}{epochs}"
            for batch in ("", "-batch-16", "-batch-32") for epochs in ("@50", "@100", "@200", "")
        )),
        ("Augmentation (figure 10: better with it)", (
            "umer-cnn1-48", "umer-cnn1-48+no-augmentation",
        )),
        ("Fine-tuning, with and without frozen layers (figure 11)", (
            "umer-cnn1-48", "umer-cnn1-48+fine-tune", "umer-cnn1-48+fine-tune+frozen",
        )),
    )),
    System("Patil 2023", "002, factorised kernels, and a support vector machine", (
        _row("network, five classes", "fer2013", "patil-five", headline=True),
        _row("network", "ckplus", "patil-ckplus-random", "patil-ckplus"),
        Claim("SVM", "fer2013", Figure(38, "section 4.4"), "svm-hog:random-25", "svm-hog:official"),
        Claim("SVM", "ckplus", Figure(97, "section 4.3"), "svm-hog:random-20", "svm-hog:subject-5"),
    ), (
        ("Five classes, images by majority and by eight of ten voters (paper: by hand)",
         ("patil-five", "patil-five-eight")),
    )),
    System("Minaee et al. 2021", "003, a spatial transformer before four convolutions", (
        _row("network", "fer2013", "deep-emotion", headline=True),
        _row("network", "ckplus", "deep-emotion+ckplus-random", "deep-emotion+ckplus"),
        _row("network", "jaffe", "deep-emotion+jaffe-random", "deep-emotion+jaffe"),
        _row("network", "ferg", "deep-emotion+ferg"),
    )),
    System(CHOWANDA, "004, four separable and plain networks", _archs(), tuple(
        (f"The printed L2 of 0.2 on every kernel, {COLLAPSE_EPOCHS} epochs on {title}", tuple(
            f"chowanda-arch{number}{protocol}@{COLLAPSE_EPOCHS}" for number in range(1, 5)
        ))
        for title, protocol in (("FER2013", ""), ("CK+", "+ckplus-random"))
    )),
)  # fmt: skip
"""The five papers, in the order of their numbers."""
