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

"""The README's behaviour does what the README says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from observing import wait_for

pytestmark = pytest.mark.ros

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_behaviour_greets_a_smiling_track_once(start, emotion_node, observer, prefix, tmp_path):
    from fer_ros.msg import Emotion, EmotionArray

    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    script = tmp_path / "greeter.py"
    script.write_text(code, encoding="utf-8")
    greeter = start(sys.executable, str(script))
    answers = observer.listen(EmotionArray, "/fer/emotions")
    # JPEG: of raw images, best effort over UDP, a busy machine loses most.
    start(prefix / "lib" / "fer_ros" / "camera", "--rate", "10", "--compressed")
    emotion_node("-p", "autostart:=true", "-p", "image_transport:=compressed")
    greeter.says("hello, ")

    def smiles() -> int:
        return sum(face.label == Emotion.HAPPY for array in answers for face in array.faces)

    before = smiles()
    wait_for(lambda: smiles() > before + 10, "more smiles")
    greeted = re.findall(r"hello, (\S+) \(\d+% sure\)", greeter.output)
    assert len(greeted) == len(set(greeted))

    def smiling() -> set[str]:
        return {f.track_id for array in answers for f in array.faces if f.label == Emotion.HAPPY}

    # Each subscriber hears an answer in its own time.
    wait_for(lambda: set(greeted) <= smiling(), "smiles of those who were greeted")
    assert "Traceback" not in greeter.output
