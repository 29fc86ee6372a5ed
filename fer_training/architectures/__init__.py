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

"""The registry of networks: a name from a recipe becomes a PyTorch module.

Each module of this package holds the networks of one publication and registers a builder per
network. A builder takes the number of classes and keyword options and returns a module that
maps a float32 batch (N, channels, size, size) to logits (N, classes).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from torch import nn

_MODULES = ("chowanda", "minaee", "yengikand", "umer", "patil", "fer", "teacher")


@dataclass(frozen=True)
class Architecture:
    """One registered network."""

    name: str
    build: Callable[..., nn.Module]
    size: int
    """Side of the input [pixels]."""
    channels: int
    """1 for grey, 3 for BGR."""
    paper: str
    """The publication it comes from, short."""
    parameters: int | None = None
    """Number the publication states for seven classes, where it states one."""


_REGISTRY: dict[str, Architecture] = {}


def register(
    name: str, *, size: int, channels: int, paper: str, parameters: int | None = None
) -> Callable[[Callable[..., nn.Module]], Callable[..., nn.Module]]:
    """Return a decorator that adds a builder to the registry."""

    def add(build: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
        _REGISTRY[name] = Architecture(name, build, size, channels, paper, parameters)
        return build

    return add


def _load() -> None:
    for module in _MODULES:
        import_module(f"{__name__}.{module}")


def names() -> list[str]:
    """Return the names of all networks."""
    _load()
    return list(_REGISTRY)


def get(name: str) -> Architecture:
    """Return a network's entry.

    Raises:
        ValueError: No network has this name.
    """
    _load()
    if name not in _REGISTRY:
        raise ValueError(f"unknown architecture {name!r}; known: {', '.join(_REGISTRY)}")
    return _REGISTRY[name]


def create(name: str, classes: int = 7, **options: Any) -> nn.Module:
    """Build a network with fresh weights.

    Raises:
        ValueError: No network has this name, or it does not take one of the options.
    """
    entry = get(name)
    try:
        return entry.build(classes, **options)
    except TypeError as error:
        raise ValueError(f"architecture {name!r}: {error}") from None


def parameter_count(network: nn.Module) -> int:
    """Count weights the way Keras does: running means and variances of batch norms included."""
    count = sum(parameter.numel() for parameter in network.parameters())
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            count += 2 * module.num_features
    return count
