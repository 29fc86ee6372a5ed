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
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

from fer_ros.perception.errors import ModelError
from fer_ros.perception.strings import shortened

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

_SHORT_NAMES = {name: short for short, name in PROVIDER_NAMES.items()}


@dataclass(frozen=True)
class ProviderReport:
    """Which execution providers were asked for and which one really runs the network."""

    asked: tuple[str, ...]
    """Short names in order of preference."""
    used: tuple[str, ...]
    """In order of preference; ``cpu`` always comes last."""
    nodes: Mapping[str, int] | None = None
    """Nodes of the network by the provider that runs them; None where it is not reported."""
    on_cpu: Mapping[str, int] = field(default_factory=dict)
    """Kinds of nodes that were left to the CPU though another provider runs, and how many."""
    reason: str = ""
    """Why a provider that is there was not taken."""

    @property
    def fell_back(self) -> bool:
        """Whether the first choice is not what runs."""
        return self.used[0] != self.asked[0]

    @property
    def compiles(self) -> bool:
        """Whether another provider than the CPU runs, which may compile anew for each size."""
        return self.used[0] != "cpu"

    @property
    def warning(self) -> str:
        """What falls short of what was asked for, in words; empty where nothing does."""
        if self.fell_back:
            why = f" ({self.reason})" if self.reason else ""
            return f"{self.asked[0]} was asked for, {self.used[0]} is used{why}"
        if self.on_cpu and self.nodes:
            kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.on_cpu.items()))
            left = sum(self.on_cpu.values())
            return f"{left} of {sum(self.nodes.values())} nodes run on the CPU: {kinds}"
        return ""

    def values(self) -> dict[str, str]:
        """Return the report as rows of diagnostics."""
        nodes = "not reported by this ONNX Runtime" if self.compiles else ""
        if self.nodes:
            nodes = ", ".join(f"{name} {count}" for name, count in self.nodes.items())
        return {
            "providers.asked": ", ".join(self.asked),
            "providers.used": ", ".join(self.used),
            "providers.nodes": nodes,
        }


def parse_provider(text: str) -> tuple[str, dict[str, str]]:
    """Return short name and options of ``name`` or ``name:option=value,option=value``.

    Raises:
        ValueError: The name is unknown or an option has no value.
    """
    name, _, rest = text.partition(":")
    if name not in PROVIDER_NAMES:
        raise ValueError(f"providers must be one of {', '.join(PROVIDER_NAMES)}, not {name!r}")
    options = {}
    for entry in filter(None, rest.split(",")):
        option, equals, value = entry.partition("=")
        if not equals or not option.strip():
            raise ValueError(f"options of a provider are option=value, not {entry!r}")
        options[option.strip()] = value.strip()
    return name, options


def create_session(
    path: Path, providers: Sequence[str] = ("cpu",), threads: int = 1
) -> tuple[Any, ProviderReport]:
    """Load an ONNX file.

    Args:
        path: The file.
        providers: As :func:`parse_provider` takes them, in order of preference. Those that this
            build of ONNX Runtime lacks, or that cannot be used, are left out and listed in the
            report.
        threads: Threads inside one run; 0 takes one per core.

    Raises:
        ModelError: The file is missing, truncated, or no ONNX model.
        ValueError: A provider is unknown.
    """
    if not path.is_file():
        raise ModelError(f"no model file at {path}")
    available = set(onnxruntime.get_available_providers())
    wanted = [parse_provider(text) for text in providers]
    chosen = [(PROVIDER_NAMES[name], options) for name, options in wanted]
    chosen = [(name, options) for name, options in chosen if name in available]
    if PROVIDER_NAMES["cpu"] not in dict(chosen):
        chosen.append((PROVIDER_NAMES["cpu"], {}))
    try:
        session = _session(path, chosen, threads)
    except Exception as error:  # its exception classes differ between versions
        reason = " ".join(str(error).split())  # some versions end it with a line break
        if len(chosen) == 1:
            raise ModelError(f"{path} cannot be loaded as an ONNX model: {reason}") from error
        session, own = create_session(path, ("cpu",), threads)
        asked = tuple(name for name, _ in wanted)
        return session, replace(own, asked=asked, reason=shortened(reason[-200:]))
    used = tuple(_SHORT_NAMES.get(name, name) for name in session.get_providers())
    missing = "" if PROVIDER_NAMES[wanted[0][0]] in available else "this ONNX Runtime has none"
    report = ProviderReport(tuple(name for name, _ in wanted), used, reason=missing)
    return session, _with_nodes(session, report) if report.compiles else report


def _session(path: Path, chosen: Sequence[tuple[str, dict[str, str]]], threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle worker threads would otherwise spin and take the cores from the rest of the robot.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if len(chosen) > 1:
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    # Its own fall-back prints to the console and keeps the reason to itself.
    return onnxruntime.InferenceSession(str(path), options, providers=chosen, enable_fallback=0)


def _with_nodes(session: Any, report: ProviderReport) -> ProviderReport:
    """Add the providers on which the nodes run, where the runtime reports them."""
    if not hasattr(session, "get_provider_graph_assignment_info"):
        return report
    nodes: Counter[str] = Counter()
    on_cpu: Counter[str] = Counter()
    for part in session.get_provider_graph_assignment_info():
        provider, own = _SHORT_NAMES.get(part.ep_name, part.ep_name), part.get_nodes()
        nodes[provider] += len(own)
        if provider == "cpu":
            on_cpu.update(node.op_type for node in own)
    return replace(report, nodes=dict(nodes), on_cpu=dict(on_cpu))


def runtime_version() -> str:
    """Return the version of ONNX Runtime."""
    return str(onnxruntime.__version__)
