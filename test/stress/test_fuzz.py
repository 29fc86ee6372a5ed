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

"""Two cameras that send everything but what they should: ``--messages N`` says how much of it."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from stress.corruption import COMPRESSED, RAW, Messages
from stress.watching import soon, watching
from support import SECOND, Robot

from fer_ros.node.stream import Stream
from fer_ros.transport import messages

SEED = 20


def unanswered(stream: Stream) -> int:
    """How many messages have come of which nothing has become yet."""
    counts = stream.counts()
    return counts.received - counts.published - sum(counts.dropped.values())


def check_answer(array) -> None:
    for face in array.faces:
        for values in (face.probabilities, face.smoothed_probabilities):
            assert np.isfinite(values).all()
            assert math.isclose(values.sum(), 1.0, abs_tol=1e-3)
        roi = face.roi
        assert roi.x_offset + roi.width <= array.width
        assert roi.y_offset + roi.height <= array.height


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_nothing_that_comes_ends_the_node_or_goes_uncounted(request, capfd) -> None:
    count = request.config.getoption("--messages")
    supply = Messages(SEED)
    robot = Robot(image_topics=(RAW, COMPRESSED), image_depth=100, detection_size=128).start()
    streams = {topic: robot.node._inputs[topic].stream for topic in (RAW, COMPRESSED)}
    kinds = {RAW: messages.IMAGE, COMPRESSED: messages.COMPRESSED_IMAGE}
    logged, slowest, started = 0, 0.0, time.monotonic()
    with watching() as watch:
        for index in range(count):
            if index % 1000 == 0:
                robot.graph.set_time_ns((1000 + index // 1000) * SECOND)
                logged += len("".join(capfd.readouterr()))
                robot.arrays.clear()
            if index == min(count // 4, 5000):
                watch.look()
            topic, data = supply.draw()
            stream, begun = streams[topic], time.monotonic()
            received = stream.counts().received
            robot.send_bytes(data, topic, kinds[topic])
            soon(lambda s=stream, n=received: s.counts().received > n and not unanswered(s))
            slowest = max(slowest, time.monotonic() - begun)
            if robot.arrays:
                check_answer(robot.arrays[-1])
        for topic, good in ((RAW, supply.good_raw), (COMPRESSED, supply.good_compressed)):
            stream, answered = streams[topic], streams[topic].counts().published
            robot.send_bytes(good, topic, kinds[topic])
            soon(lambda s=stream, n=answered: s.counts().published > n)
        watch.check()
    seconds = time.monotonic() - started
    figures = {topic: streams[topic].counts() for topic in streams}
    robot.close()
    with capfd.disabled():
        print(f"\n{count} messages in {seconds:.0f} s, {supply.kinds}; slowest {slowest:.2f} s")
        for topic, found in figures.items():
            print(
                f"{topic}: received {found.received}, published {found.published}, {found.dropped}"
            )
        print(f"{logged} characters logged; {watch.summary()}")
    assert sum(found.received for found in figures.values()) == count + 2
    assert logged < 200 * count
