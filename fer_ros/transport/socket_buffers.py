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

"""Check of the kernel's socket buffers, which raw camera images can overflow."""

from __future__ import annotations

from pathlib import Path

ENOUGH_BUFFER = 4 * 2**20
"""Limit on socket buffers with which 720p images at 30 Hz arrive without loss [bytes]."""
_BUFFER_LIMIT = Path("/proc/sys/net/core/rmem_max")

RAISE_LIMIT = f"sudo sysctl -w net.core.rmem_max={ENOUGH_BUFFER}"
"""The command that allows enough."""


def buffer_advice(limit_file: Path = _BUFFER_LIMIT) -> str | None:
    """Return what to do when the kernel's socket buffers are too small for raw images.

    Args:
        limit_file: Where the kernel tells its limit [bytes]; elsewhere than on Linux there is none.
    """
    try:
        limit = int(limit_file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    if limit >= ENOUGH_BUFFER:
        return None
    return (
        f"the kernel limits socket buffers to {limit // 1024} kB (net.core.rmem_max), so that raw "
        f"images get lost: use compressed images, or allow more ({RAISE_LIMIT})"
    )
