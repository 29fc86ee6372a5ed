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

"""Rate limit for warnings that libraries write to the standard error stream themselves.

libjpeg, libpng, OpenCV and Cyclone DDS do so from C, past every logger: a camera whose images are
slightly damaged would fill the log with one line an image.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fer_ros.perception.strings import shortened
from fer_ros.runtime.throttle import Throttle

_OWN = re.compile(r"\[(DEBUG|INFO|WARN|ERROR|FATAL)\] ")
"""How lines of ROS loggers begin, which know themselves how often they speak."""

_NUMBERS = re.compile(r"0x[0-9a-f]+|\d+", re.IGNORECASE)

_MOST_KINDS = 200


@contextmanager
def throttled(period: float = 5.0) -> Iterator[None]:
    """Let each kind of line that libraries write to descriptor 2 through once in a period [s].

    Python's own ``sys.stderr`` writes past it.
    """
    sys.stderr.flush()
    original = os.dup(2)
    reading, writing = os.pipe()
    os.dup2(writing, 2)
    os.close(writing)
    python = sys.stderr
    sys.stderr = os.fdopen(os.dup(original), "w", buffering=1, errors="backslashreplace")
    thread = threading.Thread(target=_pass_on, args=(reading, original, period), daemon=True)
    thread.start()
    try:
        yield
    finally:
        sys.stderr.flush()
        sys.stderr.close()
        sys.stderr = python
        os.dup2(original, 2)  # closes the pipe's last writer, so that the thread ends
        thread.join(1.0)


def _pass_on(reading: int, original: int, period: float) -> None:
    throttle, kinds = Throttle(period), set[str]()
    with os.fdopen(reading, "rb") as lines, os.fdopen(original, "wb", buffering=0) as out:
        for line in lines:
            text = line.decode("utf-8", "backslashreplace").rstrip()
            kept: str | None = text
            if text and not _OWN.match(text):
                kind = _NUMBERS.sub("#", text)[:100]
                if kind not in kinds and len(kinds) >= _MOST_KINDS:
                    kind = "other"
                kinds.add(kind)
                kept = throttle.admit(kind, shortened(text, 1000))
            if kept is not None:
                out.write(kept.encode() + b"\n")
