"""The report in a real browser: its numbers are those of the files, and it needs nothing else."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

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
    # The page's own policy allows inline scripts, so a copy can move the pointer by itself.
    moved = (happy_result / "report.html").read_text().replace(
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
            assert attributes.get(name, "data:").startswith("data:"), (tag, attributes)
    assert "default-src 'none'" in text
    assert not re.search(r"url\((?!#)", text)
    assert "http://" not in text
    assert "https://" not in text


def test_faces_are_shown_only_on_request(command, happy_bag, happy_result, tmp_path):
    assert "data:image/jpeg" in (happy_result / "report.html").read_text()
    assert command("replay", happy_bag, "--out", tmp_path / "out") == 0
    assert "data:image/jpeg" not in (tmp_path / "out" / "report.html").read_text()


def test_names_from_a_recording_cannot_inject_markup(command, tmp_path):
    from bags import START, blank, recording

    with recording(tmp_path / "<b>bag") as bag:
        bag.image(blank(), START)
    assert command("replay", tmp_path / "<b>bag", "--out", tmp_path / "out") == 0
    assert "<b>bag" not in (tmp_path / "out" / "report.html").read_text()
