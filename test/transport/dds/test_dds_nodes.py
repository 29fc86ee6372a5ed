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

"""Two nodes of one name, and what the environment asks for in vain."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from dds_tools import wait_for


def test_nodes_of_the_same_name_are_counted_while_they_live(join):
    node = join("fer")
    join("fer", namespace="/other")
    join("feri")
    assert node.namesakes() == 0
    twin = join("fer")
    wait_for(lambda: node.namesakes() == 1)
    wait_for(lambda: twin.namesakes() == 1)
    twin.close()
    wait_for(lambda: node.namesakes() == 0)
    assert twin.namesakes() == 0


@pytest.mark.slow
def test_a_namesake_that_was_killed_does_not_count_for_ever(join):
    node = join("fer")
    program = (
        "import time; from fer_ros.transport.dds.node import DdsTransport\n"
        "twin = DdsTransport('fer'); print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        wait_for(lambda: node.namesakes() == 1)
        os.kill(child.pid, signal.SIGKILL)
    wait_for(lambda: node.namesakes() == 0, 30)
