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

"""What pyproject.toml cannot say: the files that go to share/, found by their folders.

For machines without ROS 2; colcon uses CMakeLists.txt instead, and puts them at the same place.
"""

from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent
PATTERNS = {
    "msg": ("*.msg",),
    "config": ("*.yaml", "*.json", "*.rviz", "*.service"),
    "launch": ("*.py",),
}

setup(
    data_files=[
        (
            f"share/fer_ros/{folder}",
            sorted(
                str(path.relative_to(HERE))
                for suffix in suffixes
                for path in (HERE / folder).glob(suffix)
            ),
        )
        for folder, suffixes in PATTERNS.items()
    ]
)
