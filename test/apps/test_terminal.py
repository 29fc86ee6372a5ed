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
"""What messages bring to a terminal: as text, neither as markup nor as commands to the terminal."""

from __future__ import annotations

import io
import math
import sys
import tracemalloc

import numpy as np
import pytest
from sample_faces import sample_face

from fer_ros.apps.children import Child
from fer_ros.apps.echo import _Board
from fer_ros.apps.message_text import message_text
from fer_ros.apps.table import MOST_ROWS, LiveTable, faces_table
from fer_ros.perception.types import FaceEmotion, Frame, FrameResult, Origin
from fer_ros.transport import messages
from fer_ros.transport.base import TopicInfo
from fer_ros.transport.codec import encode, message_class

LABELS = ("angry", "happy", "sad")

HOSTILE = [
    "[/k7w2xq_1]", "[bold]", "[red]x[/blue]", "[link=http://x]y", "\\[", "[", "\x1b]0;title\x07",
    "\x1b[8m", "\x9b31m", "\x7f", "\u202egnp", "line\nline", "\r", "\0", "\U000e0001", "",
    "x" * 100_000,
]  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def face(track: str = "a_1", label: str = "happy", **more) -> FaceEmotion:
    probabilities = more.pop("rows", [0.1, 0.7, 0.2])
    return sample_face(track, label, more.pop("confidence", 0.7), probabilities=probabilities)


def shown(*parts, terminal: bool = False) -> str:
    out = Terminal() if terminal else io.StringIO()
    with LiveTable(out) as table:
        table.show(*parts)
    return out.getvalue()


def check(text: str, hostile: str) -> None:
    """Fail when a terminal would obey anything that is not this program's own."""
    for bad in ("\x1b]", "\x1b[8m", "\x9b", "\x7f", "\u202e", "\x07", "\0", "\U000e0001"):
        assert bad not in text
    assert len(text) < 20_000
    if hostile.isprintable() and len(hostile) < 50:
        assert hostile[:12] in text


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("hostile", HOSTILE)
def test_the_faces_table_shows_hostile_texts_as_they_are(hostile: str, terminal: bool) -> None:
    labels = ("angry", hostile, "sad")
    faces = [face(track=hostile), face(label=hostile), face(label="uncertain")]
    check(shown(faces_table(faces, labels, 120), terminal=terminal), hostile)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_the_table_of_the_graph_does_too(hostile: str) -> None:
    board = _Board()
    topic = TopicInfo(f"/{hostile}", messages.EMOTION_ARRAY, 1, reliable=True, latched=False)
    frame = Frame(np.zeros((48, 64, 3), np.uint8), 1, "camera", hostile)
    result = FrameResult(frame, [face(track=hostile)])
    origin = Origin(LABELS, hostile, "0" * 64, hostile)
    board.receive(topic, encode(messages.emotion_array(result, origin, 1.0)))
    text = shown(*board.shown([topic], 1, 200))
    check(text, hostile)
    assert "64x48" in text or len(hostile) > 1000


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_message_is_printed_with_escapes(hostile: str) -> None:
    status = message_class("diagnostic_msgs/msg/DiagnosticStatus")(
        level=0, name=hostile, message=hostile, hardware_id="", values=[]
    )
    text = message_text(status)
    check(text, hostile if "\\" not in hostile else "")
    assert text.count("\n") == 5, "no text ends a line"
    cut = "more characters" in text
    assert cut == (len(hostile) > 10_000)


def test_an_image_is_cut_before_it_becomes_text() -> None:
    image = messages.image(np.full((1000, 1000, 3), 7, np.uint8), 1, "camera")
    tracemalloc.start()
    text = message_text(image)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "data: [7, 7," in text
    assert "# and 2999984 more" in text
    assert peak < 1_000_000


def test_long_arrays_of_messages_are_cut() -> None:
    array = messages.diagnostic_array(
        0, [messages.Status(0, f"part {n}", "", {}) for n in range(5000)]
    )
    text = message_text(array)
    assert "part 99" in text
    assert "part 100" not in text
    assert "# and 4900 more" in text


@pytest.mark.parametrize(
    "odd",
    [
        face(confidence=math.nan), face(confidence=math.inf), face(confidence=-1e30),
        face(rows=np.zeros(0, np.float32)), face(label="uncertain", rows=np.zeros(0, np.float32)),
        face(rows=np.full(3, math.nan, np.float32)), face(rows=np.ones(50, np.float32)),
        face(label="", track=""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("labels", [LABELS, (), ("happy",)])
def test_numbers_that_do_not_fit_do_not_end_the_table(odd: FaceEmotion, labels) -> None:
    assert "track" in shown(faces_table([odd], labels, 120))


def test_of_many_faces_the_rest_is_counted() -> None:
    text = shown(faces_table([face(track=f"t_{n}") for n in range(MOST_ROWS + 7)], LABELS, 120))
    assert text.count("t_") == MOST_ROWS
    assert "and 7 more" in text


def test_bytes_that_are_no_message_count_as_traffic() -> None:
    board = _Board()
    topic = TopicInfo("/fer/emotions", messages.EMOTION_ARRAY, 1, reliable=True, latched=False)
    board.receive(topic, b"\0\1\0\0" + b"\xff" * 60)
    assert "/fer/emotions" in shown(*board.shown([topic], 1, 120))


def test_what_is_kept_of_the_graph_is_bounded() -> None:
    board = _Board()
    for number in range(200):
        topic = TopicInfo(f"/t{number}", messages.EMOTION_ARRAY, 1, reliable=True, latched=False)
        frame = Frame(np.zeros((48, 64, 3), np.uint8), 1, "camera", f"/c{number}")
        origin = Origin(LABELS, "net", "0" * 64, "haar")
        board.receive(topic, encode(messages.emotion_array(FrameResult(frame, []), origin, 1.0)))
    assert len(board._arrays) <= 32
    board.shown([topic], 1, 120)
    assert len(board._traffic) == 1, "topics that are gone are forgotten"


def test_what_a_child_prints_is_cleaned(monkeypatch) -> None:
    """The demo repeats it on its own terminal."""
    monkeypatch.setattr(sys, "executable", "/bin/echo")
    with Child("loud", ["\x1b]0;title\x07", "x" * 10_000]) as child:
        while not child.ended():
            pass
        output = child.output()
    assert "title" in output
    assert output.isprintable()
    assert len(output) < 3000
