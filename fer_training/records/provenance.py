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

"""Provenance of a run: revision, versions, command and data."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import numpy
import onnxruntime
import torch

from fer_training.data.base import FaceDataset
from fer_training.records.run import DataOrigin


def revision() -> str:
    """Return the git revision of this package, ``+`` appended when its files were changed."""
    folder = Path(__file__).parent.parent

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", ".")
        return git("rev-parse", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "onnxruntime": onnxruntime.__version__,
        "numpy": numpy.__version__,
    }


def processor() -> str:
    """Return the processor's name as Linux tells it, otherwise its architecture."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.machine()


def device(used: torch.device) -> str:
    """Return the name of what a run was computed on."""
    return torch.cuda.get_device_name(used) if used.type == "cuda" else processor()


def dataset(data: FaceDataset, training_rows: int) -> DataOrigin:
    """Return name, digest, size and terms of a data set."""
    return DataOrigin(data.name, data.digest, len(data), training_rows, data.terms)
