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

"""Queue of the runs that the page of results still needs, several single-threaded ones at once.

A stop loses nothing but the epochs under way: the same command goes on. After every run, and at
the end, the page is written in the folder of runs.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from fer_training.papers import compare, plan, results
from fer_training.papers.plan import RUNS, Job
from fer_training.papers.results import Result
from fer_training.records import run

_LOGS = "logs"
_PAUSE_S = 0.5
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class BusyError(ValueError):
    """Another queue works in the folder."""


def lines(home: Path, afresh: bool) -> list[Result]:
    """Return what was measured: in the folder's runs and, unless afresh, by the shipped lines."""
    shipped = () if afresh else results.read(compare.SHIPPED_LINES)
    return results.merge(shipped, results.collect(home / RUNS))


def lower_priority() -> None:
    """Let this process and its children run when no other work wants the processor.

    A niceness of 10 or more, which the caller has chosen, stays as it is.
    """
    if os.nice(0) >= 10:
        return
    os.nice(19)
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


@dataclass
class Queue:
    """The runs of one working folder."""

    home: Path
    """Working folder, which holds :data:`fer_training.papers.plan.RUNS` and the logs."""
    jobs: int
    """How many runs go on side by side, one thread each."""
    only: Sequence[str] = ()
    """Run folders to which the queue is limited; empty: all."""
    afresh: bool = False
    """Whether runs that the shipped lines have are repeated."""
    failed: dict[str, int] = field(default_factory=dict)
    """Exit status by run folder; such a run is not tried again before the next start."""
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _stopped: bool = False

    def work(self) -> None:
        """Run everything that is left, and return when nothing is, or on a signal.

        Raises:
            BusyError: Another queue, or a run that one left, works in the folder.
        """
        (self.home / RUNS).mkdir(parents=True, exist_ok=True)
        (self.home / _LOGS).mkdir(exist_ok=True)
        with _alone(self.home) as lock, self._signals():
            try:
                while not self._stopped and (self._fill(lock) or self._running):
                    self._wait()
            finally:
                self._end()
                self._write_page()

    def waiting(self) -> list[Job]:
        """Return the jobs that could start now, the best first."""
        return [
            job
            for job in plan.plan(self.home, lines(self.home, self.afresh))
            if job.folder not in self._running
            and job.folder not in self.failed
            and (not self.only or job.folder in self.only)
            and all(run.finished(self.home / RUNS / need) for need in job.needs)
        ]

    def _fill(self, lock: IO[str]) -> bool:
        """Start jobs in all free places; return whether there was one to start."""
        free = self.jobs - len(self._running)
        started = self.waiting()[:free] if free > 0 else []
        for job in started:
            self._start(job, lock)
        return bool(started)

    def _start(self, job: Job, lock: IO[str]) -> None:
        print(f"{time.strftime('%H:%M:%S')} starts {job.folder}: {job.what}", flush=True)
        log = self.home / _LOGS / f"{job.folder.replace('/', '-')}.log"
        with log.open("ab") as file:
            self._running[job.folder] = subprocess.Popen(
                [sys.executable, "-m", "fer_training", *job.arguments],
                cwd=self.home,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                pass_fds=(lock.fileno(),),  # a run that outlives its queue still keeps others out
                start_new_session=True,  # a Ctrl-C reaches the queue alone, which ends its runs
            )

    def _wait(self) -> None:
        """Wait until a run ends or a signal comes; write the page after a run."""
        while not self._stopped:
            ended = [name for name, child in self._running.items() if child.poll() is not None]
            for name in ended:
                status = self._running.pop(name).returncode
                if status:
                    self.failed[name] = status
                says = f"failed with status {status}, see {_LOGS}/" if status else "ended"
                print(f"{time.strftime('%H:%M:%S')} {name} {says}", flush=True)
            if ended:
                self._write_page()
                return
            time.sleep(_PAUSE_S)

    def _end(self) -> None:
        for child in self._running.values():
            child.terminate()
        for child in self._running.values():
            child.wait()
        self._running.clear()

    def _write_page(self) -> None:
        """Write the page beside the runs, with the shipped lines of other runs."""
        if not results.collect(self.home / RUNS):
            return
        places = compare.beside(self.home / RUNS, joined=not self.afresh)
        compare.write(self.home / RUNS, places)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def stop(*_: object) -> None:
            self._stopped = True

        before = {number: signal.signal(number, stop) for number in _STOPS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _alone(home: Path) -> Iterator[IO[str]]:
    with (home / f"{RUNS}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                f"another fer-train papers --run, or a run that it left, works in {home}; wait "
                "until it has ended"
            ) from None
        yield lock
