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

"""Files for the tests of ``fer-ros read``, and events on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
from reading_samples import TIMES, showing
from videos import write_video

from fer_ros.apps import read as command


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    images = [showing("happy", "surprise", moment=time / 1000) for time in TIMES]
    return write_video(tmp_path_factory.mktemp("film") / "talk.mp4", images, TIMES)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos") / "photos"
    (folder / "sub").mkdir(parents=True)
    for number, name in enumerate(("happy", "fear", "neutral", "sad", "angry", "surprise")):
        place = "sub/" if number % 2 else ""
        cv2.imwrite(str(folder / f"{place}{number}.png"), showing(name))
    return folder


@pytest.fixture
def after_events(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let something happen when so many events have come."""

    def plan(count: int, act: Any) -> None:
        original = command.read_here

        def watched(*arguments: Any) -> Iterator[Any]:
            for number, event in enumerate(original(*arguments)):
                if number == count:
                    act()
                yield event

        monkeypatch.setattr(command, "read_here", watched)

    return plan
