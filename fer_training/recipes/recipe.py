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

"""The one configuration of a run: dataclasses that are a YAML file and a command line too."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from fer_ros.files import read_text
from fer_ros.records import RecordError, build

RECIPES = Path(__file__).parent
OWN = "fer_ros"
"""What recipes of the project's own networks give as their paper."""

_SUFFIXES = (".yaml", ".yml")
"""Of names that are files, not recipes of the package."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Safe, and ten times as fast where PyYAML comes with its part in C."""


class RecipeError(ValueError):
    """A recipe has an unknown key or a value of the wrong kind."""


@dataclass
class Data:
    """What is trained on."""

    dataset: str = "fer2013"
    path: str = ""
    """Empty: the data set's usual name in the folder ``data``, or in that of ``FER_DATA``."""
    split: str = "official"
    """``official``, ``subject-<k>``, ``loso``, ``folds-<k>``, ``random-<percent of test rows>``,
    ``part-<percent>-<percent>-<percent>`` or ``rows-<number>-<number>-<number>`` (training,
    validation and test rows; the latter tests every class equally often)."""
    fold: int = 0
    """Which of the split's divisions; ``--all-folds`` runs every one."""
    drop_black: bool = True
    """Leave out training rows of one colour."""
    drop_not_a_face: bool = False
    """Leave out training rows that most FER+ voters call no face."""
    drop_duplicates: bool = False
    """Leave out training rows whose image is among the test rows too."""
    vote_share: float = 0.0
    """Share of the FER+ vote distribution in the targets of rows that have votes."""
    oversample: float = 0.0
    """0 draws rows as they are, 1 draws every class equally often."""
    leave_out: list[str] = field(default_factory=list)
    """Classes whose rows are left out on both sides, e.g. contempt."""
    frames: int = 0
    """Keep only the last so many frames of each sequence; 0 keeps all (CK+ has three each)."""
    unlabelled: str = ""
    """An npz with further crops (``images``) whose targets are what the teachers
    predict (``stored``); empty for none."""
    agreed: bool = False
    """Keep only rows, on both sides, whose FER+ majority is the label."""
    agreed_votes: int = 0
    """And for whose label at least so many of the ten FER+ voters are; needs ``agreed``."""


@dataclass
class Augment:
    """Random changes of the training crops; all shares and probabilities in 0..1."""

    flip: float = 0.5
    rotation: float = 0.0
    """Largest angle [degrees]."""
    shift: float = 0.0
    """Largest shift, in crop widths."""
    zoom: float = 0.0
    """Largest change of scale: factors in 1-zoom..1+zoom."""
    shear: float = 0.0
    """Largest shear factor."""
    brightness: float = 0.0
    """Largest offset, in ranges of the pixel values."""
    contrast: float = 0.0
    """Largest change of contrast about the mean."""
    distortion: float = 0.0
    """Largest local displacement of a smooth random field, in crop widths."""
    erase: float = 0.0
    """Probability that a rectangle is erased."""
    erase_area: float = 0.2
    """Largest erased share of the crop."""
    filters: float = 0.0
    """Probability of one of Umer's bilateral, unsharp or sharpening filters."""
    mixup: float = 0.0
    """Probability that a batch is mixed up (Zhang et al. 2018)."""
    mixup_alpha: float = 0.2
    gain: float = 0.0
    """Largest factor on the pixels, in octaves: 2**-gain..2**gain, clipped at white."""
    sharpen: float = 0.0
    """Probability of an unsharp mask, as of faces shrunk from large photos."""
    gamma: float = 0.0
    """Largest change of gamma, in octaves: exponents in 2**-gamma..2**gamma."""
    shrink: float = 0.0
    """Probability that a crop is shrunk and enlarged again, as a far face would be."""
    shrink_side: int = 20
    """Least side it is shrunk to [pixels]."""
    blur: float = 0.0
    """Probability of a Gaussian blur."""
    blur_sigma: float = 1.5
    """Largest blur [pixels]."""
    noise: float = 0.0
    """Probability of Gaussian noise."""
    noise_sigma: float = 0.06
    """Largest noise, in ranges of the pixel values."""


@dataclass
class Distill:
    """Learning from the predictions of larger networks (Hinton et al. 2015)."""

    teachers: list[str] = field(default_factory=list)
    """Run folders, checkpoints, exported float files or shipped networks (where ``stored``, int8
    ones too). Several count by their mean."""
    share: float = 0.5
    """Share of the loss that compares with the teachers, 0..1."""
    stored: bool = False
    """The teachers see each training crop once, as it is and mirrored, before training; what every
    random change of that crop is compared with is their mean."""
    temperature: float = 2.0
    """Softens both sides of that comparison."""


@dataclass
class Optimizer:
    """``sgd`` (Nesterov), ``adam`` (L2 in the gradient) or ``adamw``."""

    name: str = "sgd"
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    l2: float = 0.0
    """Weight of the sum of squared kernels in the loss, as Keras's ``l2`` has it."""
    l2_layers: list[str] = field(default_factory=list)
    """Layers whose kernels that is, by the beginning of their names; empty means all."""


@dataclass
class Schedule:
    """Schedule of the learning rate."""

    name: str = "cosine"
    """``constant``, ``cosine`` or ``plateau``."""
    warmup_epochs: int = 0
    factor: float = 0.1
    """Plateau: the rate is multiplied by it."""
    patience: int = 8
    """Plateau: epochs without a better test loss before that."""
    stop_patience: int = 0
    """Stop after this many epochs without a better one; 0 never stops early."""
    min_delta: float = 0.0
    """A smaller gain is none."""


@dataclass
class Setting:
    """A setting of a publication."""

    value: Any = None
    """As printed; null where the publication names it without a value, or leaves it out."""
    place: str = ""
    """Its place, or that it is not printed."""


@dataclass
class Figure:
    """An accuracy that a publication prints."""

    value: float
    """[%]"""
    place: str
    """Its place."""
    note: str = ""
    """What it was measured on, where that is not the recipe's own protocol."""


@dataclass
class Paper:
    """What the publication that a recipe follows prints."""

    name: str = ""
    text: str = ""
    """Number of the paper's text in the papers' folder of the shared data; empty for our own."""
    settings: dict[str, Setting] = field(default_factory=dict)
    """By recipe key, e.g. ``optimizer.lr``, or by a name of its own for what no key says."""
    figures: dict[str, Figure] = field(default_factory=dict)
    """By data set."""
    open: dict[str, list[Any]] = field(default_factory=dict)
    """What the publication leaves open: recipe keys with the values that ``fer-train search``
    tries, in the order of the search."""

    @classmethod
    def of_text(cls, name: str) -> Paper:
        """Return a publication of which only the name is given."""
        return cls(name)


@dataclass
class Recipe:
    """Everything that decides a run."""

    name: str
    architecture: str
    options: dict[str, Any] = field(default_factory=dict)
    """Keyword options of the architecture."""
    paper: Paper = field(default_factory=Paper)
    """Publication that the recipe follows, with its settings and figures; a name alone will do."""
    differs: str = ""
    """What its settings cannot say of the distance to the publication, in a sentence."""
    data: Data = field(default_factory=Data)
    augment: Augment = field(default_factory=Augment)
    optimizer: Optimizer = field(default_factory=Optimizer)
    schedule: Schedule = field(default_factory=Schedule)
    loss: str = "cross_entropy"
    """``cross_entropy``, ``mse``, ``bce`` or ``hinge``."""
    label_smoothing: float = 0.0
    votes_weight: float = 0.0
    """Weight of the loss of a second head that learns the FER+ votes; 0 builds no such head."""
    distill: Distill = field(default_factory=Distill)
    epochs: int = 60
    epoch_rows: int = 0
    """Training rows drawn for an epoch; 0 takes all."""
    batch_size: int = 128
    ema: float = 0.0
    """Decay per step of the averaged weights that are evaluated; 0 evaluates the weights."""
    keep: str = "best"
    """``best`` on the test rows where the split lets them select, otherwise ``last``."""
    sizes: list[int] = field(default_factory=list)
    """Progressive input sizes, each for an equal share of the epochs; empty: the network's own."""
    init: str = ""
    """Whose weights are the start (fine-tuning): a run folder, a checkpoint, an exported float file
    or the name of a shipped one."""
    calibration: str = "temperature"
    """What follows training: ``temperature``, fitted where the split lets rows select; or
    ``classes``, where an offset per class, fitted on the training rows and folded into the last
    layer, comes first."""
    freeze: list[str] = field(default_factory=list)
    """Prefixes of parameter names that stay as they are."""
    mean: float = 127.5
    scale: float = 1 / 127.5
    """The network sees ``(pixel - mean) * scale``."""
    seed: int = 0
    amp: str = "auto"
    """``bfloat16`` (autocast), ``float32``, or ``auto``: the quicker one of a trial."""
    threads: int = 2

    @staticmethod
    def upgraded(values: Mapping[str, object]) -> Mapping[str, object]:
        """Return plain values with ``amp`` as a string; version 0.1 had true and false."""
        if isinstance(values.get("amp"), bool):
            return {**values, "amp": "bfloat16" if values["amp"] else "float32"}
        return values


def to_yaml(recipe: Recipe) -> str:
    """Return a recipe as YAML."""
    return str(yaml.safe_dump(asdict(recipe), sort_keys=False, allow_unicode=True))


def from_dict(values: Mapping[str, object]) -> Recipe:
    """Check plain values and make a recipe of them.

    Raises:
        RecipeError: A key is unknown or missing, or a value has the wrong type.
    """
    try:
        return build(Recipe, values)
    except RecordError as error:
        raise RecipeError(f"recipe: {error}") from None


def load(name: str, overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe and apply ``key.key=value`` overrides.

    Args:
        name: Name of a recipe of the package or path of a YAML file; ``A+B`` lays overlay B, e.g.
            another data set, over recipe A. A's own changes under B, e.g. its paper's batch size on
            that data set, are in its ``overlays`` entry and go on top of B.
        overrides: Changes on top.

    Raises:
        RecipeError: There is no such recipe, or it is malformed.
    """
    first, *overlays = name.split("+")
    values = _read(first, RECIPES)
    base = str(values.get("name", first))
    own = _own_overlays(values.pop("overlays", {}), first)
    for overlay in overlays:
        before = from_dict(values)
        _merge(values, _read(overlay, RECIPES / "on", own))
        if from_dict(values) == before:
            raise RecipeError(f"+{overlay} changes nothing in {base}")
    values["name"] = "+".join([base, *overlays])
    for override in overrides:
        _set(values, override)
    config = from_dict(values)
    config.init = config.init.replace("{base}", base)
    return config


def names() -> list[str]:
    """Return the package's recipes and, with a leading plus, its overlays."""
    overlays = ["+" + path.stem for path in sorted((RECIPES / "on").glob("*.yaml"))]
    return [path.stem for path in sorted(RECIPES.glob("*.yaml"))] + overlays


def _own_overlays(values: object, name: str) -> dict[str, dict[str, Any]]:
    """Check a recipe's changes of overlays, a mapping of mappings by overlay name."""
    if not isinstance(values, dict) or not all(isinstance(v, dict) for v in values.values()):
        raise RecipeError(f"{name}: overlays must map names of overlays to changes")
    for overlay in values:
        if f"+{overlay}" not in names():
            raise RecipeError(f"{name}: overlays names {overlay!r}, which recipes/on does not hold")
    return {str(overlay): changes for overlay, changes in values.items()}


def _read(
    name: str, folder: Path, own: dict[str, Any] | None = None, above: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Read a YAML mapping, laid over the one that its ``base`` entry names.

    A base that is a file is looked for from the folder of the file that names it.
    Changes in ``own`` go on top of the file of that name, wherever it is in the chain; ``above``
    names those that are laid over it.
    """
    if name in above:
        raise RecipeError(f"the bases go in a circle: {' -> '.join([*above, name])}")
    path = Path(name) if name.endswith(_SUFFIXES) else folder / f"{name}.yaml"
    if not path.is_file():
        raise RecipeError(f"no recipe {name}; known: {', '.join(names())}")
    try:
        values = yaml.load(read_text(path), _LOADER)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RecipeError(f"{path} is no YAML: {error}") from None
    if not isinstance(values, dict):
        raise RecipeError(f"{path} holds no mapping")
    base = values.pop("base", None)
    if str(base).endswith(_SUFFIXES):
        base = path.parent / str(base)
    below = {} if base is None else _read(str(base), folder, own, (*above, name))
    _merge(below, values)
    _merge(below, (own or {}).get(name, {}))
    return below


def _merge(below: dict[str, Any], above: dict[str, Any]) -> None:
    """Lay one mapping over another, in place."""
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _merge(below[key], value)
        else:
            below[key] = value


def _set(values: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator:
        raise RecipeError(f"{override!r} is not of the form key=value")
    *path, last = key.split(".")
    for part in path:
        values = values.setdefault(part, {})
        if not isinstance(values, dict):
            raise RecipeError(f"{key!r}: {part!r} has no parts")
    try:
        values[last] = yaml.safe_load(text) if text else ""
    except yaml.YAMLError:
        raise RecipeError(f"{override!r}: {text!r} is no YAML; put it in quotes") from None


def spelled(path: object) -> str:
    """Return a path as a value of an override; letters that mean something in YAML are names."""
    return json.dumps(str(path), ensure_ascii=False)
