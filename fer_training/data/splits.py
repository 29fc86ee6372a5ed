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

"""Splits as explicit objects: which rows train, which select, which measure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, StratifiedKFold, StratifiedShuffleSplit

from fer_training.data.base import DatasetError, FaceDataset

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Split:
    """One division of a data set's rows."""

    name: str
    train: Rows
    test: Rows
    """Rows that are reported."""
    selects: bool
    """Whether the test rows may also choose epoch, temperatures and threshold (PublicTest may)."""
    leaks: str = ""
    """Why the figure flatters, e.g. near copies on both sides; empty when it does not."""
    validation: Rows | None = None
    """Rows that choose the epoch in place of the test rows, where the split has them."""

    @property
    def choosing(self) -> Rows | None:
        """The rows that may choose epoch, rate and threshold, None where there are none."""
        return self.test if self.selects else self.validation


def official(data: FaceDataset) -> list[Split]:
    """FER2013: Training trains, PublicTest selects and is reported; PrivateTest is not touched.

    SFEW: Train and Val, likewise.

    Raises:
        DatasetError: The data set has no owners' split.
    """
    if data.usage is None:
        raise DatasetError(f"{data.name} carries no owners' split; choose another one")
    train = np.flatnonzero(data.usage == "Training")
    test = np.flatnonzero(np.isin(data.usage, ["PublicTest", "Validation"]))
    if not len(train) or not len(test):
        raise DatasetError(
            f"{data.name}: the official split needs Training and PublicTest or Validation rows"
        )
    return [Split("official", train, test, selects=True)]


def measured(data: FaceDataset, usage: str | None) -> Rows:
    """Return the rows on which a finished network is measured.

    Without a name PublicTest, where there is one: a test set that is measured by chance is no
    longer a test set. Else all rows but Training.

    Raises:
        DatasetError: There is no such split, or it has no rows.
    """
    if data.usage is None:
        if usage is not None:
            raise DatasetError(f"{data.name} has no usage column; leave out --usage")
        return np.arange(len(data))
    if usage is None and "PublicTest" in data.usage:
        usage = "PublicTest"
    rows = np.flatnonzero(data.usage != "Training" if usage is None else data.usage == usage)
    if not len(rows):
        found = ", ".join(np.unique(data.usage))
        raise DatasetError(f"{data.name} has only {found} rows; choose one of them by --usage")
    return rows


def subject_folds(data: FaceDataset, folds: int) -> list[Split]:
    """K folds with no person on both sides (scikit-learn's GroupKFold)."""
    subjects = _subjects(data)
    parts = GroupKFold(folds).split(data.images, data.labels, subjects)
    return [
        Split(f"subject-fold-{number}", train, test, selects=False)
        for number, (train, test) in enumerate(parts)
    ]


def leave_one_subject_out(data: FaceDataset) -> list[Split]:
    """One split per person, who is the test."""
    subjects = _subjects(data)
    return [
        Split(
            f"loso-{subject}",
            np.flatnonzero(subjects != subject),
            np.flatnonzero(subjects == subject),
            selects=False,
        )
        for subject in np.unique(subjects)
    ]


def random_share(data: FaceDataset, test_share: float, seed: int) -> list[Split]:
    """A stratified random split, as most papers use: people and near copies on both sides."""
    splitter = StratifiedShuffleSplit(1, test_size=test_share, random_state=seed)
    train, test = next(splitter.split(data.images, data.labels))
    return [
        Split(
            f"random-{round(100 * test_share)}",
            np.sort(train),
            np.sort(test),
            selects=False,
            leaks=_LEAKS,
        )
    ]


def stratified_folds(data: FaceDataset, folds: int, seed: int) -> list[Split]:
    """K folds with every class in each, people and near copies on both sides."""
    order = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return [
        Split(f"fold-{number}", train, test, selects=False, leaks=_LEAKS)
        for number, (train, test) in enumerate(order.split(data.images, data.labels))
    ]


def parts(data: FaceDataset, shares: tuple[int, int, int], seed: int) -> list[Split]:
    """A stratified random split into training, validation and test rows [%]."""
    whole = random_share(data, shares[2] / 100, seed)[0]
    rest = data.select(whole.train)
    share = shares[1] / (shares[0] + shares[1])
    inner = random_share(rest, share, seed)[0]
    return [
        Split(
            "part-" + "-".join(map(str, shares)),
            whole.train[inner.train],
            whole.test,
            selects=False,
            leaks=_LEAKS,
            validation=whole.train[inner.test],
        )
    ]


def counted(data: FaceDataset, counts: tuple[int, int, int], seed: int) -> list[Split]:
    """A random split into numbers of rows, of which the test has as many of every class.

    Raises:
        DatasetError: There are not that many rows, or they do not divide among the classes.
    """
    training, validation, test = counts
    classes = len(data.label_names)
    if test % classes or sum(counts) > len(data):
        raise DatasetError(
            f"{data.name} has {len(data)} rows of {classes} classes, too few for "
            f"{training} + {validation} + {test}, or the last does not divide among the classes"
        )
    order = np.random.default_rng(seed).permutation(len(data))
    tested = np.concatenate(
        [order[data.labels[order] == code][: test // classes] for code in range(classes)]
    )
    if len(tested) < test:
        raise DatasetError(f"{data.name} has a class of fewer than {test // classes} rows")
    others = order[~np.isin(order, tested)]
    return [
        Split(
            "rows-" + "-".join(map(str, counts)),
            np.sort(others[:training]),
            np.sort(tested),
            selects=False,
            leaks=_LEAKS,
            validation=np.sort(others[training : training + validation]),
        )
    ]


_LEAKS = "the same persons and near-identical frames stand on both sides"


def make(data: FaceDataset, kind: str, seed: int = 0) -> list[Split]:
    """Return the splits of a recipe's ``split`` entry.

    ``official``, ``subject-<k>``, ``loso``, ``folds-<k>``, ``random-<percent of test rows>``, or
    ``part-<percent>-<percent>-<percent>`` and ``rows-<number>-<number>-<number>`` for training,
    validation and test rows.

    Raises:
        DatasetError: The kind is unknown or the data set cannot give it.
    """
    head, _, number = kind.partition("-")
    three = tuple(int(text) for text in number.split("-") if text.isdigit() and int(text) > 0)
    if kind == "official":
        return official(data)
    if kind == "loso":
        return leave_one_subject_out(data)
    if head == "subject" and number.isdigit() and int(number) > 1:
        return subject_folds(data, int(number))
    if head == "folds" and number.isdigit() and int(number) > 1:
        return stratified_folds(data, int(number), seed)
    if head == "random" and number.isdigit() and 0 < int(number) < 100:
        return random_share(data, int(number) / 100, seed)
    if head == "part" and len(three) == 3 and sum(three) == 100:
        return parts(data, (three[0], three[1], three[2]), seed)
    if head == "rows" and len(three) == 3:
        return counted(data, (three[0], three[1], three[2]), seed)
    raise DatasetError(
        f"unknown split {kind!r}: official, subject-<k>, loso, folds-<k>, random-<percent>, "
        "part-<percent>-<percent>-<percent> (100 together) or rows-<number>-<number>-<number>"
    )


def choose(data: FaceDataset, kind: str, fold: int) -> Split:
    """Return one of the splits that :func:`make` gives.

    Raises:
        DatasetError: As :func:`make`, or there is no such fold.
    """
    divisions = make(data, kind)
    if not 0 <= fold < len(divisions):
        raise DatasetError(f"the split {kind!r} has folds 0..{len(divisions) - 1}, not {fold}")
    return divisions[fold]


def cross_duplicates(data: FaceDataset, split: Split) -> Rows:
    """Return the test rows whose image is also, byte for byte, among the training rows."""
    groups = data.duplicate_groups
    return split.test[np.isin(groups[split.test], groups[split.train])]


def _subjects(data: FaceDataset) -> NDArray[np.str_]:
    if data.subjects is None:
        raise DatasetError(f"{data.name} names no subjects; choose another split")
    return data.subjects
