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

"""Several recordings at once: processes on this machine, or the workers of a Dask cluster.

One recording is one task. A task that fails, or whose process dies, is reported; the others are
finished.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from fer_ros.node.parameters import ParameterError
from fer_ros.perception.errors import ModelError
from fer_ros.replay.errors import ReplayError
from fer_ros.replay.playback import Progress
from fer_ros.replay.request import Job
from fer_ros.replay.run import Outcome, replay
from fer_ros.runtime.processes import SPAWN, start_held, until_interrupted
from fer_ros.transport.bag import BagError

FAILURES = (ReplayError, BagError, ModelError, ParameterError, OSError)
"""What can go wrong with one recording without a fault of the program."""

CONNECT_TIMEOUT = 10.0
"""How long a Dask scheduler may take to respond [s]."""

DEBUG_ENV = "FER_ROS_DEBUG"
"""Environment variable that asks for the traceback of an error, as for the command line."""

_REPORT_EVERY = 0.2
"""Seconds between two progress messages of a process."""


@dataclass
class Finished:
    """Outcome of one job."""

    job: Job
    outcome: Outcome | None
    error: str = ""


Announce = Callable[[Finished], None]
"""Called when a job has ended."""


def run_here(
    jobs: Sequence[Job], processes: int, resume: bool, progress: Progress, announce: Announce
) -> list[Finished]:
    """Replay recordings on this machine, each in a process of its own.

    Args:
        jobs: What to do.
        processes: How many at once.
        resume: Whether finished ones are skipped.
        progress: Called with the frames done and in all, over the jobs that have begun.
        announce: Called with every job that has ended.

    Returns:
        Outcomes of the jobs, in their order.
    """
    waiting, running = list(enumerate(jobs)), list[_Process]()
    finished: dict[int, Finished] = {}
    counts: dict[int, tuple[int, int, float]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                # Begun when it is listed: an interrupt that waited for the start comes right then.
                running.append(_Process(*waiting.pop(0), resume=resume))
                running[-1].start()
            for connection in wait([process.connection for process in running], timeout=1.0):
                process = next(p for p in running if p.connection is connection)
                news = process.read()
                if isinstance(news, Finished):
                    running.remove(process)
                    finished[process.number] = news
                    announce(news)
                else:
                    counts[process.number] = news
                    done, total, seconds = (sum(column) for column in zip(*counts.values()))
                    progress(int(done), int(total), seconds)
    finally:
        for process in running:
            process.interrupt()
    return [finished[number] for number in range(len(jobs))]


@dataclass
class _Process:
    """One recording in a process of its own."""

    number: int
    job: Job
    resume: bool
    connection: Connection = field(init=False)
    process: Any = field(init=False)
    _other: Connection = field(init=False)

    def __post_init__(self) -> None:
        self.connection, self._other = SPAWN.Pipe(duplex=False)
        self.process = SPAWN.Process(target=_work, args=(self.job, self.resume, self._other))

    def start(self) -> None:
        """Begin."""
        start_held(self.process)
        self._other.close()

    def read(self) -> Finished | tuple[int, int, float]:
        """Return the next news: progress, or the end."""
        try:
            kind, content = self.connection.recv()
        except EOFError:
            self.process.join()
            status = self.process.exitcode
            return Finished(self.job, None, f"its process ended with status {status}; memory full?")
        if kind == "progress":
            done, total, seconds = content
            return done, total, seconds
        self.process.join()
        self.connection.close()
        return Finished(self.job, *content)

    def interrupt(self) -> None:
        """Let it clean up and end."""
        if self.process.pid is None:
            return
        if self.process.is_alive():
            os.kill(self.process.pid, signal.SIGINT)
        self.process.join()


def _work(job: Job, resume: bool, connection: Connection) -> None:
    """Replay one recording in a process, and send progress and outcome."""
    last = 0.0

    def progress(done: int, total: int, seconds: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _REPORT_EVERY or done == total:
            last = now
            connection.send(("progress", (done, total, seconds)))

    def work() -> None:
        finished = run_one(job, resume, progress)
        connection.send(("done", (finished.outcome, finished.error)))

    until_interrupted(work)


def run_one(job: Job, resume: bool, progress: Progress | None = None) -> Finished:
    """Replay one recording; what goes wrong with it becomes part of the result."""
    try:
        return Finished(job, replay(job, progress or (lambda *_: None), resume))
    except FAILURES as error:
        return Finished(job, None, str(error))
    except Exception as error:  # one recording must not end the others, nor without a word
        if os.environ.get(DEBUG_ENV):
            raise
        text = f"{type(error).__name__}: {error} ({DEBUG_ENV}=1 shows where)"
        return Finished(job, None, text)


def run_on_dask(
    jobs: Sequence[Job], scheduler: str, resume: bool, announce: Announce
) -> list[Finished]:
    """Replay recordings on an existing Dask cluster that sees the same files.

    Args:
        jobs: What to do; their paths must be valid on the workers.
        scheduler: Its address, e.g. ``tcp://host:8786``.
        resume: Whether finished ones are skipped.
        announce: Called with every job that has ended.

    Raises:
        ReplayError: Dask is not installed, or the scheduler cannot be reached.
    """
    try:
        import distributed
    except ImportError as error:
        raise ReplayError("--scheduler needs Dask: pip install 'fer_ros[dask]'") from error
    try:
        client: Any = distributed.Client(scheduler, timeout=CONNECT_TIMEOUT)  # type: ignore[no-untyped-call,unused-ignore]
    except OSError as error:
        raise ReplayError(f"no Dask scheduler responds at {scheduler}: {error}") from error
    finished: dict[int, Finished] = {}
    with client:
        futures = {
            client.submit(run_one, job, resume, pure=False, retries=0): number
            for number, job in enumerate(jobs)
        }
        for future in distributed.as_completed(list(futures)):  # type: ignore[no-untyped-call,unused-ignore]
            number = futures[future]
            fault = future.exception()
            failed = Finished(jobs[number], None, f"{type(fault).__name__}: {fault}")
            finished[number] = future.result() if fault is None else failed
            announce(finished[number])
    return [finished[number] for number in range(len(jobs))]
