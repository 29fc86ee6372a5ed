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

"""Replays on a real Dask cluster, on loopback."""

from __future__ import annotations

import json

import pytest
from bags import START, recording

from fer_ros.replay import parallel

distributed = pytest.importorskip("distributed", reason="Dask is not installed (extra [dask])")


@pytest.fixture
def cluster():
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(host="127.0.0.1", **options) as running:
        yield running


# Dask leaves sockets of its own to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_recording_a_task_and_failures_reported(
    cluster, command, happy_bag, happy_result, tmp_path, capsys
):
    with recording(tmp_path / "empty") as bag:
        bag.label("happy", START)
    out = tmp_path / "out"
    address = cluster.scheduler_address
    bags = (happy_bag, tmp_path / "empty")
    assert command("replay", *bags, "--out", out, "--scheduler", address) == 2
    assert "holds no images" in capsys.readouterr().err
    summary = json.loads((out / "summary.json").read_text())
    assert [bool(row["error"]) for row in summary["recordings"]] == [False, True]
    for name in ("results.jsonl", "bag/bag.mcap"):
        assert (out / "happy" / name).read_bytes() == (happy_result / name).read_bytes()
    assert command("replay", *bags, "--out", out, "--scheduler", address, "--resume") == 2
    assert "finished before" in capsys.readouterr().out


def test_a_scheduler_that_is_not_there(command, happy_bag, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(parallel, "CONNECT_TIMEOUT", 1.0)
    arguments = ("--scheduler", "tcp://127.0.0.1:1")
    assert command("replay", happy_bag, "--out", tmp_path / "out", *arguments) == 2
    assert "no Dask scheduler responds" in capsys.readouterr().err
