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

"""The label file that a person fills in, and its way back into a replay."""

from __future__ import annotations

import csv
import json
import re
import time
from contextlib import suppress

import cv2
import numpy as np
import pytest
from bags import CAMERA, START
from browser import chromium, set_size
from sample_faces import sample_face
from support import wait_for

from fer_ros.perception.types import Box, Frame, FrameResult, StageTimes
from fer_ros.replay.judge.stretches import Stretches


def rows_of(out):
    with (out / "labels.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_whole_track_becomes_a_row_that_a_replay_takes_back(command, happy_bag, tmp_path, capsys):
    out = tmp_path / "skeleton"
    assert command("label", happy_bag, "--out", out, "--whole-tracks") == 0
    assert "1 rows of 1 tracks" in capsys.readouterr().out
    (row,) = rows_of(out)
    assert row["topic"] == CAMERA
    assert row["label"] == ""
    assert abs(float(row["start"]) - START / 1e9) < 0.3
    assert abs(float(row["end"]) - START / 1e9 - 3.0) < 0.1
    strip = cv2.imread(str(out / row["thumbnail"]))
    assert strip.shape[0] == 96
    assert 5 * 96 <= strip.shape[1] <= 8 * 96
    filled = out / "filled.csv"
    filled.write_text((out / "labels.csv").read_text().replace(",,face", ",Happiness,face"))
    arguments = ("--labels", filled, "--overwrite")
    assert command("replay", happy_bag, "--out", tmp_path / "out", *arguments) == 0
    spans = json.loads((tmp_path / "out" / "metrics.json").read_text())["evaluation"]["spans"]
    (span,) = [span for span in spans if "filled.csv" in span["source"]]
    assert span["label"] == "happy"
    assert span["frames"] - span["detected"] <= 2


@pytest.fixture(scope="module")
def skeleton(command, happy_bag, tmp_path_factory):
    """The label folder of happy, surprise, neutral, a second each."""
    out = tmp_path_factory.mktemp("skeleton") / "out"
    assert command("label", happy_bag, "--out", out, "--page", "--shortest", 0.3) == 0
    return out


def test_rows_are_split_where_the_expression_changes(skeleton):
    rows = rows_of(skeleton)
    assert len(rows) == 3
    assert len({row["track"] for row in rows}) == 1
    assert len({row["thumbnail"] for row in rows}) == 3
    times = [[float(row[key]) - START / 1e9 for key in ("start", "end")] for row in rows]
    assert [start for start, _ in times[1:]] == [end for _, end in times[:-1]]
    for (_, end), truth in zip(times, (1.0, 2.0, 3.0)):
        assert -0.2 < end - truth < 0.9  # smoothing lags, and the face changes slowly
    for row in rows:
        # The time stands in the lower edge of each picture: white on dark.
        band = cv2.imread(str(skeleton / row["thumbnail"]), cv2.IMREAD_GRAYSCALE)[-11:]
        for left in range(0, band.shape[1], 96):
            assert band[:, left : left + 60].max() > 180
            assert np.median(band[:, left : left + 96]) < 70


def stretches_of(labels, shortest=0.5, split=True, period=100_000_000):
    found = []
    stretches = Stretches(found.append, shortest, split)
    image = np.zeros((120, 120, 3), np.uint8)
    for index, label in enumerate(labels):
        face = sample_face("t", label, box=Box(10, 10, 80, 80))
        frame = Frame(image, index * period, "", "/c")
        stretches.add(FrameResult(frame, [face], StageTimes()), index * period)
    stretches.finish()
    return [(s.label, round(s.start_ns / period), round(s.end_ns / period)) for s in found]


def test_changes_that_do_not_last_and_doubt_split_nothing():
    assert stretches_of(["h"] * 10 + ["s"] * 10) == [("h", 0, 9), ("s", 10, 19)]
    assert stretches_of(["h"] * 10 + ["s"] * 3 + ["h"] * 10) == [("h", 0, 22)]
    assert stretches_of(["h"] * 10 + ["uncertain"] * 9 + ["h"] * 10) == [("h", 0, 28)]
    doubt = ["uncertain"] * 9 + ["h"] * 10 + ["uncertain"] * 5 + ["s"] * 10
    assert stretches_of(doubt) == [("h", 0, 23), ("s", 24, 33)]
    assert stretches_of(["h"] * 2 + ["s"] * 10) == [("s", 0, 11)]
    assert stretches_of(["h"] * 10 + ["s"] * 3) == [("h", 0, 12)]
    assert stretches_of(["h", "s", "a"] * 10) == [("h", 0, 29)]
    assert stretches_of(["h"] * 10 + ["s"] * 10, split=False) == [("", 0, 19)]


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


def downloaded(folder, count):
    end = time.monotonic() + 20
    while len([*folder.glob("*.csv")]) < count:
        assert time.monotonic() < end, [*folder.iterdir()]
        time.sleep(0.05)
    return max(folder.glob("*.csv"), key=lambda path: path.stat().st_mtime_ns)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_person_clicks_through_the_page_and_saves(
    driver, skeleton, command, happy_bag, tmp_path, width
):
    set_size(driver, width, 900)
    driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    driver.get((skeleton / "label.html").as_uri())
    driver.execute_script("localStorage.clear()")
    driver.refresh()
    state = driver.find_element("id", "state")
    assert state.text == "0 of 3 labelled"
    wide = driver.execute_script(
        "return [...document.querySelectorAll('main *')]"
        ".filter((e) => e.getBoundingClientRect().right > innerWidth + 1).length"
    )
    assert wide == 0
    first = driver.find_element("css selector", '[data-row="0"] [data-label="sad"]')
    first.click()
    assert first.get_attribute("aria-pressed") == "true"
    assert "1 of 3 labelled, not saved yet" in state.text
    body = driver.find_element("tag name", "body")
    body.send_keys("u")  # taken back
    assert "0 of 3" in state.text
    driver.find_element("css selector", '[data-row="0"] [data-label="happy"]').click()
    body.send_keys("i")  # the second row, by key
    driver.refresh()  # what was chosen is still there
    with suppress(Exception):  # headless browsers do not ask every time
        driver.switch_to.alert.accept()
    state = driver.find_element("id", "state")
    assert state.text == "2 of 3 labelled, not saved yet"
    driver.find_element("id", "save").click()
    path = downloaded(tmp_path, 1)
    assert state.text == "2 of 3 labelled"
    before, after = (rows_of_file(file) for file in (skeleton / "labels.csv", path))
    assert [row["label"] for row in after] == ["happy", "ignore", ""]
    assert [{**row, "label": ""} for row in after] == before
    out = tmp_path / "out"
    assert command("replay", happy_bag, "--labels", path, "--out", out) == 0
    counts = json.loads((out / "metrics.json").read_text())["evaluation"]["labels"]
    assert counts["rows_blank"] == 1
    errors = [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert not errors


def test_two_tabs_keep_each_others_choices(driver, skeleton, tmp_path):
    driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    address = (skeleton / "label.html").as_uri()
    driver.get(address)
    driver.execute_script("localStorage.clear()")
    driver.refresh()
    first = driver.current_window_handle

    def choose(row, label):
        button = driver.find_element("css selector", f'[data-row="{row}"] [data-label="{label}"]')
        driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()

    def state():
        return driver.find_element("id", "state").text

    choose(0, "happy")
    driver.switch_to.new_window("tab")
    second = driver.current_window_handle
    try:
        driver.get(address)
        assert state() == "1 of 3 labelled, not saved yet"
        driver.switch_to.window(first)
        choose(1, "sad")
        driver.switch_to.window(second)
        choose(2, "fear")
        assert state() == "3 of 3 labelled, not saved yet"
        choose(0, "angry")
        driver.switch_to.window(first)
        body = driver.find_element("tag name", "body")
        body.send_keys("u", "u")  # of its own two, the second has been overruled by the other tab
        assert state() == "2 of 3 labelled, not saved yet"
        driver.find_element("id", "save").click()
        rows = rows_of_file(downloaded(tmp_path, 1))
        assert [row["label"] for row in rows] == ["angry", "", "fear"]
        driver.switch_to.window(second)
        wait_for(lambda: state() == "2 of 3 labelled")
        driver.close()
    finally:
        driver.switch_to.window(first)


def rows_of_file(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_page_needs_nothing_else_and_tells_no_results(skeleton):
    text = (skeleton / "label.html").read_text()
    assert "default-src 'none'" in text
    assert "unsafe" not in text
    assert not re.search(r"""(src|href)=["'](?!data:)""", text)
    data = json.loads(re.search(r'id="data">(.*?)</script>', text).group(1))
    assert all(row[data["columns"].index("label")] == "" for row in data["rows"])
    assert data["labels"][-1] == "ignore"


def test_interrupted_and_wrong_requests_leave_nothing(command, happy_bag, tmp_path, capsys):
    assert command("label", tmp_path / "nowhere", "--out", tmp_path / "out") == 2
    assert "there is no recording" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_short_tracks_are_left_out(command, happy_bag, tmp_path):
    assert command("label", happy_bag, "--out", tmp_path / "out", "--shortest", 10) == 0
    assert len((tmp_path / "out" / "labels.csv").read_text().splitlines()) == 1


def test_pictures_do_not_go_into_the_recording(command, happy_bag, capsys):
    assert command("label", happy_bag, "--out", happy_bag / "labels") == 2
    assert "inside the recording" in capsys.readouterr().err
