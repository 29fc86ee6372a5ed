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

"""Numerical precision of a run: bfloat16 where it is quicker, float32 elsewhere.

Emulated bfloat16 is nine to ten times slower than float32: 54.7 against 5.7 ms an image for ARCH-1.
Instructions for it are no proof either: an Intel Xeon with AVX512-bf16 but without AMX takes 1.1 to
1.5 times as long in bfloat16 as in float32, so a processor that has them is asked.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch
from torch import nn

from fer_training.recipes.recipe import RecipeError

BFLOAT16, FLOAT32 = "bfloat16", "float32"
CHOICES = ("auto", BFLOAT16, FLOAT32)
_ROUNDS = 5
_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
"""What Linux calls the instructions, on x86 and on ARM."""


def choose(
    wanted: str,
    device: torch.device,
    cpuinfo: Path = Path("/proc/cpuinfo"),
    *,
    begun: str = "",
) -> str:
    """Return ``bfloat16`` or ``float32``.

    Args:
        wanted: One of them, or ``auto``: bfloat16 where the hardware multiplies it and a trial is
            quicker.
        device: Where the run is computed.
        cpuinfo: Linux's description of the processor; where there is none, ``auto`` means float32.
        begun: What a resumed run multiplied in last; ``auto`` stays with it where the hardware can,
            so that it ends as an unbroken one would.

    Raises:
        RecipeError: ``wanted`` is none of the three.
    """
    if wanted not in CHOICES:
        raise RecipeError(f"amp must be one of {', '.join(CHOICES)}, not {wanted!r}")
    if wanted != "auto":
        return wanted
    if device.type == "cuda":
        return BFLOAT16 if torch.cuda.is_bf16_supported(including_emulation=False) else FLOAT32
    if begun == FLOAT32 or not _FLAGS & _flags(cpuinfo):
        return FLOAT32
    return begun or _quicker()


@cache
def _quicker() -> str:
    """Return in which of the two a block of the networks takes a step sooner on this processor."""
    with torch.random.fork_rng(devices=[]):
        block = nn.Sequential(
            nn.Conv2d(32, 32, 3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.Flatten(),
            nn.Linear(64 * 16 * 16, 128),
        ).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        images = torch.rand(32, 32, 16, 16).contiguous(memory_format=torch.channels_last)

    def seconds(half: bool) -> float:
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            values = block(images)
        values.float().square().mean().backward()
        return time.perf_counter() - start

    seconds(True), seconds(False)  # kernels are made at the first call
    rounds = [(seconds(True), seconds(False)) for _ in range(_ROUNDS)]
    halves, wholes = zip(*rounds, strict=True)
    return BFLOAT16 if min(halves) < min(wholes) else FLOAT32


@contextmanager
def subnormal_is_zero() -> Iterator[None]:
    """Let numbers below 1.2e-38 count as zero in this thread.

    Weights that a strong decay lets vanish pass through them, and a processor multiplies them a
    hundred times slower. Other computations of the process are left as they are.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _flags(cpuinfo: Path) -> set[str]:
    try:
        text = cpuinfo.read_text(encoding="utf-8")
    except OSError:
        return set()
    for line in text.splitlines():
        key, _, words = line.partition(":")
        if key.strip() in ("flags", "Features"):
            return set(words.split())
    return set()
