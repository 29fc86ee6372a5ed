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

"""Files that get their names when they are complete."""

from __future__ import annotations

import os
import re
from pathlib import Path
from types import TracebackType

from fer_ros.reading.errors import ReadError

try:
    import fcntl
except ImportError:  # not on Windows; there no lock keeps two writers apart
    fcntl = None  # type: ignore[assignment]


class WholeFile:
    """A file that is written under a partial name and renamed when it is complete.

    In a ``with`` it is kept, and discarded where an exception ends that.
    """

    def __init__(self, path: Path, sync: bool = True) -> None:
        """Begin a file.

        Args:
            path: Where it will be; an existing file stays until :meth:`keep`.
            sync: Whether it is on the disk before it is renamed, so that not even a power loss
                leaves half a file under its name; one of many small files does without.

        Raises:
            ReadError: It cannot be written there, or somebody else writes it now.
        """
        self.path = path
        self._sync = sync
        self.partial = partial_of(path)
        """Where it is written; its ending is that of the path, for writers that go by it."""
        if path.is_dir():
            raise ReadError(f"{path} is a folder; name a file in it")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self.partial, os.O_CREAT | os.O_RDWR, 0o666)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ReadError(f"cannot write {str(path)!r}: {reason}") from error
        try:
            self._lock()
            os.ftruncate(self._descriptor, 0)
        except BaseException:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> WholeFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.keep()
        else:
            self.discard()

    def keep(self) -> None:
        """Rename the complete file to its final name.

        Raises:
            ReadError: It cannot be renamed.
        """
        try:
            if self._sync:
                os.fsync(self._descriptor)
            self.partial.replace(self.path)
        except OSError as error:
            self.partial.unlink(missing_ok=True)
            raise ReadError(f"cannot write {self.path}: {error.strerror}") from error
        finally:
            self._close()

    def leave(self) -> None:
        """Keep it under its partial name because it is incomplete; may be called again."""
        if self._descriptor >= 0:
            self._close()

    def discard(self) -> None:
        """Remove it; may be called again."""
        if self._descriptor >= 0:
            self.partial.unlink(missing_ok=True)
            self._close()

    @staticmethod
    def check_unused(path: Path) -> None:
        """Raise ReadError where another process writes a file now."""
        if fcntl is None:
            return
        with partial_of(path).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise _used(path) from None

    def _close(self) -> None:
        os.close(self._descriptor)
        self._descriptor = -1

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mine = os.fstat(self._descriptor).st_ino == self.partial.stat().st_ino
        except (BlockingIOError, FileNotFoundError):
            mine = False
        if not mine:
            raise _used(self.path)


def write_whole(path: Path, data: bytes) -> None:
    """Write one of many small files, which need not outlast a power loss.

    Raises:
        ReadError: It cannot be written.
    """
    with WholeFile(path, sync=False) as file:
        try:
            file.partial.write_bytes(data)
        except OSError as error:
            raise ReadError(f"cannot write {path}: {error.strerror or error}") from error


def remove_named(folder: Path, names: re.Pattern[str]) -> None:
    """Remove the files of a folder whose whole names fit.

    Raises:
        ReadError: One cannot be removed.
    """
    try:
        for path in folder.iterdir() if folder.is_dir() else ():
            if names.fullmatch(path.name) and not path.is_dir():
                path.unlink()
    except OSError as error:
        raise ReadError(f"cannot empty {folder}: {error.strerror}") from error


def _used(path: Path) -> ReadError:
    return ReadError(f"another process writes {path} now; wait for it, or name another --out")


def partial_of(path: Path) -> Path:
    """Return where a file is written until it is whole."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")
