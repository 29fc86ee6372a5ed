"""Where a run comes from: revision, versions, command and data."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path
from typing import Any

import numpy
import onnxruntime
import torch

from fer_training.datasets.base import FaceDataset


def revision() -> str:
    """Return the git revision of this package, ``+`` appended when its files were changed."""
    folder = Path(__file__).parent

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


def dataset(data: FaceDataset, training_rows: int) -> dict[str, Any]:
    """Return name, digest, size and terms of a data set."""
    return {
        "name": data.name,
        "sha256": data.digest,
        "rows": len(data),
        "training_rows": training_rows,
        "terms": data.terms,
    }
