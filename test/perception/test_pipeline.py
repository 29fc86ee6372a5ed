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

"""The pipeline without any middleware: batches over cameras, limits, and an honest clock."""

from __future__ import annotations

import numpy as np
import pytest

from fer_ros.node.parameters import Settings
from fer_ros.perception.emotions import FER2013
from fer_ros.perception.errors import ModelError
from fer_ros.perception.types import Frame
from fer_ros.runtime.assembly import Assembly, assemble, locate_model
from fer_ros.sources.scene import crowd_scene, demo_scene

NEUTRAL = FER2013.index("neutral")
SECOND = 1_000_000_000


def frame(image: np.ndarray, topic: str = "/a", stamp_ns: int = SECOND) -> Frame:
    return Frame(image, stamp_ns, "camera", topic, received_ns=stamp_ns)


@pytest.fixture
def assembly() -> Assembly:
    return assemble(Settings(detector="fer-face"))


def test_frames_of_several_cameras_give_what_each_gives_alone(assembly: Assembly) -> None:
    pictures = [demo_scene().render(0.5)[0], crowd_scene(640, 480, 4).render(0)[0],
                np.full((240, 320, 3), 90, np.uint8)]  # fmt: skip
    together = assembly.pipeline.process(
        [frame(picture, f"/camera{i}") for i, picture in enumerate(pictures)]
    )
    assert [len(result.faces) for result in together] == [3, 4, 0]
    for i, picture in enumerate(pictures):
        (alone,) = assembly.pipeline.process([frame(picture, f"/other{i}")])
        for one, other in zip(together[i].faces, alone.faces):
            assert one.face.box == other.face.box
            np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-5)


def test_stages_are_timed(assembly: Assembly) -> None:
    (result,) = assembly.pipeline.process([frame(demo_scene().render(0)[0])])
    times = result.times
    assert min(times.detect, times.align, times.classify, times.track) > 0


def test_no_frames_no_results(assembly: Assembly) -> None:
    assert assembly.pipeline.process([]) == []


def test_the_number_of_faces_is_limited_to_the_most_confident(assembly: Assembly) -> None:
    picture = crowd_scene(640, 480, 4).render(0)[0]
    (full,) = assembly.pipeline.process([frame(picture, "/full")])
    assembly.apply(Settings(detector="fer-face", max_faces=2))
    (limited,) = assembly.pipeline.process([frame(picture, "/limited")])
    assert len(limited.faces) == 2
    best = sorted((f.face.score for f in full.faces), reverse=True)[:2]
    assert [f.face.score for f in limited.faces] == pytest.approx(best)


def test_frames_without_a_stamp_are_placed_by_their_arrival(assembly: Assembly) -> None:
    picture = demo_scene().render(0)[0]
    ids = []
    for arrival in (SECOND, 2 * SECOND, 9 * SECOND):
        unstamped = Frame(picture, 0, "camera", "/a", received_ns=arrival)
        (result,) = assembly.pipeline.process([unstamped])
        ids.append({face.track_id for face in result.faces})
    assert ids[0] == ids[1]
    assert not ids[1] & ids[2], "seven seconds later the tracks are closed"


def test_grey_and_colour_pictures_both_work(assembly: Assembly) -> None:
    picture = demo_scene().render(0)[0]
    grey = np.ascontiguousarray(picture.mean(axis=2).astype(np.uint8))
    (result,) = assembly.pipeline.process([frame(grey)])
    assert len(result.faces) == 3


def test_a_model_that_is_nowhere_is_named_with_those_that_are_there() -> None:
    with pytest.raises(ModelError, match="arch1") as refused:
        locate_model("arch9")
    assert "arch9" in str(refused.value)


def test_a_baseline_is_of_a_track_and_can_be_handed_on(assembly: Assembly) -> None:
    assembly.apply(Settings(detector="fer-face", baseline="neutral:1.0"))
    picture = demo_scene().render(0)[0]
    for index in range(10):
        (result,) = assembly.pipeline.process([frame(picture, "/a", SECOND + index * SECOND // 4)])
    index = next(i for i, face in enumerate(result.faces) if face.probabilities.argmax() != NEUTRAL)
    assert result.faces[index].smoothed.argmax() == NEUTRAL, "what it showed in its first second"
    (other,) = assembly.pipeline.process([frame(picture, "/b")])
    assert other.faces[index].smoothed.argmax() != NEUTRAL
    old, new = (assembly.pipeline.filter_of(r.faces[index].track_id) for r in (result, other))
    assert old is not None
    assert new is not None
    new.baseline = old.baseline
    (other,) = assembly.pipeline.process([frame(picture, "/b", 7 * SECOND // 4)])
    assert other.faces[index].smoothed.argmax() == NEUTRAL
    assert assembly.pipeline.filter_of("nobody") is None
