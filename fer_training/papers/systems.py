"""The rows that ``RESULTS.md`` should have: publications, their recipes and printed figures."""

from __future__ import annotations

from dataclasses import dataclass, field

from fer_training.recipes import recipe

OWN = "fer_ros"
"""What recipes of this package's own networks give as their paper."""

MEASURABLE = ("fer2013", "ckplus", "jaffe")
"""The data sets at hand; rows on others want their owners' files."""

_OVERLAYS = ("", "+ckplus", "+ckplus-random", "+jaffe", "+jaffe-random")
_ABLATIONS = (
    "",
    "+seed-1",
    "+seed-2",
    "+no-distillation",
    "+no-votes",
    "+no-mixup",
    "+no-erasing",
    "+no-degradation",
    "+no-smoothing",
    "+no-averaging",
    "+no-attention",
)


@dataclass(frozen=True)
class Expected:
    """A row that the table should have."""

    name: str
    dataset: str
    split: str
    command: str

    @property
    def key(self) -> str:
        """Key of its record in :func:`fer_training.papers.compare.collect`."""
        return f"{self.name}|{self.dataset}|{self.split}"


@dataclass(frozen=True)
class Table:
    """A small table of its own: runs that are compared with one another."""

    title: str
    rows: tuple[Expected, ...]


def of_recipe(name: str) -> Expected:
    """Return the row that a recipe's run makes."""
    data = recipe.load(name).data
    command = f"fer-train train {name}"
    if data.split == "loso" or data.split.startswith("subject"):
        command += " --all-folds"
    if data.dataset not in MEASURABLE:
        command += " --data FOLDER"
    return Expected(name, data.dataset, data.split, command)


def _svm(dataset: str, split: str) -> Expected:
    command = f"fer-train svm --dataset {dataset} --split {split} --features hog"
    return Expected("svm-hog", dataset, split, command)


def _fused(rule: str, overlay: str) -> Expected:
    first, second = (f"{name}{overlay}" for name in ("umer-cnn1", "umer-cnn2"))
    out = f"runs/umer-{rule}{overlay}"
    command = f"fer-train fuse runs/{first} runs/{second} --rule {rule} --out {out}"
    data = recipe.load(first).data
    return Expected(f"{rule}({first}, {second})", data.dataset, data.split, command)


def _searched(value: str) -> Expected:
    command = "fer-train search yengikand options.dropout=0.1,0.2,0.3 --out runs/yengikand-search"
    name = f"yengikand with options.dropout={value}"
    return Expected(name, "fer2013", "official", command)


@dataclass(frozen=True)
class System:
    """One publication, its recipes and its printed accuracies [%]."""

    paper: str
    recipes: tuple[str, ...]
    """Those of FER2013 stand for their rows on the other data sets too."""
    figures: dict[str, str] = field(default_factory=dict)
    others: tuple[Expected, ...] = ()
    """Rows that no recipe makes: machines and fused scores."""
    tables: tuple[Table, ...] = ()
    overlays: tuple[str, ...] = _OVERLAYS


SYSTEMS = (
    System(
        "Chowanda 2021",
        ("arch1", "chowanda-arch1", "chowanda-arch2", "chowanda-arch3", "chowanda-arch4"),
        {"fer2013": "70.3", "ckplus": "99.4", "imed": "96.4"},
    ),
    System(
        "Minaee et al. 2021",
        ("deep-emotion",),
        {"fer2013": "70.02", "ckplus": "98.0", "jaffe": "92.8", "ferg": "99.3"},
    ),
    System(
        "Yengikand et al. 2023",
        ("yengikand",),
        {"fer2013": "65.32", "ckplus": "97.01", "jaffe": "79.19"},
        tables=(Table("Dropout by greedy search", tuple(map(_searched, ("0.1", "0.2", "0.3")))),),
    ),
    System(
        "Umer et al. 2022",
        tuple(f"umer-{cnn}{size}" for cnn in ("cnn1", "cnn2") for size in ("-48", "-64", "")),
        {"ckplus": "96.89 (fused)", "kdef": "82.35 (fused)", "sfew": "41.73 (fused)"},
        (
            *(
                of_recipe(f"umer-{cnn}+{dataset}")
                for dataset in ("ckplus", "kdef", "sfew")
                for cnn in ("cnn1", "cnn2")
            ),
            *(_fused(rule, overlay) for overlay in ("", "+ckplus") for rule in ("sum", "product")),
        ),
        (
            Table(
                "Losses compared: cross-entropy and the paper's three",
                tuple(
                    of_recipe(f"umer-cnn1-48{loss}")
                    for loss in ("", "+mse", "+hinge", "+cross-entropy")
                ),
            ),
            Table(
                "Fine-tuning with and without frozen layers",
                tuple(of_recipe(f"umer-cnn1+fine-tune{layers}") for layers in ("", "+frozen")),
            ),
        ),
    ),
    System(
        "Patil 2023",
        ("patil", "patil+fer2013-random", "patil-five", "patil-ckplus", "patil-ckplus-random"),
        {"fer2013": "87.78", "ckplus": "99"},
        (
            _svm("fer2013", "official"),
            _svm("fer2013", "random-20"),
            _svm("ckplus", "subject-5"),
            _svm("ckplus", "random-20"),
            _svm("jaffe", "loso"),
            _svm("jaffe", "random-20"),
        ),
    ),
    System(
        OWN,
        (
            "fer-lite",
            "fer-lite-start",
            "fer-base",
            "fer-base-fifth",
            "fer-base-fourth",
            "fer-base-third",
            "fer-base-second",
            "fer-base-start",
            "fer-teacher",
        ),
        tables=(
            Table(
                "What each ingredient of fer-lite buys in a short run",
                tuple(of_recipe(f"fer-lite-short{overlay}") for overlay in _ABLATIONS),
            ),
        ),
        overlays=("",),
    ),
)
"""Every publication, and the networks made here."""

SVM_FIGURES = {"fer2013": "38", "ckplus": "97"}
