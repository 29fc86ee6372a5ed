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

"""Which topics of a recording are replayed, and what the recorder says it lost."""

from __future__ import annotations

import json

import pytest
from bags import START, blank, recording

from fer_ros.replay.read.source import MESSAGES_LOST, image_topics, messages_lost
from fer_ros.transport import codec, messages
from fer_ros.transport.bag import BagReader

RAW, JPEG, ZSTD = "/cam/image_raw", "/cam/image_raw/compressed", "/cam/image_raw/zstd"


def bag_of(folder, counts):
    with recording(folder) as bag:
        for topic, count in counts.items():
            for index in range(count):
                if topic.endswith(("/zstd", "/h264")):
                    message = messages.compressed_image(b"\x28\xb5\x2f\xfd", START, "camera")
                    bag.raw(topic, messages.COMPRESSED_IMAGE, codec.encode(message), START + index)
                else:
                    bag.image(blank(), START + index, topic)
    return BagReader(folder)


@pytest.mark.parametrize(
    ("counts", "chosen", "said"),
    [
        ({RAW: 12, JPEG: 12}, [RAW], ""),
        ({RAW: 12, JPEG: 11}, [RAW], ""),
        ({RAW: 2, JPEG: 12}, [JPEG], f"{RAW} has 2"),
        ({JPEG: 12, RAW: 6}, [JPEG], f"{RAW} has 6"),
        ({RAW: 12, JPEG: 3}, [RAW], f"{JPEG} has 3"),
        ({JPEG: 5}, [JPEG], ""),
        ({JPEG: 5, ZSTD: 5}, [JPEG], ""),
        ({RAW: 5, ZSTD: 5, "/cam/image_raw/h264": 5}, [RAW], ""),
        ({RAW: 1, ZSTD: 9}, [RAW], f"{ZSTD} has 9"),
        ({ZSTD: 5}, [ZSTD], ""),
        ({RAW: 5, "/right/image_raw/compressed": 1}, [RAW, "/right/image_raw/compressed"], ""),
        ({"/cam/infra1/image": 5}, ["/cam/infra1/image"], "only infrared"),
        ({"/cam/infra1/image": 5, "/cam/depth/image": 5}, ["/cam/infra1/image"], "only infrared"),
        ({"/cam/infra1/image": 9, RAW: 5}, [RAW], ""),
    ],
)
def test_one_form_of_each_camera(tmp_path, counts, chosen, said):
    found = image_topics(bag_of(tmp_path / "bag", counts), ())
    assert list(found.types) == chosen
    assert bool(found.warnings) == bool(said)
    assert said in " ".join(found.warnings)


def lost_event(reports):
    codec.register({
        MESSAGES_LOST: "string node_name\nMessagesLostEventTopicStat[] messages_lost_statistics\n",
        "rosbag2_interfaces/msg/MessagesLostEventTopicStat": "string topic_name\n"
        "uint64 messages_lost_in_transport\nuint64 messages_lost_in_recorder\n",
    })  # fmt: skip
    entry = codec.message_class("rosbag2_interfaces/msg/MessagesLostEventTopicStat")
    return codec.message_class(MESSAGES_LOST)("/recorder", [entry(*each) for each in reports])


def test_what_the_recorder_lost_is_a_shortfall(command, tmp_path, capsys):
    with recording(tmp_path / "bag") as bag:
        bag.image(blank(), START, RAW)
        for index, reports in enumerate([[(RAW, 4, 0), (JPEG, 0, 5)], [(RAW, 0, 3)], []]):
            data = codec.encode(lost_event(reports))
            bag.raw("/events/rosbag2_messages_lost", MESSAGES_LOST, data, START + index)
    assert messages_lost(BagReader(tmp_path / "bag")) == 12
    assert command("replay", tmp_path / "bag", "--out", tmp_path / "out") == 0
    assert "the recorder counted 12 lost messages" in capsys.readouterr().err
    metrics = json.loads((tmp_path / "out/metrics.json").read_text())
    assert metrics["recording"]["messages_lost"] == 12
    verdict = json.loads((tmp_path / "out/verdict.json").read_text())
    assert verdict["shortfalls"] == ["the recorder counted 12 lost messages"]
    assert command("replay", tmp_path / "bag", "--out", tmp_path / "strict", "--strict") == 2
    assert "12 lost messages" in capsys.readouterr().err
