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

"""Progress within an epoch: a bar on a terminal, a line a minute in a log."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def steps(
    batches: Sequence[T],
    title: str,
    every_s: float = 60.0,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[T]:
    """Yield the batches of an epoch and write the progress to stderr.

    Args:
        batches: Of one epoch.
        title: What the lines begin with.
        every_s: Least seconds between two lines, where stderr is no terminal.
        clock: Seconds that only grow.
    """
    if os.isatty(2):
        yield from tqdm(batches, title, leave=False)
        return
    began = written = clock()
    for done, batch in enumerate(batches):
        now = clock()
        if done and now - written >= every_s:
            written = now
            left = (now - began) / done * (len(batches) - done)
            hour = time.strftime("%H:%M:%S")
            sys.stderr.write(
                f"{hour} {title}: step {done} of {len(batches)}, {left / 60:.1f} min left in it\n"
            )
            sys.stderr.flush()
        yield batch
