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

"""The environment of `make test-ros`: a ROS 2 from wheels, in a folder of its own.

The wheels come from a third party, hold no more than rclpy over Fast DDS and what building
messages takes, and serve these tests only. See docs/ros2.md for the way to build on a robot.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
DISTRIBUTIONS = ("jazzy", "kilted")
DISTRIBUTION = os.environ.get("FER_ROS_WHEELS", DISTRIBUTIONS[0])
"""Which ROS 2; `make test-ros DISTRO=kilted` sets the variable."""
FOLDER = SOURCE / (".venv-ros" if DISTRIBUTION == "jazzy" else f".venv-ros-{DISTRIBUTION}")
"""Environment, build, install and log; git ignores it."""
REQUIREMENTS = [HERE / "requirements" / f"{name}.txt" for name in (DISTRIBUTION, "common")]
PYTHONS = ((3, 10), (3, 14))
"""First and last Python that the wheels exist for."""
PROGRAMS = {"cmake": "cmake", "ninja": "ninja-build", "c++": "g++"}
"""What building takes besides the wheels: command and Debian package."""

_FAST_DDS = "FASTRTPS" if DISTRIBUTION == "jazzy" else "FASTDDS"
"""Beginning of the names of its variables: version 3 has another one."""

_STAMP = FOLDER / "environment.ok"


class CannotError(RuntimeError):
    """This machine cannot have the environment; the message says why and what would help."""


def prepare() -> dict[str, str]:
    """Make the environment unless it is there already, and return its environment variables.

    Raises:
        CannotError: The machine, its Python or its network is not what the wheels need.
    """
    _check_machine()
    wanted = _fingerprint()
    if not _STAMP.is_file() or _STAMP.read_text(encoding="utf-8") != wanted:
        _install()
        _name_headers()
        _STAMP.write_text(wanted, encoding="utf-8")
    return variables()


def variables() -> dict[str, str]:
    """Return the environment variables of a process that uses the wheels."""
    libraries = [FOLDER / "lib", *FOLDER.glob("lib/python3*/site-packages/ros_*.libs")]
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ROS_", "RMW_", "AMENT_", "COLCON_", "FASTRTPS_", "FASTDDS_"))
        and name not in ("PYTHONPATH", "PYTHONHOME", "CMAKE_PREFIX_PATH", "VIRTUAL_ENV")
    }
    return inherited | {
        "PATH": f"{FOLDER / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries)),
        # The wheels start every interpreter anew to set the line above; they need not.
        "_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1",
        "AMENT_PREFIX_PATH": str(FOLDER),
        "CMAKE_PREFIX_PATH": str(FOLDER),
        "ROS_VERSION": "2",
        "ROS_PYTHON_VERSION": "3",
        "ROS_DISTRO": DISTRIBUTION,
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        f"{_FAST_DDS}_DEFAULT_PROFILES_FILE": str(HERE / "loopback.xml"),
        "RMW_IMPLEMENTATION": "rmw_fastrtps_cpp",
        "ROS_HOME": str(FOLDER / "ros_home"),
        "OMP_NUM_THREADS": "1",
    }


def python() -> Path:
    """Return the environment's interpreter."""
    return FOLDER / "bin" / "python"


def _check_machine() -> None:
    if DISTRIBUTION not in DISTRIBUTIONS:
        raise CannotError(
            f"there are wheels of {' and '.join(DISTRIBUTIONS)}, not of {DISTRIBUTION!r}"
        )
    machine = (platform.system(), platform.machine())
    if machine != ("Linux", "x86_64"):
        raise CannotError(
            f"the wheels of ROS 2 exist for x86-64 Linux only, this is {' '.join(machine)}; "
            "build with colcon on an installed ROS 2 and run `colcon test` there"
        )
    first, last = PYTHONS
    if not first <= sys.version_info[:2] <= last:
        raise CannotError(
            f"the wheels of ROS 2 exist for Python {first[0]}.{first[1]} to {last[0]}.{last[1]}, "
            f"this is {platform.python_version()}; try make test-ros PYTHON=/path/to/python3"
        )
    missing = [package for command, package in PROGRAMS.items() if shutil.which(command) is None]
    if missing:
        raise CannotError(
            f"messages are compiled, and {', '.join(missing)} cannot be found; on Debian or "
            f"Ubuntu: apt-get install {' '.join(missing)}"
        )


def _fingerprint() -> str:
    """Return what the environment depends on, as one digest."""
    total = hashlib.sha256(f"{sys.version} {sys.prefix}".encode())
    for path in (*REQUIREMENTS, Path(__file__)):
        total.update(path.read_bytes())
    return total.hexdigest()


def _install() -> None:
    print(f"Setting up {FOLDER.name} (about 700 MB) ...", flush=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", FOLDER], check=False)
    if made.returncode:
        raise CannotError(
            "python3 -m venv failed; on Debian or Ubuntu: apt-get install python3-venv"
        )
    (FOLDER / "COLCON_IGNORE").touch()
    command = [python(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    installed = subprocess.run(
        [*command, *(word for path in REQUIREMENTS for word in ("-r", path))],
        check=False,
        env=variables(),
        stderr=subprocess.PIPE,
        text=True,
    )
    if installed.returncode:
        raise CannotError(
            f"{installed.stderr.strip()[-2000:]}\npip cannot install {DISTRIBUTION}; is the "
            "Python package index reachable?"
        )


def _name_headers() -> None:
    """Put this machine's headers in the place of those of the machine that built the wheels."""
    ask = (
        "import numpy, sysconfig; print(numpy.get_include()); print(sysconfig.get_path('include'))"
    )
    headers = subprocess.run(
        [python(), "-c", ask], check=True, capture_output=True, text=True, env=variables()
    )
    numpy_headers, python_headers = headers.stdout.split()
    for path in FOLDER.glob("share/*/cmake/*.cmake"):
        text = path.read_text(encoding="utf-8")
        changed = re.sub(r'/opt/python/[^;" ]*/numpy/\w+/include', numpy_headers, text)
        changed = re.sub(r'/opt/python/[^;" ]*/include/python3\.\d+', python_headers, changed)
        if changed != text:
            path.write_text(changed, encoding="utf-8")
