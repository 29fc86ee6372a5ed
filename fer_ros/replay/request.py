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

"""The job of one replay, as plain data, since it is passed between processes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fer_ros import __version__
from fer_ros.node.parameters import Settings
from fer_ros.perception.detection.factory import locate_detector
from fer_ros.perception.model_store import digest_of
from fer_ros.perception.onnx_file import network_digest
from fer_ros.replay.errors import ReplayError
from fer_ros.replay.results import SCHEMA
from fer_ros.runtime.assembly import locate_model
from fer_ros.transport.bag import BagReader

EVERY, LATEST, RECORDED = "every", "latest", "recorded"
"""Modes: process every frame, those that a live node would, or take recorded results."""


@dataclass(frozen=True)
class Job:
    """One recording to replay."""

    bag: Path
    out: Path
    topics: tuple[str, ...] = ()
    """Camera topics; empty for all that hold images."""
    mode: str = EVERY
    worker_ms: float = 0.0
    """Simulated time per frame of the mode ``latest`` [ms]."""
    answers: Path | None = None
    """Recording of a live node's results, of the mode ``recorded``."""
    label_files: tuple[Path, ...] = ()
    label_topics: tuple[str, ...] = ()
    criteria: Path | None = None
    baseline: Path | None = None
    annotated: bool = False
    with_crops: bool = False
    moments: bool = False
    """Whether the report has pictures of each person's surest moments."""
    strict: bool = False
    """Whether a recording that is not whole is refused."""
    replace: bool = False
    """Whether an output folder that exists is replaced."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Parameters that differ from their defaults."""

    def settings(self) -> Settings:
        """Return the node's parameters.

        Raises:
            ParameterError: One is unknown or out of range.
        """
        return Settings().with_values(self.parameters)

    def digest(self, reader: BagReader) -> str:
        """Return a SHA-256 over everything that the results depend on.

        The content of the recording, of the labels, criteria, baseline and networks counts, not
        the paths.

        Raises:
            ReplayError: A file cannot be read.
            ModelError: A network or detector file is missing or altered.
        """
        settings = self.settings()
        paths = {"models", "detector_model"}
        files = [*self.label_files, self.criteria, self.baseline]
        facts = {
            "version": [__version__, SCHEMA],
            "bag": reader.digest(),
            "topics": self.topics,
            "mode": [self.mode, self.worker_ms],
            "label_topics": self.label_topics,
            "files": [_digest_of_given(path) if path else None for path in files],
            "answers": BagReader(self.answers).digest() if self.answers else None,
            "options": [self.annotated, self.with_crops, self.moments],
            "settings": {k: v for k, v in asdict(settings).items() if k not in paths},
            "networks": None if self.answers else _networks(settings),
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _networks(settings: Settings) -> dict[str, Any]:
    """Return digests of everything that predicts.

    Raises:
        ModelError: A file is missing or altered.
        ReplayError: A file cannot be read.
    """
    detector = locate_detector(settings.detector, settings.detector_model)
    return {
        "models": [network_digest(locate_model(name)) for name in settings.models],
        "detector": [
            detector.entry_point,
            _digest_of_detector(detector.path) if detector.path else None,
            _digest_of_given(detector.code) if detector.code else None,
            network_digest(detector.verifier) if detector.verifier else None,
        ],
    }


def _digest_of_detector(path: Path) -> str:
    return network_digest(path) if path.suffix == ".onnx" else _digest_of_given(path)


def _digest_of_given(path: Path) -> str:
    try:
        return digest_of(path)
    except OSError as error:
        raise ReplayError(f"{path} cannot be read: {error}") from error
