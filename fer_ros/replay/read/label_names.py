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

"""Names that people and other packages give to expressions."""

from __future__ import annotations

from fer_ros.perception import emotions

IGNORE = "ignore"
"""The label of faces and times that are not scored."""

_IGNORED = {IGNORE, "unknown", "nf", "non-face", "nonface"}
"""The last ones are FER+'s, for votes that name no expression or no face."""

_HRI = {"scared": emotions.FEAR, "horrified": emotions.FEAR, "furious": emotions.ANGRY}
"""Names of hri_msgs/msg/Expression for classes that are called otherwise here."""

HRI_OTHERS = (
    "pleading", "vulnerable", "despaired", "guilty", "disappointed", "embarrassed", "skeptical",
    "annoyed", "suspicious", "rejected", "bored", "tired", "asleep", "confused", "amazed",
    "excited",
)  # fmt: skip
"""The rest of hri_msgs/msg/Expression: true, but no class of any network here."""


def canonical(name: str) -> str:
    """Return a label's name as it is compared: a class, :data:`IGNORE`, or one of the others.

    Raises:
        ValueError: The name is no known expression.
    """
    key = name.strip().lower()
    if key in _IGNORED:
        return IGNORE
    if key in HRI_OTHERS:
        return key
    return emotions.canonical(_HRI.get(key, key))
