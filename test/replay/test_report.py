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

"""The report in a real browser: its numbers are those of the files, and it needs nothing else."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest
from bags import CAMERA, START, blank, recording

from fer_ros.perception.types import STAGES
from fer_ros.transport import codec, messages
from fer_ros.transport.bag import BagReader

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


class Page(HTMLParser):
    """Collects metrics, tags and errors of a page."""

    def __init__(self, text):
        super().__init__()
        self.metrics, self.tags = {}, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if "data-metric" in attributes:
            self.metrics[attributes["data-metric"]] = attributes["data-value"]

    def classes(self, tag):
        return [a.get("class", "") for t, a in self.tags if t == tag]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Open a page in headless Chromium; return its DOM after scripts have run."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine (apt-get install chromium)")

    def open_page(path, *flags):
        profile = tmp_path_factory.mktemp("profile")
        words = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", *flags, path.as_uri()]
        return subprocess.run(words, capture_output=True, text=True, timeout=120).stdout

    return open_page


def lookup(documents, path):
    value = documents
    for key in path.split("."):
        value = value[key]
    return value


def test_numbers_in_the_browser_are_those_of_the_files(browser, happy_result):
    page = Page(browser(happy_result / "report.html", "--dump-dom"))
    documents = json.loads((happy_result / "metrics.json").read_text())
    documents |= json.loads((happy_result / "latency.json").read_text())
    assert len(page.metrics) > 60
    for path, text in page.metrics.items():
        value = lookup(documents, path)
        assert (None if text == "" else float(text)) == value, path
    for path in ("balanced_accuracy", "ece", "latency_ms.total.p99", "recording.frames"):
        assert path in page.metrics
    assert page.classes("svg").count("track") == documents["tracks"]["count"]


def test_the_script_shows_what_lies_under_the_pointer(browser, happy_result, tmp_path):
    # A copy without the page's own policy, which would not let this script run.
    text = re.sub(r"<meta http-equiv.*?>", "", (happy_result / "report.html").read_text())
    moved = text.replace(
        "</body>",
        """<script>
        const svg = document.querySelector("svg.track"), box = svg.getBoundingClientRect();
        svg.dispatchEvent(new PointerEvent("pointermove",
            {clientX: box.left + box.width / 2, clientY: box.top + 5}));
        document.title = document.getElementById("tip").textContent;
        </script></body>""",
    )  # fmt: skip
    path = tmp_path / "moved.html"
    path.write_text(moved)
    title = re.search(r"<title>(.*?)</title>", browser(path, "--dump-dom"), re.DOTALL).group(1)
    assert re.match(r"\+\d\.\d\d s\nlabel  \w+\n", title)
    assert len(re.findall(r"0\.\d{3}  [a-z]+", title)) == 3


def test_a_picture_of_the_page_is_not_blank(browser, happy_result, tmp_path):
    cv2 = pytest.importorskip("cv2")
    shot = tmp_path / "shot.png"
    browser(happy_result / "report.html", f"--screenshot={shot}", "--window-size=1100,1500")
    picture = cv2.imread(str(shot))
    assert picture.shape[1] == 1100
    assert picture[:, :, 0].std() > 15


def test_the_page_loads_nothing(happy_result):
    text = (happy_result / "report.html").read_text()
    page = Page(text)
    for tag, attributes in page.tags:
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith(("data:", "#")), (tag, attributes)
    assert "default-src 'none'" in text
    assert not re.search(r"url\((?!#)", text)
    assert "unsafe" not in text
    assert "http://" not in text
    assert "https://" not in text


def test_faces_are_shown_only_on_request(command, happy_bag, tmp_path):
    # Named at once, so that the moments between two expressions are mistakes.
    hasty = ["-p", "uncertain_threshold:=0.0", "-p", "smoothing_time:=1.0"]
    for asked in ([], ["--with-crops"]):
        out = tmp_path / f"out{len(asked)}"
        assert command("replay", happy_bag, "--out", out, *asked, ros_args=hasty) == 0
        shown = "data:image/jpeg" in (out / "report.html").read_text()
        assert shown == bool(asked)


EVIL = "<img src=x onerror=alert(3)>"
MARKUP = ("<img src=x", "<script>alert", "<b onmouse", "<i>")


def test_names_from_a_recording_cannot_inject_markup(command, browser, tmp_path):
    folder = tmp_path / "<b onmouseover=alert(4)>bag"
    with recording(folder) as bag:
        strange = messages.image(blank(), START, "c")
        strange.encoding = EVIL
        bag.raw(f"/{EVIL}", messages.IMAGE, codec.encode(strange), START)
        bag.image(blank(), START + 1, f"/{EVIL}")
    assert command("replay", folder, "--out", tmp_path / "out") == 0
    text = (tmp_path / "out" / "report.html").read_text()
    assert not any(mark in text for mark in MARKUP)
    assert "&lt;img src=x" in text


def answers_of(folder, source, **changes):
    """Answers to the images of a recording, as a stranger could have written them."""
    labels = changes.pop("labels", ["angry", "disgust", "fear", "happy", "sad", "surprise"])
    even = np.full(len(labels), 1 / len(labels), np.float32)
    values = {
        "track_id": "t", "landmarks": [], "detection_confidence": 0.9, "label": labels[0],
        "probabilities": even, "smoothed_probabilities": even, "confidence": 0.9, "quality": 1.0,
        "prediction_age_ms": 0.0,
    } | changes  # fmt: skip
    box = messages.message_class("sensor_msgs/msg/RegionOfInterest")(90, 50, 140, 140, False)
    stages = {f"{stage}_ms": 1.0 for stage in STAGES}
    with recording(folder) as bag:
        for message in BagReader(source).messages([CAMERA]):
            array = codec.message_class(messages.EMOTION_ARRAY)(
                header=messages.header(message.time_ns, "c"), source_topic=CAMERA, width=320,
                height=240, labels=labels, model_id="<b onmouseover=alert(4)>", model_digest="x",
                detector="<i>", age_ms=1.0, **stages,
                faces=[codec.message_class("fer_ros/msg/Emotion")(roi=box, **values)],
            )  # fmt: skip
            bag.raw("/fer/emotions", messages.EMOTION_ARRAY, codec.encode(array), message.time_ns)
    return folder


def test_results_of_strangers_cannot_run_a_script(command, browser, happy_bag, tmp_path):
    labels = ["<script>alert(5)</script>", "happy", "surprise"]
    answers = answers_of(tmp_path / "answers", happy_bag, track_id=EVIL, labels=labels)
    out = tmp_path / "out"
    assert command("replay", happy_bag, "--answers", answers, "--out", out) == 0
    text = (out / "report.html").read_text()
    assert not any(mark in text for mark in MARKUP)
    dom = Page(browser(out / "report.html", "--dump-dom"))
    assert [a for tag, a in dom.tags if tag == "img"] == []
    assert len([a for tag, a in dom.tags if tag == "script"]) == 2
    # Even a script that stood in the page would not run: only the page's own hash is allowed.
    injected = tmp_path / "injected.html"
    injected.write_text(text.replace("</main>", "<script>document.title = 'run'</script></main>"))
    assert "<title>run</title>" not in browser(injected, "--dump-dom")
    assert "<title>Replay of" in browser(injected, "--dump-dom")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"label": "grumpy"}, "the label 'grumpy' is none of its own classes"),
        ({"probabilities": np.array([0.5, 0.5], np.float32)}, "2 probabilities of 6 classes"),
        ({"probabilities": np.full(6, np.nan, np.float32)}, "probabilities outside 0..1"),
        ({"smoothed_probabilities": np.full(6, 7, np.float32)}, "smoothed_probabilities outside"),
        ({"confidence": float("inf")}, "a confidence that is no number"),
        ({"track_id": 300 * "x"}, "a name of 300 characters"),
        ({"labels": ["a", "a"]}, "2 classes, which must be"),
        ({"labels": [str(n) for n in range(99)]}, "an EmotionArray of 99 classes"),
    ],
)
def test_results_that_make_no_sense_are_refused_in_words(
    command, happy_bag, tmp_path, capsys, changes, reason
):
    answers = answers_of(tmp_path / "answers", happy_bag, **changes)
    arguments = ("--answers", answers, "--out", tmp_path / "out")
    assert command("replay", happy_bag, *arguments) == 2
    assert reason in capsys.readouterr().err
    assert not list(tmp_path.glob("*out*"))


def test_a_narrow_page_shows_every_column(command, browser, happy_result, tmp_path):
    """On a telephone nothing is wider than the page."""
    text = re.sub(r"<meta http-equiv.*?>", "", (happy_result / "report.html").read_text())
    probe = """<script>
        const wide = [...document.querySelectorAll("main *")].filter((e) => !e.closest("svg svg")
            && e.getBoundingClientRect().right > innerWidth + 1);
        document.title = "wide " + wide.length + " of " + innerWidth;
        </script></body>"""
    path = tmp_path / "frame.html"
    inner = tmp_path / "narrow.html"
    inner.write_text(text.replace("</body>", probe))
    # Headless windows are at least 500 pixels wide; a frame can be as narrow as a telephone.
    path.write_text(
        "<iframe src='narrow.html' width='390' height='800' style='border:0'></iframe><script>"
        "onload = () => { document.title = frames[0].document.title; }</script>"
    )
    dom = browser(path, "--dump-dom", "--allow-file-access-from-files")
    assert "<title>wide 0 of 390</title>" in dom


def test_long_names_are_shortened(command, tmp_path, capsys):
    with recording(tmp_path / "bag") as bag:
        strange = messages.image(blank(), START, "c")
        strange.encoding = 3_000_000 * "x"
        for index in range(3):
            bag.raw(CAMERA, messages.IMAGE, codec.encode(strange), START + index)
    out = tmp_path / "out"
    assert command("replay", tmp_path / "bag", "--out", out) == 1
    captured = capsys.readouterr()
    assert len(captured.err + captured.out) < 3000
    for name in ("report.html", "metrics.json", "results.jsonl", "junit.xml"):
        assert (out / name).stat().st_size < 60_000, name
    assert "none of 3 images could be processed" in captured.err


def test_a_second_run_into_the_folder_keeps_the_history(command, happy_bag, browser, tmp_path):
    out = tmp_path / "out"
    for _ in range(3):
        assert command("replay", happy_bag, "--out", out, "--overwrite") == 0
    rows = [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]
    assert len(rows) == 3
    assert len({row["labels_sha256"] for row in rows}) == 1
    text = (out / "report.html").read_text()
    assert "Earlier runs" in text
    assert text.count('class="whisker"') == 3
