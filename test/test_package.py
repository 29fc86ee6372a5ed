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

"""package.xml and pyproject.toml ask for the same, the tools accept them, and pip builds them.

What CMakeLists.txt installs is seen in a built package: test/ros/test_ros_install.py.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import pytest
import yaml

import fer_ros

try:
    import tomllib
except ImportError:  # Python 3.10; pytest brings it there
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = ROOT / "package.xml"
CMAKE = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")

ROS_PACKAGES = {
    "launch", "launch_ros", "rcl_interfaces", "rclpy", "cv_bridge", "std_srvs", "sensor_msgs",
}  # fmt: skip
"""Packages of ROS 2 that the code may import; anything else it imports is no ROS package."""


@pytest.fixture(scope="module")
def package():
    return ET.parse(MANIFEST).getroot()


def dependencies(package) -> set[str]:
    tags = ("depend", "exec_depend", "build_depend", "buildtool_depend")
    return {element.text for tag in tags for element in package.findall(tag)}


def imported(folder: str) -> set[str]:
    """Return the top-level modules that the Python files of a folder import."""
    names = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    return names


def test_the_manifest_has_what_ros_needs(package):
    assert package.get("format") == "3"
    assert package.findtext("name") == "fer_ros"
    assert package.findtext("export/build_type") == "ament_cmake"
    assert package.findtext("member_of_group") == "rosidl_interface_packages"
    assert package.findtext("version") == fer_ros.__version__
    assert package.find("maintainer").get("email")
    assert package.findtext("license") == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_manifest_and_citation_name_the_same_owner_and_place(package):
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    authors = [each["name"] for each in citation["authors"]]
    assert authors == [each.text for each in package.findall("author")]
    places = {each.get("type"): each.text for each in package.findall("url")}
    assert citation["repository-code"] == places["repository"]
    assert str(citation["version"]) == package.findtext("version")
    assert citation["license"] == package.findtext("license")


def test_the_manifest_is_in_the_order_of_its_schema(package):
    order = [element.tag for element in package]
    assert order.index("name") < order.index("version") < order.index("description")
    assert order.index("license") < order.index("buildtool_depend") < order.index("export")
    assert len(order) - 1 == order.index("export")


def test_every_ros_package_that_is_imported_is_declared(package):
    used = (imported("fer_ros") | imported("launch")) & ROS_PACKAGES
    assert used
    assert used <= dependencies(package)


def test_every_message_used_is_declared(package):
    used = set()
    for path in (ROOT / "msg").glob("*.msg"):
        text = path.read_text(encoding="utf-8")
        used |= set(re.findall(r"^([a-z_]+)/[A-Z]", text, re.MULTILINE))
    assert used <= {element.text for element in package.findall("depend")}


def test_scripts_can_be_run_from_the_source_too():
    scripts = list((ROOT / "scripts").iterdir())
    assert scripts
    for path in scripts:
        assert os.access(path, os.X_OK), f"{path.name} must be executable"
        assert path.read_text(encoding="utf-8").startswith("#!/usr/bin/env python3\n")


def test_the_source_has_no_folder_that_would_hide_the_generated_messages():
    assert not (ROOT / "fer_ros" / "msg").exists()
    assert not (ROOT / "fer_ros" / "msg.py").exists()


def test_the_generated_messages_are_imported_in_one_place_only():
    for path in (ROOT / "fer_ros").rglob("*.py"):
        assert not re.search(
            r"^\s*(from|import) fer_ros\.msg", path.read_text(encoding="utf-8"), re.M
        )


def pip_requirements() -> set[str]:
    """Return the names of what pip installs with fer_ros."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {re.match(r"[\w.-]+", each).group() for each in project["dependencies"]}


def test_the_environment_of_the_ros_tests_has_what_the_package_needs():
    folder = ROOT / "tools" / "ros_wheels" / "requirements"
    text = (folder / "common.txt").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([\w.-]+)[=<>]", text, re.MULTILINE))
    assert pip_requirements() <= pinned


def test_pip_and_rosdep_ask_for_the_same_libraries(package):
    pip = pip_requirements()
    pip -= {"backports.zstd", "lz4"}  # rosbags brings them
    keys = {"numpy", "opencv", "jinja2", "jsonschema", "psutil", "rich", "tqdm", "yaml",
            "onnxruntime-pip", "rosbags-pip"}  # fmt: skip
    names = {"opencv-python-headless": "opencv", "PyYAML": "yaml", "Jinja2": "jinja2",
             "onnxruntime": "onnxruntime-pip", "rosbags": "rosbags-pip"}  # fmt: skip
    assert {names.get(name, name) for name in pip} == keys
    assert {f"python3-{key}" for key in keys} <= dependencies(package)


def test_the_changelog_has_the_form_that_bloom_reads():
    lines = (ROOT / "CHANGELOG.rst").read_text(encoding="utf-8").splitlines()
    assert lines[1] == "Changelog for package fer_ros"
    assert lines[0] == lines[2] == "^" * len(lines[1])
    under = [number for number, line in enumerate(lines) if line and not line.strip("-")]
    assert under
    for number in under:
        title = lines[number - 1]
        assert re.fullmatch(r"Forthcoming|\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)", title)
        assert len(lines[number]) == len(title)
    assert not [line for line in lines if line.startswith("#")]


def test_xmllint_accepts_the_manifest():
    if shutil.which("xmllint") is None:
        pytest.skip("xmllint is not installed")
    subprocess.run(["xmllint", "--noout", "--nonet", str(MANIFEST)], check=True)


def test_cmakelint_has_no_complaint():
    """The tool behind ament_lint_cmake."""
    pytest.importorskip("cmakelint", reason="cmakelint is not installed")
    run = "import sys; from cmakelint.main import main; sys.exit(main())"
    lint = subprocess.run(
        [sys.executable, "-c", run, "--config=None", "--linelength=100", "CMakeLists.txt"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert lint.returncode == 0, lint.stdout + lint.stderr
    assert "Total Errors: 0" in lint.stdout + lint.stderr


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """A copy of everything under version control."""
    pytest.importorskip("setuptools", "77", reason="needs setuptools 77 or newer")
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("needs git and a clone, to know which files there are")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    copy = tmp_path_factory.mktemp("build") / "source"
    for name in listed:
        if name and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    return copy


def built(kind: str, project: Path, out: Path) -> Path:
    """Build an ``sdist`` or a ``wheel`` of a project, as pip does."""
    build = f"from setuptools import build_meta; build_meta.build_{kind}({str(out)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=project, check=True, capture_output=True)
    (archive,) = [path for path in out.iterdir() if path.suffix in (".gz", ".whl")]
    return archive


def test_a_source_archive_is_whole(source, tmp_path):
    wanted = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    with tarfile.open(built("sdist", source, tmp_path)) as files:
        packed = {name.partition("/")[2] for name in files.getnames()}
    assert wanted - packed == set()


def test_a_robot_gets_no_training_package(source, tmp_path):
    wheel = built("wheel", source, tmp_path)
    assert wheel.name.startswith(f"fer_ros-{fer_ros.__version__}-")
    with zipfile.ZipFile(wheel) as files:
        names = files.namelist()
        (entry_points,) = [name for name in names if name.endswith("/entry_points.txt")]
        scripts = files.read(entry_points).decode()
    assert not [name for name in names if "fer_training" in name]
    assert "fer-ros = fer_ros.apps.cli:main" in scripts
    assert "fer-train" not in scripts
    packed = {name.partition("/data/")[2] or name for name in names}
    for folder in ("fer_ros/models", "fer_ros/assets", "fer_ros/view/page"):
        for path in (source / folder).iterdir():
            assert path.relative_to(source).as_posix() in packed
    for path in (*(source / "msg").iterdir(), *(source / "launch").iterdir()):
        assert f"share/fer_ros/{path.parent.name}/{path.name}" in packed


def test_the_training_package_is_a_project_of_its_own(source, tmp_path):
    wheel = built("wheel", source / "fer_training", tmp_path)
    assert wheel.name.startswith(f"fer_training-{fer_ros.__version__}-")
    with zipfile.ZipFile(wheel) as files:
        names = files.namelist()
        (about,) = [name for name in names if name.endswith("/METADATA")]
        asked = files.read(about).decode()
    assert f"Requires-Dist: fer_ros[train]=={fer_ros.__version__}" in asked
    assert "fer_training/recipes/arch1.yaml" in names
    assert "fer_training/recipes/on/ckplus.yaml" in names
    assert "fer_training/ship/heldout.json" in names
    assert "fer_training/setup.py" not in names
    modules = {path.relative_to(source).as_posix() for path in source.glob("fer_training/*/*.py")}
    assert modules <= set(names)


def test_cmake_can_read_the_lists(tmp_path):
    """CMake's own parser: everything up to the first find_package that fails is syntax."""
    if shutil.which("cmake") is None:
        pytest.skip("cmake is not installed")
    script = tmp_path / "check.cmake"
    script.write_text(f"function(parse)\n{CMAKE}\nendfunction()\n", encoding="utf-8")
    subprocess.run(["cmake", "-P", str(script)], check=True, capture_output=True)


def test_launch_files_are_python_with_a_description():
    files = sorted((ROOT / "launch").glob("*.launch.py"))
    assert "fer.launch.py" in [path.name for path in files]
    for path in files:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree)
        functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        assert "generate_launch_description" in functions


def test_the_parameter_file_is_valid_yaml():
    for path in (ROOT / "config").glob("*.yaml"):
        assert yaml.safe_load(path.read_text(encoding="utf-8"))


def test_no_two_test_files_have_one_name():
    """pytest imports them by their bare names."""
    names = [path.name for path in (ROOT / "test").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def test_every_file_has_the_licence_header_that_ament_copyright_wants():
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout, whose files are checked")
    script = ROOT / "tools" / "licence_headers.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"run python3 tools/licence_headers.py for {done.stdout}"
