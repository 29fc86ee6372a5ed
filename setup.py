"""Installs fer_ros with pip, for machines without ROS 2; colcon uses CMakeLists.txt instead."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent


def version() -> str:
    """Return the version, which stands in the package alone."""
    text = (HERE / "fer_ros" / "__init__.py").read_text(encoding="utf-8")
    return text.split('__version__ = "')[1].split('"')[0]


def shared_files() -> list[tuple[str, list[str]]]:
    """Return the files that a colcon install puts into share/fer_ros, for the same place."""
    patterns = {"msg": ("*.msg",), "config": ("*.yaml", "*.json", "*.rviz"), "launch": ("*.py",)}
    return [
        (
            f"share/fer_ros/{folder}",
            sorted(
                str(path.relative_to(HERE))
                for suffix in suffixes
                for path in (HERE / folder).glob(suffix)
            ),
        )
        for folder, suffixes in patterns.items()
    ]


setup(
    name="fer_ros",
    version=version(),
    description="Facial expressions from camera images: a ROS 2 node that also runs without ROS 2",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["fer_ros", "fer_ros.*", "fer_training", "fer_training.*"]),
    package_data={
        "fer_ros": [
            "models/*",
            "assets/*",
            "replay/write/templates/*",
            "view/page/*",
            "py.typed",
        ],
        "fer_training": ["recipes/*.yaml", "recipes/*/*.yaml", "papers/*.yaml", "ship/*.json"],
    },
    data_files=shared_files(),
    install_requires=[
        "numpy>=1.23,<3",
        # Headless: a robot has no screen, and the other wheel wants GL libraries.
        "opencv-python-headless>=4.6,<6",
        "onnxruntime>=1.17,<2",
        "rosbags>=0.11.6,<0.12",
        # Compressed recordings; part of Python from 3.14 on.
        "backports.zstd>=1,<2; python_version < '3.14'",
        "lz4>=3,<5",
        # The replay's pages.
        "Jinja2>=3,<4",
        "PyYAML>=6,<7",
        "jsonschema>=3.2,<5",
        "psutil>=5.9,<8",
        "rich>=13,<16",
        "tqdm>=4.60,<5",
    ],
    extras_require={
        # No wheel for Python 3.14 nor for ARM; there rclpy is the way.
        "dds": ["cyclonedds>=11.0.1,<12; python_version < '3.14'"],
        # One library serves pages and sockets, and is packaged by Debian and rosdep.
        "web": ["aiohttp>=3.8,<4"],
        "dask": ["distributed>=2024.1"],
        "train": [
            "torch>=2.4,<3",
            "onnx>=1.16,<2",
            "scikit-learn>=1.4,<2",
            "skl2onnx>=1.17,<2",
            "matplotlib>=3.8,<4",
        ],
        "test": [
            "pytest>=8,<10",
            "pytest-timeout>=2.3,<3",
            "pytest-xdist>=3.5,<4",
            "hypothesis>=6.100,<7",
            "aiohttp>=3.8,<4",
            "selenium>=4.15,<5",
            "ruff==0.17.5",
            "mypy==2.4.1",
            "cmakelint>=1.4,<2",
            "types-PyYAML",
            "onnx>=1.16,<2",
            "distributed>=2024.1",
        ],
    },
    entry_points={
        "console_scripts": [
            "fer-ros = fer_ros.apps.cli:main",
            "fer-train = fer_training.commands.cli:main",
        ],
        "fer_ros.actions": ["music_player = fer_ros.behaviors.music:MusicPlayer"],
    },
)
