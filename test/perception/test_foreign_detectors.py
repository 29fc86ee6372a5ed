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

"""Detectors of other packages, by entry point."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import numpy as np
import pytest

from fer_ros.perception.detection import DetectorError, DetectorSettings, create_detector, factory
from fer_ros.perception.detection.base import BaseDetector
from fer_ros.perception.types import Frame
from fer_ros.runtime.assembly import assemble
from fer_ros.runtime.parameter_rows import ParameterError
from fer_ros.runtime.settings import PerceptionSettings
from fer_ros.sources.scene import demo_scene


class Brightest(BaseDetector):
    """Takes the middle of an image for a face, of a confidence that its brightness gives."""

    name = "brightest"

    def scale(self, width, height):
        return 1.0

    def candidates(self, image, least, scale=None):
        height, width = image.shape[:2]
        score = image.mean() / 255
        row = [width / 4, height / 4, width / 2, height / 2, *[np.nan] * 10, score]
        return np.array([row] if score >= least else [], np.float32).reshape(-1, 15)


def make(settings, model_path, providers, threads):
    return Brightest(settings)


def broken(settings, model_path, providers, threads):
    raise OSError("no licence")


def partial(settings, model_path, providers, threads):
    return object()


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint(name, f"{__name__}:{target}", factory.GROUP)
        for name, target in (("brightest", "make"), ("broken", "broken"), ("partial", "partial"))
    ]

    def entry_points(group: str, name: str = "") -> list[EntryPoint]:
        return [p for p in points if p.group == group and name in ("", p.name)]

    monkeypatch.setattr(factory, "entry_points", entry_points)


def test_a_detector_of_another_package_works_in_the_pipeline() -> None:
    settings = PerceptionSettings(
        detector="brightest", models=("fer-lite",), detection_threshold=0.3
    )
    assembly = assemble(settings)
    assert assembly.origin.detector == "brightest"
    (result,) = assembly.pipeline.process([Frame(demo_scene().render(0)[0], 1)])
    (found,) = result.faces
    assert found.face.landmarks is None
    assert found.face.box.width == 320


def test_a_face_that_dims_is_held_for_every_detector() -> None:
    settings = PerceptionSettings(
        detector="brightest", models=("fer-lite",), detection_threshold=0.5, tracked_threshold=0.2,
        detection_budget=1.0,
    )  # fmt: skip
    pipeline = assemble(settings).pipeline

    def faces(level: int, second: int) -> int:
        image = np.full((480, 640), level, np.uint8)
        return len(pipeline.process([Frame(image, second * 10**8 + 1)])[0].faces)

    assert faces(80, 0) == 0
    assert [faces(200, k) for k in (1, 2, 3)] == [1, 1, 1]
    assert faces(80, 4) == 1
    assert faces(20, 5) == 0


@pytest.mark.parametrize(
    ("name", "reason"),
    [("broken", "OSError: no licence"), ("partial", "lacks name, settings, providers")],
)
def test_one_that_cannot_be_used_is_named_with_the_reason(name: str, reason: str) -> None:
    with pytest.raises(DetectorError, match=reason):
        create_detector(name, DetectorSettings())


def test_an_unknown_one_is_refused_with_those_there_are() -> None:
    with pytest.raises(ParameterError, match=r"haar, brightest, broken, partial, not 'briht'"):
        PerceptionSettings().with_values({"detector": "briht"})
