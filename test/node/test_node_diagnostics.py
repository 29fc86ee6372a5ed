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

"""What the node says about itself on /diagnostics."""

from __future__ import annotations

import time

from support import SECOND, Robot, smiling, wait_for

from fer_ros.node import core
from fer_ros.node.parameters import Settings
from fer_ros.transport import messages
from fer_ros.transport.base import Qos
from fer_ros.transport.memory import MemoryTransport


def test_a_silent_camera_is_reported_and_recovers_by_itself(build) -> None:
    robot = build(stale_after=1.0).start()
    seen: list[tuple[int, str]] = []

    def note(array) -> None:
        for status in array.status:
            if "camera" in status.name and (not seen or seen[-1][0] != status.level):
                seen.append((status.level, status.message))

    robot.listen("/diagnostics", messages.DIAGNOSTIC_ARRAY, note)
    robot.answer(smiling())
    wait_for(lambda: seen and seen[-1][0] == 2)
    assert len(robot.arrays) == 1, "nothing may be invented"
    robot.answer(smiling())
    wait_for(lambda: seen[-1][0] == 0)
    assert [level for level, _ in seen] == [0, 1, 2, 0]
    assert "no image for" in seen[1][1]


def test_a_camera_never_heard_says_whether_anybody_publishes(build) -> None:
    robot = build(stale_after=0.1).start()
    wait_for(lambda: "camera" in str(list(robot.statuses)) and robot.status("camera").level > 0)
    assert "nobody publishes" in robot.status("camera").message


def test_incompatible_qos_is_named(build) -> None:
    robot = build(image_reliability="reliable").start()
    robot.other.publisher("/image_raw", messages.IMAGE, Qos("best_effort"))
    wait_for(lambda: "RELIABILITY" in robot.status("camera").message.upper())
    assert robot.status("camera").level >= 1


def test_diagnostics_carry_rates_percentiles_and_origin(robot: Robot) -> None:
    for _ in range(3):
        robot.answer(smiling())
    wait_for(lambda: any("latency" in n and s.values for n, s in robot.statuses.items()))
    for key in ("age_ms.p50", "detect_ms.p95", "classify_ms.p99", "total_ms.p50", "faces.p50"):
        float(robot.value("latency", key))
    assert robot.value("model", "providers.used") == "cpu"
    assert robot.value("model", "model_id").startswith(Settings().models[0])
    assert robot.value("detector", "used") == "fer-face"
    wait_for(lambda: int(robot.value("camera", "received")) == 3)


def test_images_that_come_but_never_get_a_result_are_a_warning(build) -> None:
    robot = build(max_age=0.5, stale_after=0.1).start()

    def warned() -> bool:
        robot.send(smiling(), stamp_ns=990 * SECOND)
        return "none was processed" in robot.status("camera").message

    wait_for(warned)
    assert "too_old" in robot.status("camera").message
    assert robot.status("camera").level == 1


def test_a_disabled_node_says_so(robot: Robot) -> None:
    robot.node.enable(False)
    wait_for(lambda: robot.status("node").message == "active, disabled")


def test_a_provider_that_is_not_there_is_a_warning(build) -> None:
    robot = build(providers=("tensorrt", "cpu")).start()
    wait_for(lambda: robot.status("model").level == 1)
    assert "tensorrt was asked for, cpu is used" in robot.status("model").message
    assert robot.value("model", "providers.used") == "cpu"
    assert robot.answer(smiling()).faces


def test_diagnostics_go_on_while_networks_load(build, monkeypatch) -> None:
    robot, seen, assemble = build(), [], core.assemble

    def slow(*arguments: object):
        wait_for(lambda: len([s for s in seen if s == "configuring"]) >= 3)
        return assemble(*arguments)

    def note(array) -> None:
        seen.extend(status.message for status in array.status if status.name.endswith("node"))

    robot.listen("/diagnostics", messages.DIAGNOSTIC_ARRAY, note)
    monkeypatch.setattr(core, "assemble", slow)
    robot.node.configure()
    assert robot.node.state == "inactive"


def test_a_second_node_of_the_same_name_is_a_warning(robot: Robot) -> None:
    assert robot.node.diagnose()[0].level == 0
    twin = MemoryTransport(robot.graph, "fer")
    wait_for(lambda: "have this name" in robot.status("node").message)
    assert robot.status("node").level == 1
    assert robot.value("node", "namesakes") == "1"
    twin.close()
    wait_for(lambda: robot.status("node").level == 0)


def test_a_camera_that_begins_to_be_amiss_is_in_the_log_too(build, capfd) -> None:
    robot = build(image_topics=("/cam",), stale_after=0.1).start()
    robot.other.publisher("/cam", messages.COMPRESSED_IMAGE, Qos())
    said = ""

    def lines() -> list[str]:
        nonlocal said
        said += capfd.readouterr().err
        return [line for line in said.splitlines() if "/cam: " in line]

    wait_for(lines)
    time.sleep(0.3)  # several more rounds of diagnostics
    (line,) = lines()
    assert "camera /cam: no image yet for" in line


def test_time_that_never_comes_is_in_the_log(robot: Robot, capfd) -> None:
    robot.graph.set_time_ns(0)
    said = ""

    def logged() -> str:
        nonlocal said
        said += capfd.readouterr().err
        return said

    wait_for(lambda: "node: use_sim_time is set, but no /clock came yet" in logged())


def test_a_disabled_node_waits_for_no_result(robot: Robot) -> None:
    robot.answer(smiling())
    robot.node.enable(False)
    robot.send(smiling())
    wait_for(lambda: robot.camera_counts()["dropped.disabled"] == 1)
    assert robot.node._inputs["/image_raw"].stream.counts().without_result == 0
