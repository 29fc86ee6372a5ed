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

"""The event that signals set."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

from fer_ros.runtime.signals import StopEvent

_ROUNDS = """
from fer_ros.runtime.signals import stop_signals

for _ in range(20000):
    with stop_signals() as stop:
        print("x", end="", flush=True)
        while not stop.wait(1e-6):
            pass
"""


def test_a_signal_may_come_at_any_moment_of_a_wait() -> None:
    """Sent by another process, it comes between any two instructions of the main thread."""
    with subprocess.Popen([sys.executable, "-c", _ROUNDS], stdout=subprocess.PIPE) as waiting:
        assert waiting.stdout is not None
        ended = threading.Timer(60, waiting.kill)  # else the test would wait as long as it does
        ended.start()
        for moment in range(20000):
            waiting.stdout.read(1)
            time.sleep(moment % 200 * 5e-7)
            waiting.send_signal(signal.SIGTERM)
        assert waiting.wait(30) == 0
        ended.cancel()


def test_it_wakes_every_thread_that_waits() -> None:
    stop, woken = StopEvent(), []
    assert not stop.wait(0.0)
    assert not stop.wait(-1.0)
    threads = [threading.Thread(target=lambda: woken.append(stop.wait(10))) for _ in range(4)]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    stop.set()
    stop.set()
    for thread in threads:
        thread.join(5)
    assert woken == [True] * 4
    assert time.monotonic() - began < 5
    assert stop.wait(10)
    assert time.monotonic() - began < 5
