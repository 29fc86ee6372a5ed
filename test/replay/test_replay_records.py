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

"""Files of a replay through their one reader and one writer."""

from __future__ import annotations

import json

import pytest

from fer_ros.replay import records
from fer_ros.replay.lines import FrameLine, TrackLine
from fer_ros.replay.results import SCHEMA, LatencyRecord, Metrics
from fer_ros.replay.verdicts import HistoryRow, RunRecord, Verdict

KINDS = {
    "metrics.json": Metrics,
    "latency.json": LatencyRecord,
    "verdict.json": Verdict,
    "run.json": RunRecord,
}
LINES = {"results.jsonl": FrameLine, "tracks.jsonl": TrackLine, "history.jsonl": HistoryRow}


@pytest.mark.parametrize("name", KINDS)
def test_what_was_written_is_read_and_written_the_same(happy_result, tmp_path, name):
    record = records.read(happy_result / name, KINDS[name])
    records.write(tmp_path / name, record)
    assert json.loads((tmp_path / name).read_text()) == json.loads(
        (happy_result / name).read_text()
    )


@pytest.mark.parametrize("name", LINES)
def test_lines_are_read_and_written_the_same(happy_result, name):
    lines = list(records.read_lines(happy_result / name, LINES[name]))
    assert "".join(map(records.line, lines)) == (happy_result / name).read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.pop("accuracy"), "metrics.json: missing key accuracy"),
        (lambda m: m.update(mood=1), "metrics.json: unknown key mood"),
        (lambda m: m["run"].pop("bag"), "metrics.json: missing key run.bag"),
        (lambda m: m["recording"].update(frames="many"), "recording.frames must be int"),
        (lambda m: m["recording"].update(frames=True), "recording.frames must be int"),
        (lambda m: m.update(accuracy="high"), "accuracy must be float, not 'high'"),
        (lambda m: m["evaluation"].update(spans={}), "evaluation.spans must be a list"),
        (
            lambda m: m["evaluation"]["spans"][0].update(box=[1, 2]),
            "spans.box must have 4",
        ),
        (lambda m: m["recording"].update(cameras=[]), "recording.cameras must be a mapping"),
        (lambda m: m.update(schema=1), "has schema 1, this version reads 3"),
    ],
)
def test_a_wrong_field_is_named_with_its_file(happy_result, tmp_path, change, said):
    content = json.loads((happy_result / "metrics.json").read_text())
    change(content)
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps(content))
    with pytest.raises(records.RecordError) as error:
        records.read(path, Metrics, SCHEMA)
    assert said in str(error.value)
    assert str(path) in str(error.value)


def test_a_wrong_line_is_named(tmp_path):
    path = tmp_path / "tracks.jsonl"
    path.write_text('{"track_id": 5}\n')
    with pytest.raises(records.RecordError, match=r"tracks\.jsonl, line 1: track_id must be str"):
        list(records.read_lines(path, TrackLine))


def test_numbers_are_found_by_dotted_names_in_records_and_mappings(happy_result):
    metrics = records.read(happy_result / "metrics.json", Metrics, SCHEMA)
    found = {"/a.b/image": metrics.recording, "/a": {"b/image": 7}, "yes": True}
    assert records.number(metrics, "recording.cameras./camera/image_raw.frames") == 45
    assert records.number(found, "/a.b/image.frames") == 45
    assert records.number(found, "yes") == 1
    for nowhere in ("recording", "accuracy.mean", "evaluation.spans.count", "moods", "run.bag", ""):
        assert records.number(metrics, nowhere) is None
