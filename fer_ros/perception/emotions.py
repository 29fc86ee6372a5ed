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

"""Label sets of facial expressions and the mappings between them.

The order of FER2013 (Goodfellow et al. 2013) is canonical: a class index without
further words means an index into :data:`FER2013`.
"""

from __future__ import annotations

from collections.abc import Sequence

ANGRY = "angry"
DISGUST = "disgust"
FEAR = "fear"
HAPPY = "happy"
SAD = "sad"
SURPRISE = "surprise"
NEUTRAL = "neutral"
CONTEMPT = "contempt"

UNCERTAIN = "uncertain"
"""The label of a face whose best class is not supported well enough; never a network output."""

FER2013: tuple[str, ...] = (ANGRY, DISGUST, FEAR, HAPPY, SAD, SURPRISE, NEUTRAL)
"""The seven classes of FER2013 in the order of its class codes 0 to 6."""

FERPLUS: tuple[str, ...] = (NEUTRAL, HAPPY, SURPRISE, SAD, ANGRY, DISGUST, FEAR, CONTEMPT)
"""The eight classes of FER+ (Barsoum et al. 2016) in the order of its vote columns."""

KNOWN: frozenset[str] = frozenset(FER2013) | frozenset(FERPLUS)
"""Every label a network may put out."""

_SYNONYMS = {
    "anger": ANGRY,
    "disgusted": DISGUST,
    "afraid": FEAR,
    "fearful": FEAR,
    "happiness": HAPPY,
    "joy": HAPPY,
    "sadness": SAD,
    "surprised": SURPRISE,
    "neutrality": NEUTRAL,
}


def canonical(name: str) -> str:
    """Return the canonical spelling of a label, e.g. ``happy`` for ``Happiness``.

    Raises:
        ValueError: The name is no known expression.
    """
    key = name.strip().lower()
    key = _SYNONYMS.get(key, key)
    if key not in KNOWN:
        raise ValueError(f"unknown expression {name!r}; known: {', '.join(sorted(KNOWN))}")
    return key


def mapping(source: Sequence[str], target: Sequence[str]) -> list[int | None]:
    """Return, for each label of ``source``, its index in ``target``, or None where it has none."""
    positions = {canonical(name): index for index, name in enumerate(target)}
    return [positions.get(canonical(name)) for name in source]
