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

"""Requests, responses and hashes of service types."""

from __future__ import annotations

import pytest

from fer_ros.transport import codec
from fer_ros.transport.base import TransportError
from fer_ros.transport.service_types import request_class, response_class, service_hash

HASHES = {
    "lifecycle_msgs/srv/ChangeState":
        "356fe34f0475a43acf54542013af4167b0e729f77ea22ffb045c6ad8e20668e5",
    "lifecycle_msgs/srv/GetAvailableStates":
        "00a07d79d2207d71e81a8cbc1880e5d924cc16d4688ea8e8e06e443dc8f8aa1d",
    "lifecycle_msgs/srv/GetAvailableTransitions":
        "59b7ecefce0982a8a844b9f2c4f14764c1c4543cc55e72924e2aa4adad83e9bc",
    "lifecycle_msgs/srv/GetState":
        "800a0a5aae599782b02932de0caf563f6dc4e7e94b794eadde075ba2cbef9795",
    "rcl_interfaces/srv/DescribeParameters":
        "845b484d71eb0673dae682f2e3ba3c4851a65a3dcfb97bddd82c5b57e91e4cff",
    "rcl_interfaces/srv/GetParameterTypes":
        "da199c878688b3e530bdfe3ca8f74cb9fa0c303101e980a9e8f260e25e1c80ca",
    "rcl_interfaces/srv/GetParameters":
        "bf9803d5c74cf989a5de3e0c2e99444599a627c7ff75f97b8c05b01003675cbc",
    "rcl_interfaces/srv/ListParameters":
        "3e6062bfbb27bfb8730d4cef2558221f51a11646d78e7bb30a1e83afac3aad9d",
    "rcl_interfaces/srv/SetParameters":
        "56eed9a67e169f9cb6c1f987bc88f868c14a8fc9f743a263bc734c154015d7e0",
    "rcl_interfaces/srv/SetParametersAtomically":
        "0e192ef259c07fc3c07a13191d27002222e65e00ccec653ca05e856f79285fcd",
    "std_srvs/srv/Empty":
        "5888399dedec5ccc85ea6451949fd2c9f97bfdf963f9a588821639fcd31b5d19",
    "std_srvs/srv/SetBool":
        "abe9e4bb6b41b40e6789712c00ec8871923e089af3f667a79992a428cff2da0a",
    "std_srvs/srv/Trigger":
        "eeff2cd6fa5ad9d27cdf4dec64818317839b62f212a91e6b5304b634b2062c5f",
    "type_description_interfaces/srv/GetTypeDescription":
        "69b9c19c1021405984cc60dbbb1edceb147a6538b411d812ba6afabeed962cd5",
}  # fmt: skip
"""As in ``share/<package>/srv/<Name>.json`` that rosidl made for ROS 2 Jazzy (rcl_interfaces 2.0.3,
lifecycle_msgs 2.0.3, std_srvs 5.3.6, type_description_interfaces 2.0.3)."""


@pytest.mark.parametrize("type_name", HASHES)
def test_hashes_are_those_of_ros(type_name):
    assert service_hash(type_name) == f"RIHS01_{HASHES[type_name]}"


def test_a_char_is_hashed_as_rosidl_does():
    assert codec.type_hash("service_msgs/msg/ServiceEventInfo") == (
        "RIHS01_41bcbbe07a75c9b52bc96bfd5c24d7f0fc0a08c0cb7921b3373c5732345a6f45"
    )


def test_requests_and_responses_cross_as_cdr():
    request = request_class("std_srvs/srv/SetBool")(data=True)
    back = codec.decode(codec.encode(request), "std_srvs/srv/SetBool_Request")
    assert back.data is True
    value = codec.message_class("rcl_interfaces/msg/SetParametersResult")(
        successful=False, reason="no"
    )
    response = response_class("rcl_interfaces/srv/SetParameters")(results=[value])
    back = codec.decode(codec.encode(response), "rcl_interfaces/srv/SetParameters_Response")
    assert back.results[0].reason == "no"


def test_an_unknown_type_is_named_with_those_that_are_known():
    with pytest.raises(TransportError, match=r"'a_msgs/srv/B'.*std_srvs/srv/SetBool"):
        service_hash("a_msgs/srv/B")
