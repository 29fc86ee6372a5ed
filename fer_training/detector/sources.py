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

"""Where the detector's training photos come from, and on which terms, by their codes."""

from __future__ import annotations

from collections.abc import Mapping

TERMS = {
    0: ("grey head crops that one face fills", "none stated; research"),
    1: ("ImageNet sample photos", "non-commercial research"),
    2: ("BSDS500 photos", "research"),
    10: ("Caltech 10k Web Faces", "none stated; research"),
    13: ("web photos of streets, crowds, masks; some FFHQ", "none stated; FFHQ: CC BY-NC-SA 4.0"),
    14: ("Flickr8k", "non-commercial research"),
    15: ("sports stars, image search", "none stated"),
    16: ("COCO 2017 samples", "Flickr terms; labels CC BY 4.0"),
    17: ("animals, no person", "research"),
    18: ("rooms and house fronts, no person", "cite the paper"),
    19: ("textures", "research"),
    20: ("hands beside a face", "Apache-2.0"),
}
"""Name and terms of each source of photos, as the owners state them."""

CROPS = ("FER2013 Training (Goodfellow et al. 2013)", "research")
"""The faces put into photos."""


def described(counts: Mapping[int, int], crops: int) -> Mapping[str, object]:
    """Return, as plain values, what a detector's metadata says about the data it learned from.

    Args:
        counts: Photos by the code of their source.
        crops: Faces put into photos.
    """
    rows = [
        {"source": code, "what": TERMS[code][0], "terms": TERMS[code][1], "photos": count}
        if code in TERMS
        else {"source": code, "what": "unknown", "terms": "unknown", "photos": count}
        for code, count in sorted(counts.items())
    ]
    faces = {"what": CROPS[0], "terms": CROPS[1], "faces": crops}
    return {"photos": rows, "faces_put_in": faces, "teacher": "YuNet (Wu, Peng, Yu 2023), MIT"}
