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

"""Heads of a network: named in its metadata, read by kind, refused where not served."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from networks import metadata, write_network

from fer_ros.perception import heads
from fer_ros.perception.classification import EmotionClassifier, EmotionNetwork
from fer_ros.perception.emotions import FER2013
from fer_ros.perception.errors import ModelError
from fer_ros.perception.model_metadata import HeadSpec, MetadataError, ModelMetadata
from fer_ros.perception.types import Frame
from fer_ros.runtime.assembly import assemble
from fer_ros.runtime.settings import PerceptionSettings
from fer_ros.sources.scene import demo_scene

GAINS = [0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 1.0]
CLASS_HEAD = HeadSpec("expression", "classes", "logits")
LIGHT = HeadSpec("light", "share", "light")


@dataclass(frozen=True)
class ShareHead:
    """A second kind, as a contributor would write it: one number of 0 to 1 a face."""

    spec: HeadSpec

    def fits(self, shape):
        return tuple(shape) == (1,)

    def values(self, output):
        return np.clip(output, 0.0, 1.0)


@pytest.fixture
def two_heads(tmp_path: Path) -> Path:
    about = metadata(heads=(LIGHT, CLASS_HEAD))
    return write_network(tmp_path / "two.onnx", GAINS, about, further="light")


def test_metadata_keeps_its_heads() -> None:
    about = metadata(heads=(CLASS_HEAD, LIGHT))
    assert ModelMetadata.from_props(about.to_props()).heads == (CLASS_HEAD, LIGHT)


def test_a_file_that_names_no_head_has_the_one_that_gives_classes() -> None:
    props = metadata().to_props()
    del props["fer.heads"]
    (only,) = ModelMetadata.from_props(props).heads
    assert (only.kind, only.output) == ("classes", "")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("[]", "list of heads"),
        ("7", "list of heads"),
        ('[{"name": "a"}]', "lacks kind"),
        ('[{"name": "a", "kind": 3}]', "must be strings"),
        ('[{"name": "a", "kind": "share"}]', "exactly one head"),
        ('[{"name": "a", "kind": "classes"}, {"name": "b", "kind": "classes"}]', "exactly one"),
        ('[{"name": "a", "kind": "classes"}, {"name": "a", "kind": "share"}]', "one name"),
    ],
)
def test_heads_that_make_no_sense_are_refused(value: str, reason: str) -> None:
    with pytest.raises(MetadataError, match=reason):
        ModelMetadata.from_props({**metadata().to_props(), "fer.heads": value})


def test_a_head_of_an_unknown_kind_is_refused_by_name(two_heads: Path) -> None:
    with pytest.raises(ModelError, match="share; this version serves classes"):
        EmotionNetwork(two_heads)


def test_an_output_that_the_file_lacks_is_named(tmp_path: Path) -> None:
    about = metadata(heads=(HeadSpec("expression", "classes", "scores"),))
    with pytest.raises(ModelError, match="output 'scores', file has \\['logits'\\]"):
        EmotionNetwork(write_network(tmp_path / "one.onnx", GAINS, about))


def test_a_second_head_needs_a_class_and_travels_with_the_face(
    two_heads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        heads, "KINDS", {**heads.KINDS, "share": lambda spec, about: ShareHead(spec)}
    )
    crop = np.full((48, 48), 51, np.uint8)
    found = EmotionClassifier.from_files([two_heads]).predict([[crop, crop]])
    assert found.probabilities.shape == (2, len(FER2013))
    np.testing.assert_allclose(found.data["light"], [[0.2], [0.2]], atol=1e-4)

    settings = PerceptionSettings(detector="fer-face", models=(str(two_heads),))
    (result,) = assemble(settings).pipeline.process([Frame(demo_scene().render(0)[0], 1)])
    assert len(result.faces) == 3
    assert all(0 < float(face.data["light"][0]) < 1 for face in result.faces)
