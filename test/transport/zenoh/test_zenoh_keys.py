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

"""Key expressions, tokens and attachments against what rmw_zenoh writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_ros.transport.base import Qos
from fer_ros.transport.names import NodeName, dds_type
from fer_ros.transport.zenoh.attachment import Attachment, read_attachment
from fer_ros.transport.zenoh.keys import (
    Endpoint,
    Entity,
    Kind,
    demangled,
    domain_pattern,
    mangled,
    qos_text,
    read_qos,
    read_token,
)

STRING = "RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18"
ADD = "RIHS01_e118de6bf5eeb66a2491b5bda11202e7b68f198d6f67922cf30364858239c81a"


def chatter(depth: int) -> Endpoint:
    return Endpoint("/chatter", dds_type("std_msgs/msg/String"), STRING, Qos(depth=depth))


def add_two_ints() -> Endpoint:
    kind = dds_type("example_interfaces/srv/AddTwoInts")
    return Endpoint("/add_two_ints", kind, ADD, Qos(depth=10))


DESIGN = [
    (
        "@ros2_lv/2/aac3178e146ba6f1fc6e6a4085e77f21/0/0/NN/%/%/listener",
        Entity(2, "aac3178e146ba6f1fc6e6a4085e77f21", 0, 0, Kind.NODE, NodeName("listener")),
    ),
    (
        "@ros2_lv/2/aac3178e146ba6f1fc6e6a4085e77f21/0/10/MS/%/%/listener/%chatter/"
        f"std_msgs::msg::dds_::String_/{STRING}/::,10:,:,:,,",
        Entity(
            2, "aac3178e146ba6f1fc6e6a4085e77f21", 0, 10, Kind.SUBSCRIPTION, NodeName("listener"),
            chatter(10),
        ),
    ),
    (
        "@ros2_lv/2/8b20917502ee955ac4476e0266340d5c/0/10/MP/%/%/talker/%chatter/"
        f"std_msgs::msg::dds_::String_/{STRING}/::,7:,:,:,,",
        Entity(
            2, "8b20917502ee955ac4476e0266340d5c", 0, 10, Kind.PUBLISHER, NodeName("talker"),
            chatter(7),
        ),
    ),
    (
        "@ros2_lv/2/f9980ee0495eaafb3e38f0d19e2eae12/0/10/SS/%/%/add_two_ints_server/"
        f"%add_two_ints/example_interfaces::srv::dds_::AddTwoInts_/{ADD}/::,10:,:,:,,",
        Entity(
            2, "f9980ee0495eaafb3e38f0d19e2eae12", 0, 10, Kind.SERVICE,
            NodeName("add_two_ints_server"), add_two_ints(),
        ),
    ),
    (
        "@ros2_lv/2/e1dc8d1b45ae8717fce78689cc655685/0/10/SC/%/%/add_two_ints_client/"
        f"%add_two_ints/example_interfaces::srv::dds_::AddTwoInts_/{ADD}/::,10:,:,:,,",
        Entity(
            2, "e1dc8d1b45ae8717fce78689cc655685", 0, 10, Kind.CLIENT,
            NodeName("add_two_ints_client"), add_two_ints(),
        ),
    ),
]  # fmt: skip
"""Examples of ``docs/design.md`` in ros2/rmw_zenoh at 99a6a2bd."""


@pytest.mark.parametrize(("token", "entity"), DESIGN)
def test_tokens_are_those_of_the_design(token, entity):
    assert entity.token() == token
    assert read_token(token) == entity


@pytest.mark.parametrize(
    ("name", "domain", "key"),
    [
        ("/chatter", 0, f"0/chatter/std_msgs::msg::dds_::String_/{STRING}"),
        ("/robot1/chatter", 0, f"0/robot1/chatter/std_msgs::msg::dds_::String_/{STRING}"),
    ],
)
def test_keys_are_those_of_the_design(name, domain, key):
    endpoint = Endpoint(name, dds_type("std_msgs/msg/String"), STRING, Qos())
    assert endpoint.key(domain) == key


def test_the_gid_is_the_hash_that_rmw_zenoh_makes_of_the_token():
    xxhash = pytest.importorskip("xxhash", reason="no Zenoh for Python here (extra [zenoh])")
    # simplified_xxhash3.cpp of ros2/rmw_zenoh at bfc065f8, run on the talker's token.
    digest = "1c7d90177a6dd80cffd9dcea310f17ac"
    assert xxhash.xxh3_128_hexdigest(DESIGN[2][0].encode()) == digest


@pytest.mark.parametrize(
    ("qos", "text"),
    [
        (Qos(depth=42), "::,:,:,:,,"),
        (Qos(depth=10), "::,10:,:,:,,"),
        (Qos("best_effort", depth=1), "2::,1:,:,:,,"),
        (Qos(depth=1000, durability="transient_local"), ":1:,1000:,:,:,,"),
    ],
)
def test_qos_is_written_as_rmw_zenoh_does(qos, text):
    """By ``qos_to_keyexpr`` and ``qos.cpp`` of ros2/rmw_zenoh from 0.2.3 on."""
    assert qos_text(qos) == text
    assert read_qos(text) == qos


@pytest.mark.parametrize(
    ("text", "qos"),
    [
        ("1:2:1,5:0,0:0,0:1,0,0", Qos(depth=5)),
        ("2:1:2,10:9223372036,854775807:,:,,", Qos("best_effort", 10, "transient_local")),
        ("4:4:,3:,:,:,,", Qos(depth=3)),
    ],
)
def test_qos_of_others_is_read_with_all_its_fields(text, qos):
    assert read_qos(text) == qos


@pytest.mark.parametrize(
    "token",
    [
        "",
        "0/chatter/a/b",
        "@ros2_lv/2/aa/0/0/NN/%/%",
        "@ros2_lv/2/aa/0/0/XX/%/%/listener",
        "@ros2_lv/two/aa/0/0/NN/%/%/listener",
        "@ros2_lv/2/aa/0/10/MP/%/%/talker",
        "@ros2_lv/2/aa/0/10/MP/%/%/talker/%chatter/T/H/::,x:,:,:,,",
        "@ros2_lv/2/aa/0/10/MP/%/%/talker/%chatter/T/H/nothing",
        "@ros2_lv/2/aa/0/0/NN/%/%/2listener",
    ],
)
def test_what_is_no_token_is_passed_over(token):
    assert read_token(token) is None


def test_chunks_of_later_versions_are_passed_over():
    assert read_token(DESIGN[1][0] + "/cpu:") == DESIGN[1][1]


NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))
QOS = st.builds(
    Qos,
    st.sampled_from(["reliable", "best_effort"]),
    st.integers(1, 10_000),
    st.sampled_from(["volatile", "transient_local"]),
)


@given(PATHS)
def test_mangling_is_undone_and_leaves_one_chunk(name):
    assert "/" not in mangled(name)
    assert demangled(mangled(name)) == name


@given(
    st.integers(0, 232), NAMES, st.one_of(st.just("/"), PATHS), PATHS, QOS,
    st.sampled_from(list(Kind)),
)  # fmt: skip
def test_every_token_is_a_key_of_its_domain_and_comes_back(domain, name, ns, topic, qos, kind):
    zenoh = pytest.importorskip("zenoh", reason="no Zenoh for Python here (extra [zenoh])")
    endpoint = None if kind is Kind.NODE else Endpoint(topic, dds_type("a/msg/B"), STRING, qos)
    entity = Entity(domain, "aac3", 0, 1, kind, NodeName(name, ns), endpoint)
    token = entity.token()
    assert read_token(token) == entity
    assert zenoh.KeyExpr(domain_pattern(domain)).includes(zenoh.KeyExpr(token))
    assert not zenoh.KeyExpr("**").includes(zenoh.KeyExpr(token))
    if endpoint is not None:
        assert str(zenoh.KeyExpr(endpoint.key(domain))).startswith(f"{domain}{topic}/")


def test_attachments_are_those_of_rmw_zenoh():
    """``attachment_helpers.cpp`` of ros2/rmw_zenoh at 534747dc (0.2.4 and later)."""
    data = bytes(Attachment(3, 0x0102030405060708, bytes(range(16))))
    assert data.hex() == (
        "0300000000000000" "0807060504030201" "10" "000102030405060708090a0b0c0d0e0f"
    )  # fmt: skip


def test_attachments_of_earlier_versions_are_read():
    """``attachment_helpers.cpp`` of ros2/rmw_zenoh at 038b5a4f: each value behind its name."""
    named = (
        b"\x0fsequence_number" + (3).to_bytes(8, "little")
        + b"\x10source_timestamp" + (4).to_bytes(8, "little")
        + b"\x0asource_gid" + b"\x10" + bytes(range(16))
    )  # fmt: skip
    assert read_attachment(named) == Attachment(3, 4, bytes(range(16)))


def test_attachments_agree_with_zenohs_own_serialization():
    pytest.importorskip("zenoh", reason="no Zenoh for Python here (extra [zenoh])")
    from zenoh import ext

    gid = bytes(range(16))
    written = ext.z_serialize((ext.Int64(7), ext.Int64(8), gid))
    assert bytes(Attachment(7, 8, gid)) == written.to_bytes()


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1), st.binary(min_size=16, max_size=16))
def test_attachments_come_back(sequence, time_ns, gid):
    attachment = Attachment(sequence, time_ns, gid)
    assert read_attachment(bytes(attachment)) == attachment


@given(st.binary(max_size=100))
def test_arbitrary_bytes_are_no_attachment(data):
    found = read_attachment(data)
    assert found is None or len(data) in (33, 80)
