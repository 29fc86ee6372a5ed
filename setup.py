"""What pyproject.toml cannot say: the files that go to share/, found by their folders.

For machines without ROS 2; colcon uses CMakeLists.txt instead, and puts them at the same place.
"""

from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent
PATTERNS = {"msg": ("*.msg",), "config": ("*.yaml", "*.json", "*.rviz"), "launch": ("*.py",)}

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
