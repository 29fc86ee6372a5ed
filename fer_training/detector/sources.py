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

"""Sources of the detector's training photos and their terms, by code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """One source of photos."""

    what: str
    terms: str
    """As the owners state them."""
    repository: str = ""
    """On GitHub, ``owner/name``, where the photos come from a checkout of it."""
    loose: bool = False
    """People's boxes tell that a face is there, not where it ends: hair, hats or whole heads are
    in them, or the picture was turned after they were drawn."""
    confirms_from: float = 0.0
    """Teacher's score from which a loose box confirms a face: boxes of heads, seen from behind too,
    say little."""

    @property
    def label(self) -> str:
        """Content and origin, in one line."""
        return f"{self.what} (GitHub {self.repository})" if self.repository else self.what


SOURCES = {
    0: Source("grey head crops that one face fills", "none stated; research"),
    1: Source("ImageNet sample photos", "non-commercial research"),
    2: Source("BSDS500 photos", "research"),
    10: Source("Caltech 10k Web Faces", "none stated; research"),
    13: Source(
        "web photos of streets, crowds, masks; some FFHQ",
        "none stated; FFHQ: CC BY-NC-SA 4.0",
    ),
    14: Source("Flickr8k", "non-commercial research"),
    15: Source("sports stars, image search", "none stated"),
    16: Source("COCO 2017 samples", "Flickr terms; labels CC BY 4.0"),
    17: Source("animals, no person", "research"),
    18: Source("rooms and house fronts, no person", "cite the paper"),
    19: Source("textures", "research"),
    20: Source("hands beside a face", "Apache-2.0"),
    30: Source(
        "people before webcams, masked and bare, boxed",
        "CC BY 4.0",
        "SaltyfishQAQQ/ECE342-CV_Model",
    ),
    31: Source(
        "web photos with and without masks, boxed",
        "CC BY 4.0",
        "Darun-18/Face-Mask-Detection",
        loose=True,
    ),
    32: Source("people in masks, groups", "none stated", "KaranFriends/Mask-Dataset"),
    33: Source(
        "masks in streets and before webcams, boxed",
        "public domain",
        "Daniyal-Irshad/Mask-Detection",
        loose=True,
    ),
    34: Source(
        "dense crowds, heads boxed",
        "CC BY 4.0",
        "Az1zT/Smart-Attendance-System",
        loose=True,
        confirms_from=0.5,
    ),
    35: Source("portraits, many half turned, boxed", "CC BY 4.0", "ThesusCaryed/ThesisV3"),
    36: Source(
        "phone video of streets, masked and bare",
        "Apache-2.0",
        "VirajDeshwal/mask-detection-dataset",
    ),
    37: Source("hands and fists before webcams", "Apache-2.0", "SubhiH/HandsDataset"),
}
"""Every source of photos by its code."""


def is_loose(code: int) -> bool:
    """Return whether people's boxes of a source hold more than the face; False if unknown."""
    return code in SOURCES and SOURCES[code].loose


CROPS = ("FER2013 Training (Goodfellow et al. 2013)", "research")
"""The faces put into photos."""


def described(counts: Mapping[int, int], crops: int) -> Mapping[str, object]:
    """Return a detector's metadata on its training data, as plain values.

    Args:
        counts: Photos by the code of their source.
        crops: Faces put into photos.
    """
    unknown = Source("unknown", "unknown")
    rows = [
        {"source": code, "what": source.label, "terms": source.terms, "photos": count}
        for code, count in sorted(counts.items())
        for source in (SOURCES.get(code, unknown),)
    ]
    faces = {"what": CROPS[0], "terms": CROPS[1], "faces": crops}
    return {"photos": rows, "faces_put_in": faces, "teacher": "YuNet (Wu, Peng, Yu 2023), MIT"}
