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

"""Facts on the machine of a measurement."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil

from fer_ros import __version__
from fer_ros.perception.inference import runtime_version


def machine_facts() -> dict[str, Any]:
    """Return processor, memory and versions."""
    return {
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "fer_ros": __version__,
        "onnxruntime": runtime_version(),
        "opencv": cv2.__version__,
        "numpy": np.__version__,
    }


def warn_if_busy() -> None:
    """Warn when other programs use the processor."""
    load = psutil.cpu_percent(interval=0.5)
    if load > 15:
        print(
            f"note: other programs use {load:.0f} % of the processor; expect worse figures",
            file=sys.stderr,
        )


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or "unknown processor"
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.machine()
