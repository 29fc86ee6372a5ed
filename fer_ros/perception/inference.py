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

"""ONNX Runtime sessions: the only file that imports ``onnxruntime``.

Official builds since 1.29 send usage data from Linux unless it is switched off before they are
loaded (a device id in the cache folder, look-ups of the collector's address). A robot's perception
must not talk to anything but its own graph, so that is switched off here, before the import.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

from fer_ros.perception.errors import ModelError

onnxruntime.disable_telemetry_events()
onnxruntime.set_default_logger_severity(3)  # its warnings about providers are reported by us

PROVIDER_NAMES = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "rocm": "ROCMExecutionProvider",
    "migraphx": "MIGraphXExecutionProvider",
    "xnnpack": "XnnpackExecutionProvider",
}
"""Short names of execution providers, as parameters spell them, and ONNX Runtime's names."""


@dataclass(frozen=True)
class ProviderReport:
    """Which execution providers were asked for and which one really runs the network."""

    asked: tuple[str, ...]
    used: tuple[str, ...]
    """In order of preference; ``cpu`` always comes last."""

    @property
    def fell_back(self) -> bool:
        """Whether the first choice is not what runs."""
        return self.used[0] != self.asked[0]


def create_session(
    path: Path, providers: Sequence[str] = ("cpu",), threads: int = 1
) -> tuple[Any, ProviderReport]:
    """Load an ONNX file.

    Args:
        path: The file.
        providers: Short names from :data:`PROVIDER_NAMES` in order of preference. Those that this
            build of ONNX Runtime lacks are left out and listed in the report.
        threads: Threads inside one run; 0 takes one per core.

    Raises:
        ModelError: The file is missing, truncated, or no ONNX model.
    """
    if not path.is_file():
        raise ModelError(f"no model file at {path}")
    available = set(onnxruntime.get_available_providers())
    wanted = [PROVIDER_NAMES[name] for name in providers]
    chosen = [name for name in wanted if name in available]
    if PROVIDER_NAMES["cpu"] not in chosen:
        chosen.append(PROVIDER_NAMES["cpu"])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle worker threads would otherwise spin and take the cores from the rest of the robot.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=chosen)
    except Exception as error:  # its exception classes differ between versions
        reason = " ".join(str(error).split())  # some versions end it with a line break
        raise ModelError(f"{path} cannot be loaded as an ONNX model: {reason}") from error
    short = {long: name for name, long in PROVIDER_NAMES.items()}
    used = tuple(short.get(name, name) for name in session.get_providers())
    return session, ProviderReport(asked=tuple(providers), used=used)


def runtime_version() -> str:
    """Return the version of ONNX Runtime."""
    return str(onnxruntime.__version__)
