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

"""The model card of an exported detector: origin, terms, figures and limits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fer_ros.perception.detection.detector_metadata import DetectorMetadata
from fer_ros.perception.detection.verifier import CONTEXT, SIDE
from fer_ros.perception.model_store import VERIFIER_SUFFIX, digest_of
from fer_ros.perception.onnx_file import read_properties
from fer_training.detector import report
from fer_training.detector.report import Comparison
from fer_training.detector.verifier_examples import LEAST_SCORE, SIZES
from fer_training.records import files, provenance

_LIMITS = """## Limits

* It was trained on faces turned as far as YuNet still finds them and tilted by up to 55 degrees.
  Heads lying on their side are out of scope.
* `detection_size` and `detection_budget` say how many pixels of a face it gets to see; the tables
  quantify that.
* Of version 0.1.0, looked at by eye: what it misses on the validation photos is mostly faces behind
  masks seen from the side, behind a hand or another head, or blurred; what it makes up is mostly
  emblems, lettering, watches and fists, then statues and dogs seen from the front.
* Faces on posters and screens, of statues and dolls are faces to it.
* Whether it finds people of all ages and skin tones equally often has not been measured: no set at
  hand says who is on its photos.
"""


def write(file: Path, record: Path | None = None) -> Path:
    """Write the card beside an exported file.

    Args:
        file: The ONNX file.
        record: What `fer-train detector compare --json` wrote with this file among the detectors.

    Returns:
        The card's path.

    Raises:
        MetadataError: The file is no detector of this form.
        RecordError: The record has other fields.
    """
    about = DetectorMetadata.from_props(read_properties(file))
    parts = [_head(file, about), _training(about), _data(about.dataset)]
    if record is not None:
        parts.append(_figures(files.read(Comparison, record)))
    card = file.with_suffix(".md")
    card.write_text("\n".join([*parts, _LIMITS]), encoding="utf-8")
    return card


def write_verifier(file: Path) -> Path:
    """Write the card beside a verifier's file; return its path.

    Raises:
        KeyError: The file is no verifier.
    """
    properties = read_properties(file)
    about = {
        name: json.loads(properties[f"fer.{name}"])
        for name in ("version", "detector_sha256", "dataset", "recipe", "metrics")
    }
    recipe, metrics = about["recipe"], about["metrics"]
    sizes = ", ".join(map(str, sorted(SIZES)))
    head = f"""# {file.stem}

Second network of `{file.stem.removesuffix(VERIFIER_SUFFIX)}` (SHA-256
`{about["detector_sha256"]}`), version {about["version"]}:
the confidence of what the detector found, by a crop of {SIDE} pixels of the image itself,
{CONTEXT:g} times as wide as the box.
{recipe["parameters"]:,} parameters, {file.stat().st_size:,} bytes, SHA-256
`{digest_of(file)}`. Without this file the detector's own
confidence holds.

## Training

`fer-train detector verifier`: {recipe["epochs"]} epochs (seed {recipe["seed"]}) of
{recipe["examples"]:,} candidates that the detector found with a score of {LEAST_SCORE} and more
in photos at {sizes} pixels and among FER2013 Training faces put into photos.
Faces are what people boxed or YuNet is sure of; parts of faces and what lies beside them are none;
what is uncertain is left out. Crops are moved, turned, mirrored, blurred, lit otherwise, partly
hidden.

Confidence 0.7 is where there are {metrics["false_faces_a_photo"]} false faces a photo at a recall
of {metrics["recall"]:.3f}. That is: {metrics["protocol"]}.
[What it changes](../../docs/measurements/detection.md).
"""
    card = file.with_suffix(".md")
    card.write_text("\n".join([head, _data(about["dataset"])]), encoding="utf-8")
    return card


def _head(file: Path, about: DetectorMetadata) -> str:
    strides = ", ".join(map(str, about.strides))
    return f"""# {about.model_id}

Face detector, version {about.version}: boxes, scores and five landmarks from one grey channel of
any size (sides in multiples of {about.multiple} pixels), one shot, anchor-free, cells at strides
{strides}. Made of depthwise-separable blocks with a light top-down path;
{about.recipe["parameters"]:,} parameters, {file.stat().st_size:,} bytes,
SHA-256 `{digest_of(file)}`.

Meant for robots and cameras that look for the faces of people near them. Not meant for finding out
who somebody is, nor for counting or watching people; see [ethics](../../docs/ethics.md).
"""


def _training(about: DetectorMetadata) -> str:
    metrics = about.metrics
    mined = (
        " What it overlooked and what it\ntook for faces was mined (`mine`) and shown more often."
        if about.recipe.get("mined")
        else ""
    )
    moments = about.recipe.get("averaged_steps")
    mean = (
        f"\nThe weights are the mean (`average`) of those after {_listed(moments)} steps."
        if isinstance(moments, list)
        else ""
    )
    return f"""## Training

`fer-train detector data | train | export`: {about.recipe["steps"]:,} steps of fields of 256 to 448
pixels, composed of photos at any size and tilt and of FER2013 Training faces put into photos
without faces; darkened, blurred, covered, noisy; YuNet's detections at three sizes as the labels,
its score as the score to reach, no loss where it is in doubt, boxes by people where a source has
them; masks and signs are drawn.{mined}{mean}

Score 0.7 is where the network makes {metrics["false_faces_a_photo"]:.3f} false faces a photo at a
recall of {metrics["recall"]:.3f}; at 0.1 false faces the recall is
{metrics["recall_at_0.1_false_faces_a_photo"]:.3f}. That is: {metrics["protocol"]}.
"""


def _listed(numbers: Sequence[object]) -> str:
    return " and ".join(f"{number:,}" for number in numbers)


def _data(dataset: Mapping[str, Any]) -> str:
    lines = [
        "## Data and terms",
        "",
        "No picture is part of the package. `--without CODE` leaves a source out of a training.",
        "",
        "| code | photos | source | terms as stated |",
        "|---|---|---|---|",
    ]
    for row in dataset["photos"]:
        lines.append(f"| {row['source']} | {row['photos']} | {row['what']} | {row['terms']} |")
    faces = dataset["faces_put_in"]
    lines.append(f"| | {faces['faces']} faces | {faces['what']} | {faces['terms']} |")
    return "\n".join([*lines, "", f"Teacher: {dataset['teacher']}.", ""])


def _figures(record: Comparison) -> str:
    lines = [
        "## Figures",
        "",
        f"`fer-train detector compare`, one run on {provenance.processor()}; cost in times that of "
        "the first row, one thread, a VGA picture. A hit is an IoU of 0.3, or a middle within a "
        "quarter of the face and an area within a factor of 3; false faces count from 16 pixels "
        "on.",
        "",
        report.markdown(record),
        "",
        "Recall and false faces a photo by threshold:",
        "",
        "| threshold | " + " | ".join(own.name for own in record.on_photos) + " |",
        "|---" * (len(record.on_photos) + 1) + "|",
    ]
    for k, (threshold, _, _) in enumerate(record.on_photos[0].curve):
        cells = [f"{own.curve[k][1]:.3f}, {own.curve[k][2]:.3f}" for own in record.on_photos]
        lines.append(f"| {threshold:.2f} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])
