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

"""One run of ``fer-ros read``: its options, and the routing of results to its outputs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fer_ros import __version__
from fer_ros.apps import read_summary
from fer_ros.apps.read_shown import Shown
from fer_ros.apps.start import INTERRUPTED
from fer_ros.perception.strings import shortened
from fer_ros.reading.drawing import FACE_FILES, PICTURE_ENDINGS, VIDEO_ENDINGS
from fer_ros.reading.errors import ReadError
from fer_ros.reading.finding import Kind, Source
from fer_ros.reading.moments import MOMENT_FILES
from fer_ros.reading.reader import Reader
from fer_ros.reading.recordings import Part
from fer_ros.reading.resuming import (
    EarlierRows,
    forget_conditions,
    forget_earlier,
    note_conditions,
)
from fer_ros.reading.summary import Summaries
from fer_ros.reading.tables import TABLES, Row, TableFile
from fer_ros.reading.work import Event, FrameRead, SourceEnded, Work
from fer_ros.runtime.settings import PerceptionSettings

_MOST_COMPLAINTS = 20
"""Sources that could not be read and are named; more are counted."""


@dataclass(frozen=True)
class Wanted:
    """Outputs to be written."""

    tables: tuple[Path, ...]
    work: Work
    summary: Path | None
    replace: bool
    """Whether files that are there may be replaced."""
    resume: bool

    @classmethod
    def of(cls, args: argparse.Namespace, sources: Sequence[Source]) -> Wanted:
        """Read the options.

        Raises:
            ReadError: Outputs do not fit each other or the sources.
        """
        tables, drawn = [], []
        for path in args.out:
            suffix = path.suffix.lower()
            if suffix in TABLES:
                tables.append(path)
            elif suffix in VIDEO_ENDINGS + PICTURE_ENDINGS:
                drawn.append(path)
            else:
                known = ", ".join(TABLES + VIDEO_ENDINGS + PICTURE_ENDINGS)
                raise ReadError(f"--out {path}: its ending must be one of {known}")
        if drawn and args.annotated is not None:
            raise ReadError(f"--out {drawn[0]} and --annotated draw the same; leave one out")
        if args.resume and not tables:
            raise ReadError("--resume needs --out with a table, which says what was read before")
        work = Work(
            Part(args.every, args.start, args.end),
            drawn=args.annotated, drawn_file=_one_drawn(drawn, sources), faces=args.faces,
            moments=args.moments,
        )  # fmt: skip
        return cls(tuple(tables), work, args.summary, args.overwrite, args.resume)

    def check(self, sources: Sequence[Source]) -> None:
        """Raise ReadError where something would be written over that should not be."""
        drawn = [path for s in sources if (path := self.work.drawn_path(s)) is not None]
        inputs = {_identity(source.path) for source in sources} - {None}
        files = [*self.tables, *drawn, *([self.summary] if self.summary else [])]
        for path in files:
            if _identity(path) in inputs:
                raise ReadError(f"{path} is read, and cannot be written too")
        self._check_cleared(sources)
        for folder in (self.work.drawn, self.work.faces, self.work.moments):
            if folder is not None and folder.is_file():
                raise ReadError(f"{folder} is a file; name a folder")
        if len({path.resolve() for path in files}) < len(files):
            raise ReadError("one file is named for two outputs; give each a name of its own")
        if self.replace or self.resume:
            return
        taken = next((path for path in files if path.exists()), None)
        for folder in (self.work.faces, self.work.moments):
            if taken is None and folder is not None and folder.exists():
                taken = next(folder.iterdir(), None)
        if taken is not None:
            also = ", --resume adds what is missing" if taken in self.tables else ""
            raise ReadError(f"{taken} is there already; --overwrite replaces it{also}")

    def _check_cleared(self, sources: Sequence[Source]) -> None:
        """Raise ReadError where a picture that is read would go as one of an earlier run."""
        for folder, names in ((self.work.faces, FACE_FILES), (self.work.moments, MOMENT_FILES)):
            if folder is None:
                continue
            for source in sources:
                inside = folder.resolve() in source.path.resolve().parents
                if inside and names.fullmatch(source.path.name):
                    raise ReadError(
                        f"{source.path} is read, and lies where pictures of faces go, in {folder}; "
                        "name another folder"
                    )


def _fullest(tables: Sequence[EarlierRows]) -> Iterable[tuple[str, list[Row]]]:
    """Return the table with the most sources: of several one may be torn, or of fewer."""
    if len(tables) < 2:  # nothing to compare, and a long table is not read twice
        return tables[0] if tables else ()
    return max(tables, key=lambda table: sum(1 for _ in table))


def _one_drawn(drawn: Sequence[Path], sources: Sequence[Source]) -> Path | None:
    if not drawn:
        return None
    path, picture = drawn[0], drawn[0].suffix.lower() in PICTURE_ENDINGS
    if len(drawn) > 1:
        raise ReadError("one --out of a picture or video; --annotated DIR is for several")
    topics = len(sources[0].topics) if sources else 0
    if len(sources) != 1 or topics > 1:
        raise ReadError(f"--out {path} is for one source; --annotated DIR is for several")
    if picture != (sources[0].kind is Kind.PICTURE):
        right = "a picture" if picture else "a video"
        raise ReadError(f"--out {path} is {right}, but {sources[0].name} is none")
    return path


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@dataclass
class _Counts:
    """What was read."""

    sources: int = 0
    frames: int = 0
    faces: int = 0
    rows: int = 0
    """In the tables, with those of an earlier run."""
    errors: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    """The damage, and what is none but to be known."""

    def add_rows(self, rows: Sequence[Row]) -> None:
        self.frames += 1
        self.faces += sum(row["face"] is not None for row in rows)


class Run:
    """Routes results to the outputs."""

    def __init__(
        self, args: argparse.Namespace, wanted: Wanted, reader: Reader,
        parameters: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self._wanted, self._origin = wanted, reader.origin
        settings = PerceptionSettings().with_values(parameters)
        self._conditions = {
            "fer_ros": __version__,
            "network_sha256": self._origin.model_digest,
            "detector": self._origin.detector,
            "parameters": {name: _plain(value) for name, value in sorted(vars(settings).items())},
            "times": [args.every, args.start, str(args.end)],
        }
        self._tables: list[TableFile] = []
        self._earlier: list[EarlierRows] = []
        self._counts = _Counts()
        self._summaries = Summaries(args.every)
        self._failed = False
        work = wanted.work
        self.shown = None
        if not (wanted.tables or work.drawn or work.drawn_file or work.faces):
            self.shown = Shown(sys.stdout, self._origin.labels)

    def begin(self, sources: Sequence[Source]) -> list[Source]:
        """Open the tables; return the sources that are to be read.

        Raises:
            ReadError: A file cannot be written, or not be gone on with; all is as it was then.
        """
        if self._wanted.summary is not None:
            read_summary.check(self._wanted.summary)
        if not self._wanted.tables:
            return list(sources)
        try:
            done = self._open(sources)
        except BaseException:
            self._discard()
            raise
        left = [source for source in sources if source.name not in done]
        if before := len(sources) - len(left):
            again = ", and are not drawn or cut out again" if self._wanted.work.pictured else ""
            _say(f"{before} of {len(sources)} sources were read before{again}")
        if len(done) > before:
            _say(f"{len(done) - before} sources that are not named now keep their rows")
        return left

    def go(self, sources: Sequence[Source], events: Generator[Event, None, None]) -> None:
        """Take all events in.

        Raises:
            ReadError: Something cannot be written; no table of this run is left then, and those
                of an earlier one are.
        """
        begun = set[int]()
        try:
            with closing(events), _progress(sources) as progress:
                for event in events:
                    source = sources[event.index]
                    if isinstance(event, FrameRead):
                        begun.add(event.index)
                        self._take(event, source)
                    elif self._ended(event, event.index in begun):
                        break
                    progress(event)
        except BaseException:
            self._discard()
            raise

    def end(self, interrupted: bool) -> int:
        """Put the tables where they belong; return the exit status."""
        counts = self._counts
        nothing = counts.errors and not counts.rows
        try:
            if nothing:
                self._discard()
            elif interrupted or self._failed:
                for table in self._tables:
                    table.leave()
                    forget_earlier(table.path)
                    _say(f"{table.partial} holds the {counts.rows} rows so far")
            else:
                for table in self._tables:
                    table.keep()
                for table in self._tables:
                    forget_earlier(table.path)
                    forget_conditions(table.path)
        except BaseException:
            self._discard()
            raise
        if self.shown is not None:
            self.shown.close()
        if interrupted:
            again = "; repeat the command with --resume to go on" if self._tables else ""
            _say(f"interrupted after {_of(counts)}{again}")
            return INTERRUPTED
        for text in counts.warnings[:_MOST_COMPLAINTS]:
            _say(f"warning: {text}")
        _say_more(counts.warnings, "warnings")
        if not nothing:
            self._summary()
        return 2 if counts.errors else 3 if counts.damage else 0

    def _discard(self) -> None:
        for table in self._tables:
            table.discard()
        for earlier in self._earlier:
            earlier.restore()
        for table in self._tables:
            forget_conditions(table.path)

    def _open(self, sources: Sequence[Source]) -> set[str]:
        """Open the tables and write earlier rows; return the names of their sources."""
        paths, labels = self._wanted.tables, self._origin.labels
        if self._wanted.resume:
            anew = {s.name for s in sources if s.kind in (Kind.RECORDING, Kind.WEBCAM)}
            for path in paths:
                self._earlier.append(EarlierRows(path, labels, self._conditions, anew))
        for path in paths:
            self._tables.append(TableFile(path, labels))
            note_conditions(path, self._conditions)
            if not self._wanted.resume:
                forget_earlier(path)
        done: set[str] = set()
        for name, rows in _fullest(self._earlier):
            done.add(name)
            self._write(rows)
            for _, frame in groupby(rows, lambda row: (row["source"], row["frame"])):
                self._summaries.add(list(frame))
        return done

    def _take(self, event: FrameRead, source: Source) -> None:
        self._counts.add_rows(event.rows)
        self._summaries.add(event.rows)
        self._write(event.rows)
        if self.shown is not None and event.reading is not None:
            self.shown.frame(event.reading, source.kind is Kind.PICTURE)

    def _write(self, rows: list[Row]) -> None:
        self._counts.rows += len(rows)
        for table in self._tables:
            table.write_rows(rows)

    def _ended(self, event: SourceEnded, begun: bool) -> bool:
        """Note how a source ended; return whether that ends the run."""
        self._counts.damage += event.warnings
        self._counts.warnings += [*event.warnings, *event.remarks]
        if not event.error:
            self._counts.sources += 1
            return False
        self._counts.errors.append(event.error)
        if len(self._counts.errors) <= _MOST_COMPLAINTS:
            _say(event.error)
        # Rows of a source that is not to be relied on cannot be taken back.
        self._failed = begun and bool(self._tables)
        return self._failed

    def _summary(self) -> None:
        _say_more(self._counts.errors, "could not be read")
        written = [table.path for table in self._tables]
        summaries = self._summaries.summaries()
        read_summary.show(summaries, sys.stdout)
        if self._wanted.summary is not None:
            read_summary.write(summaries, self._wanted.summary)
            written.append(self._wanted.summary)
        written += [path for path in self._wanted.work.pictured if path.exists()]
        names = ", ".join(map(str, written)) if not self._failed else ""
        print(_of(self._counts) + (f" -> {names}" if names else ""))


def _of(counts: _Counts) -> str:
    sources = f" of {counts.sources} sources" if counts.sources > 1 else ""
    return f"{counts.frames} frames{sources}, {counts.faces} faces"


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _say(text: str) -> None:
    tqdm.write(f"fer-ros read: {shortened(' '.join(text.split()), 1000)}", file=sys.stderr)


def _say_more(messages: Sequence[str], what: str) -> None:
    if len(messages) > _MOST_COMPLAINTS:
        _say(f"{len(messages) - _MOST_COMPLAINTS} more {what}")


@contextmanager
def _progress(sources: Sequence[Source]) -> Iterator[Any]:
    """Yield a function that takes events and shows progress and time left on a terminal."""
    total = None if any(s.kind is Kind.WEBCAM for s in sources) else len(sources)
    one = len(sources) == 1
    form = "{desc}{percentage:3.0f}% |{bar}| {elapsed}, {remaining} left"
    if total is None:
        form = "{desc}{elapsed}"
    with tqdm(
        total=total, disable=None, dynamic_ncols=True, leave=False, bar_format=form, smoothing=0.1
    ) as bar:
        frames = 0

        def update(event: Event) -> None:
            nonlocal frames
            if bar.disable:
                return
            place = float(event.index)
            if isinstance(event, FrameRead):
                frames += 1
                place += event.share or 0.0
            else:
                place += 1
            done = sources[event.index].name if one else f"{event.index + 1} of {len(sources)}"
            bar.set_description_str(f"{shortened(done, 40)}, {frames} frames ", refresh=False)
            bar.update(max(place - bar.n, 0.0))

        yield update
