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

"""Names of image topics: the ending of compressed ones, and the node's annotated ones."""

from __future__ import annotations

COMPRESSED = "/compressed"
"""Ends the name of a topic of CompressedImage, as image_transport has it."""

ANNOTATED = "image_annotated"
"""Name of the raw annotated topic below the node's own; with several cameras theirs follows it."""


def is_annotated(topic: str) -> bool:
    """Return whether a topic carries annotated images, which are only made for subscribers."""
    return f"/{ANNOTATED}/" in f"{topic}/"
