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

"""A day of a camera in minutes: ``--frames N`` says how long. Faces come and go, clocks jump."""

from __future__ import annotations

import time

import numpy as np
import pytest
from stress.watching import soon, watching
from support import SECOND, Robot

from fer_ros.sources.scene import Actor, Scene

FRAME = SECOND // 30


def pictures() -> list[np.ndarray]:
    """An empty wall, and one or two faces here and there."""
    rng = np.random.default_rng(0)
    faces = [
        Scene(96, 72, (Actor(30 + 36 * rng.random(), 36, 60, ("happy", "sad", "angry")),))
        for _ in range(30)
    ]
    two = Scene(192, 96, (Actor(48, 48, 64, ("happy",)), Actor(144, 48, 64, ("sad",))))
    return [scene.render(rng.random() * 6)[0] for scene in [*faces, two]]


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_a_long_day_leaves_nothing_behind(request, capfd) -> None:
    count = request.config.getoption("--frames")
    shown, rng = pictures(), np.random.default_rng(1)
    empty = np.full((72, 96, 3), 120, np.uint8)
    robot = Robot(detection_size=96, image_depth=10).start()
    stream = robot.node._inputs["/image_raw"].stream
    stamp, ids, started, faces = 1000 * SECOND, set[str](), time.monotonic(), 0
    with watching() as watch:
        for index in range(count):
            stamp += FRAME
            if index % 5003 == 5002:
                stamp -= 3 * SECOND  # the clock jumps back
            if index % 7001 == 7000:
                stamp += 100 * SECOND
            robot.graph.set_time_ns(stamp)
            seen = index % 100 < 4 or index % 100 == 50
            picture = shown[int(rng.integers(len(shown)))] if seen else empty
            robot.send(picture, stamp_ns=stamp)
            soon(lambda: robot.arrays)
            (array,) = robot.arrays
            faces += len(array.faces)
            ids.update(face.track_id for face in array.faces)
            robot.arrays.clear()
            if index == min(count // 4, 5000):
                watch.look()
        soon(lambda: stream.counts().published == count)
        watch.check()
    seconds = time.monotonic() - started
    robot.close()
    with capfd.disabled():
        print(
            f"\n{count} frames in {seconds:.0f} s: {faces} faces, {len(ids)} tracks, none lost; "
            f"{watch.summary()}"
        )
    assert faces
    assert ids
