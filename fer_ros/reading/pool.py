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

"""Sources read by several processes; results come in the order of the sources."""

from __future__ import annotations

import os
import pickle
import signal
import tempfile
import threading
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from multiprocessing.connection import Connection, wait
from typing import IO, Any

from fer_ros.perception.errors import ModelError
from fer_ros.reading.errors import ReadError
from fer_ros.reading.finding import Kind, Source
from fer_ros.reading.reader import Reader
from fer_ros.reading.work import Event, FrameRead, SourceEnded, Work, Worker
from fer_ros.runtime.parameter_rows import ParameterError
from fer_ros.runtime.processes import SPAWN, start_held, until_interrupted

_AT_ONCE = 16
"""Most pictures that a process is given at a time; a video is given alone."""

_POLL = 0.2
"""How often is looked for a request to stop [s]."""

_IN_MEMORY = 1 << 22
"""Bytes of a source that waits for those before it; more wait in a file."""

Task = list[tuple[int, Source]]
"""Sources with their numbers."""


def read_here(
    sources: Sequence[Source], reader: Reader, work: Work, stop: threading.Event
) -> Generator[Event, None, None]:
    """Read sources in this process until the last one has ended, or `stop` is set.

    Raises:
        ReadError: What is drawn cannot be written.
    """
    worker = Worker(reader, work)
    for index, source in enumerate(sources):
        for event in worker.read(index, source):
            yield event
            if stop.is_set():
                return


def read_in_processes(
    sources: Sequence[Source],
    parameters: Mapping[str, Any],
    work: Work,
    processes: int,
    stop: threading.Event,
) -> Generator[Event, None, None]:
    """Read sources in processes of their own until the last one has ended, or `stop` is set.

    Args:
        sources: What to read.
        parameters: Of each process's :class:`Reader`.
        work: What to do with each source.
        processes: How many.
        stop: Ends the reading; set here too where somebody interrupts one of the processes.

    Yields:
        The events in the order of the sources, as one process would give them, without readings.

    Raises:
        ReadError: What is drawn cannot be written, or a process died.
    """
    tasks = _tasks(sources, processes)
    workers = [_Process(parameters, work) for _ in range(min(processes, len(tasks)))]
    waiting = _Waiting()
    try:
        for worker in workers:
            worker.give(tasks)
            worker.give(tasks)  # one in reserve, so that none waits for this process
        while not stop.is_set() and waiting.current < len(sources):
            for connection in wait([w.connection for w in workers if w.busy], timeout=_POLL):
                worker = next(w for w in workers if w.connection is connection)
                for event in _received(worker, stop):
                    waiting.put(event)
                if worker.idle:
                    worker.give(tasks)
            yield from waiting.ready()
    finally:
        for worker in workers:
            worker.interrupt()
        for worker in workers:
            worker.join()
        waiting.close()


def _tasks(sources: Sequence[Source], processes: int) -> deque[Task]:
    """Return the sources in parts that are small enough for all processes to end together."""
    most = min(max(len(sources) // (8 * processes), 1), _AT_ONCE)
    tasks: deque[Task] = deque()
    for index, source in enumerate(sources):
        alone = source.kind is not Kind.PICTURE
        if alone or not tasks or len(tasks[-1]) >= most or tasks[-1][-1][1].kind is not source.kind:
            tasks.append([])
        tasks[-1].append((index, source))
    return tasks


def _received(worker: _Process, stop: threading.Event) -> list[Event]:
    """Return what a process has read; nothing where Ctrl-C, which reaches it too, has ended it."""
    try:
        return worker.receive()
    except _InterruptedError:
        stop.set()
    except Exception:
        if not stop.is_set():  # else it may have failed in any way
            raise
    return []


class _InterruptedError(Exception):
    """A process was interrupted."""


class _Waiting:
    """Buffer of events whose turn has not come yet."""

    def __init__(self) -> None:
        self.current = 0
        """Number of the source whose turn it is."""
        self._held: dict[int, IO[bytes]] = {}

    def put(self, event: Event) -> None:
        if event.index not in self._held:
            self._held[event.index] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
        pickle.dump(event, self._held[event.index], pickle.HIGHEST_PROTOCOL)

    def ready(self) -> Iterator[Event]:
        """Yield the events whose turn it is, each once."""
        while self.current in self._held:
            held = self._held.pop(self.current)
            held.seek(0)
            ended = False
            with held, suppress(EOFError):
                while True:
                    event = pickle.load(held)  # written above, by this process
                    yield event
                    ended = isinstance(event, SourceEnded)
            if not ended:
                return
            self.current += 1

    def close(self) -> None:
        for held in self._held.values():
            held.close()


class _Process:
    """One process with networks of its own."""

    def __init__(self, parameters: Mapping[str, Any], work: Work) -> None:
        self.connection, other = SPAWN.Pipe()
        self._tasks = 0
        self._process = SPAWN.Process(target=_work, args=(dict(parameters), work, other))
        start_held(self._process)
        other.close()

    @property
    def busy(self) -> bool:
        """Whether it has something to read."""
        return self._tasks > 0

    @property
    def idle(self) -> bool:
        """Whether it has nothing in reserve."""
        return self._tasks < 2

    def give(self, tasks: deque[Task]) -> None:
        """Give it the next part, where there is one."""
        if tasks:
            with suppress(BrokenPipeError, ConnectionResetError):  # it died, as receive() will say
                self.connection.send(tasks.popleft())
            self._tasks += 1

    def receive(self) -> list[Event]:
        """Return what it has read.

        Raises:
            ReadError: It failed, or died.
            _InterruptedError: It was interrupted.
        """
        try:
            message = self.connection.recv()
        except (EOFError, OSError):
            self._process.join()
            status = self._process.exitcode
            if status in (0, -signal.SIGINT):  # so it ends otherwise only where this one is gone
                raise _InterruptedError from None
            raise ReadError(f"a process ended with status {status}; memory full?") from None
        if isinstance(message, Exception):
            raise message
        if message is None:
            self._tasks -= 1
            return []
        return list(message)

    def interrupt(self) -> None:
        """Let it clean up and end."""
        self.connection.close()  # between two tasks it ends by itself
        if self._tasks and self._process.is_alive():
            os.kill(self._process.pid or 0, signal.SIGINT)

    def join(self) -> None:
        """Wait for its end."""
        self._process.join()


def _work(parameters: dict[str, Any], work: Work, connection: Connection) -> None:
    """Read what the parent gives until it gives no more."""
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(number, signal.SIG_IGN)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        until_interrupted(lambda: _read_tasks(parameters, work, connection))


def _read_tasks(parameters: dict[str, Any], work: Work, connection: Connection) -> None:
    try:
        worker = Worker(Reader(**parameters), work)
        while True:
            events: list[Event] = []
            for index, source in connection.recv():
                events += _read(connection, worker, index, source)
            connection.send(events)
            connection.send(None)
    except (ReadError, ModelError, ParameterError) as error:
        connection.send(error)
    except (OSError, EOFError):
        raise
    except Exception as error:
        connection.send(ReadError(f"{type(error).__name__}: {error}"))


def _named(events: Iterator[Event]) -> Generator[Event, None, None]:
    """Yield events; an error of reading is not to be taken for one of the connection."""
    try:
        yield from events
    except (OSError, EOFError) as error:
        raise ReadError(f"{type(error).__name__}: {error}") from error


def _read(connection: Connection, worker: Worker, index: int, source: Source) -> list[Event]:
    """Read a source; send its frames at once, or return the few of a picture."""
    found: list[Event] = []
    with closing(_named(worker.read(index, source))) as events:
        for event in events:
            if isinstance(event, FrameRead):
                event = FrameRead(event.index, event.rows, event.share, None)
            if source.kind is Kind.PICTURE:
                found.append(event)
            else:
                connection.send([event])
    return found
