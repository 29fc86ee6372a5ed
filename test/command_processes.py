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

"""Real commands in process groups of their own, and the processes that work for them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from support import wait_for


def start_command(*words: Any) -> subprocess.Popen[str]:
    """Start `fer-ros` as a terminal does; its group has its own number."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)  # a command may have left it ignored here
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "fer_ros", *map(str, words)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
    finally:
        signal.signal(signal.SIGINT, before)


def loading_worker(command: subprocess.Popen[str]) -> psutil.Process:
    """Wait for a command's first worker, which has just begun to load its libraries."""
    if not Path("/proc/self/status").exists():
        pytest.skip("no /proc here")
    found: list[psutil.Process] = []

    def begun() -> bool:
        assert command.poll() is None, command.communicate()
        children = psutil.Process(command.pid).children()
        found[:] = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
        return bool(found) and _handles_interrupts(found[0])

    wait_for(begun, 60)
    time.sleep(0.1)
    return found[0]


def _handles_interrupts(process: psutil.Process) -> bool:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    caught = next(line for line in lines if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGINT - 1) & 1)
