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

"""Installs fer_training beside fer_ros, from the repository: pip install . ./fer_training."""

from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent


def version() -> str:
    """Return the version, which is defined in fer_ros only."""
    text = (HERE.parent / "fer_ros" / "__init__.py").read_text(encoding="utf-8")
    return text.split('__version__ = "')[1].split('"')[0]


class Modules(build_py):  # type: ignore[misc] # setuptools has no types
    """All modules of the package but this script, which lies among them."""

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        """Return package, name and file of each module of a package."""
        found = super().find_package_modules(package, package_dir)
        return [module for module in found if Path(module[2]).resolve() != Path(__file__).resolve()]


setup(
    name="fer_training",
    version=version(),
    description="Trains, measures and exports the networks of fer_ros",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=["fer_training", *(f"fer_training.{name}" for name in find_packages(str(HERE)))],
    package_dir={"fer_training": "."},
    cmdclass={"build_py": Modules},
    package_data={
        "fer_training": [
            "recipes/*.yaml",
            "recipes/*/*.yaml",
            "detector/recipes/*.yaml",
            "papers/*.yaml",
            "papers/*.json",
            "results.csv",
            "latency.json",
            "ship/*.json",
        ]
    },
    install_requires=[f"fer_ros[train]=={version()}"],
    entry_points={"console_scripts": ["fer-train = fer_training.commands.entry:main"]},
)
