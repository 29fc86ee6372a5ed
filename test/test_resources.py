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

"""The package's shared files are found wherever an install puts them."""

from __future__ import annotations

import shutil
import site
from pathlib import Path

import pytest

from fer_ros import resources

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user's base folder, with no package and no other install around."""
    monkeypatch.setenv("PYTHONUSERBASE", str(tmp_path))
    for name in ("USER_BASE", "USER_SITE"):
        monkeypatch.setattr(site, name, None)  # computed anew
    monkeypatch.delenv("AMENT_PREFIX_PATH", raising=False)
    monkeypatch.setattr(resources.sysconfig, "get_path", lambda _: str(tmp_path / "empty"))
    monkeypatch.setattr(resources.sys, "prefix", str(tmp_path / "empty"))
    monkeypatch.setattr(resources, "PACKAGE", Path(site.getusersitepackages()) / "fer_ros")
    return tmp_path


def test_files_of_a_user_install_are_found(elsewhere: Path) -> None:
    shutil.copytree(ROOT / "msg", elsewhere / "share" / "fer_ros" / "msg")
    assert resources.share_path("msg") == elsewhere / "share" / "fer_ros" / "msg"


def test_files_of_the_environment_come_after_the_users(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for base in (elsewhere, elsewhere / "empty"):
        shutil.copytree(ROOT / "msg", base / "share" / "fer_ros" / "msg")
    assert resources.share_path("msg") == elsewhere / "share" / "fer_ros" / "msg"
    monkeypatch.setattr(resources, "PACKAGE", elsewhere / "empty" / "lib" / "fer_ros")
    assert resources.share_path("msg") == elsewhere / "empty" / "share" / "fer_ros" / "msg"


def test_absence_is_told_with_the_places(elsewhere: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"empty/share/fer_ros.*is the install whole"):
        resources.share_path("msg")
