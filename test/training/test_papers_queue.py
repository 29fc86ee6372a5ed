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

"""The queue of runs that the page of results needs: its list, its order, and that it runs."""

from __future__ import annotations

import ast
import itertools
import re
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra (PyTorch)")
import synthetic_faces

from fer_training.commands.cli import main
from fer_training.papers import compare, costs, plan, queue, readings
from fer_training.papers.plan import Job
from fer_training.records import files


def test_what_the_shipped_lines_have_is_not_run_again(tmp_path: Path) -> None:
    left = {job.folder for job in plan.plan(tmp_path, queue.lines(tmp_path, afresh=False))}
    everything = {job.folder for job in plan.plan(tmp_path, queue.lines(tmp_path, afresh=True))}
    assert len(left) < len(everything)
    assert "yengikand+jaffe" in everything - left


def test_jobs_come_in_order_of_worth_an_hour(tmp_path: Path) -> None:
    jobs = plan.plan(tmp_path, queue.lines(tmp_path, afresh=True))
    costs = [job.hours / job.value for job in jobs]
    assert costs == sorted(costs)
    assert all(job.hours >= 0 for job in jobs)
    assert len({job.folder for job in jobs}) == len(jobs)


def test_long_runs_are_measured_after_a_tenth_first(tmp_path: Path) -> None:
    jobs = plan.plan(tmp_path, queue.lines(tmp_path, afresh=True))
    for job in jobs:
        if job.later:
            assert job.later == pytest.approx(9 * job.hours, rel=0.3), job.folder


def test_the_list_names_hours_and_their_total(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["papers", "--afresh"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["run", "hours"]
    assert "hours of one thread" in lines[-1]
    assert any(line.startswith("umer-cnn2 ") for line in lines)


def test_a_run_that_is_not_in_the_list_is_refused(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["papers", "no-such-run"]) != 0
    assert "no-such-run" in capsys.readouterr().err


def test_jobs_run_side_by_side_and_a_failure_stops_no_other(tmp_path, monkeypatch) -> None:
    """Real commands: two that end well, and one that fails."""
    jobs = [
        Job("one", ("list",), 0.1, 1.0),
        Job("broken", ("evaluate", "--model", "arch1", "--data", "nowhere/fer2013.csv"), 0.1, 1.0),
        Job("two", ("list",), 0.1, 1.0),
    ]
    done = itertools.count()
    monkeypatch.setattr(
        plan, "plan", lambda home, lines: [j for j in jobs if not _ended(home, j, done)]
    )
    monkeypatch.setattr(queue.compare, "write", lambda *_: 0)
    work = queue.Queue(tmp_path, 2)
    work.work()
    assert set(work.failed) == {"broken"}
    assert "yengikand" in (tmp_path / "logs" / "one.log").read_text(encoding="utf-8")
    assert (tmp_path / "logs" / "two.log").read_text(encoding="utf-8")
    assert "nowhere" in (tmp_path / "logs" / "broken.log").read_text(encoding="utf-8")


def _ended(home: Path, job: Job, done: itertools.count[int]) -> bool:
    """A job that left its list of architectures is done, as a finished run folder would be."""
    next(done)
    log = home / "logs" / f"{job.folder}.log"
    return log.is_file() and log.stat().st_size > 0 and job.folder != "broken"


def test_an_installed_package_has_the_files_that_the_list_reads() -> None:
    """Those beside the modules, by the patterns of setup.py."""
    package = Path(costs.__file__).parent.parent
    text = (package / "setup.py").read_text(encoding="utf-8")
    listed = ast.literal_eval(re.search(r"package_data=(\{.*?\}),", text, re.DOTALL)[1])
    packed = {path for pattern in listed["fer_training"] for path in package.glob(pattern)}
    needed = {costs.PATH, readings.PATH, compare.SHIPPED_LINES, package / "papers/verdicts.yaml"}
    assert needed <= packed


def test_costs_are_measured_and_the_others_kept(tmp_path, monkeypatch) -> None:
    data = synthetic_faces.save_npz(synthetic_faces.dataset(70), tmp_path / "fer2013.npz")
    monkeypatch.setenv("FER_DATA", str(data.parent))
    path = tmp_path / "costs.json"
    files.write(costs.Costs("before", {"patil": costs.Cost(7.0)}), path)
    found = costs.measure(["chowanda-arch1+weak-l2"], "a processor", path).recipes
    assert found["patil"] == costs.Cost(7.0)
    assert found["chowanda-arch1+weak-l2"].epoch_s > 0
    assert found["chowanda-arch1+weak-l2"].processor.startswith("a processor, ")
    assert files.read(costs.Costs, path).recipes == found
