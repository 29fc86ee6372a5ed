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

"""Location of the package's shared files: message definitions, configuration, launch files.

They are at the top of the source tree, in ``share/fer_ros`` of a colcon install, and in
``share/fer_ros`` below the environment's prefix after ``pip install``, or below the user's own
(``~/.local``) after ``pip install --user``.
"""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
"""Folder of this Python package."""


def share_path(name: str) -> Path:
    """Return the path of a shared file or folder, e.g. ``msg`` or ``config/fer.yaml``.

    Raises:
        FileNotFoundError: It is at none of the known places; the message lists them.
    """
    tried = list(_candidates())
    for folder in tried:
        if (folder / "msg" / "EmotionArray.msg").is_file() and (folder / name).exists():
            return folder / name
    places = ", ".join(str(folder) for folder in tried)
    raise FileNotFoundError(f"{name} of fer_ros is in none of {places}; is the install whole?")


def _candidates() -> Iterator[Path]:
    yield PACKAGE.parent
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        if prefix:
            yield Path(prefix) / "share" / "fer_ros"
    if PACKAGE.is_relative_to(Path(site.getusersitepackages()).resolve()):
        yield Path(site.getuserbase()) / "share" / "fer_ros"
    yield Path(sysconfig.get_path("data")) / "share" / "fer_ros"
    yield Path(sys.prefix) / "share" / "fer_ros"
