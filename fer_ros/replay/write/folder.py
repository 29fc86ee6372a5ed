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

"""The folder a replay writes: beside its final place, and renamed when everything is there."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fer_ros.replay.errors import ReplayError

try:
    import fcntl
except ImportError:  # not on Windows; names are unique there as well
    fcntl = None  # type: ignore[assignment]


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Keep other replays out of a folder that is to be written.

    Raises:
        ReplayError: Another one writes it now, or nothing can be written there.
    """
    path = target.with_name(f".{target.name}.lock")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _lock(path, target)
    except OSError as error:
        raise ReplayError(f"cannot write {target}: {error}") from error
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(descriptor)


def _lock(path: Path, target: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o666)
        if fcntl is None:
            return descriptor
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise ReplayError(
                f"another replay is writing {target} now; wait for it, or name another --out"
            ) from None
        # Who held it before may have removed the file in between.
        with suppress(OSError):
            if path.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        os.close(descriptor)


@contextmanager
def whole_folder(target: Path, replace: bool, remedy: str) -> Iterator[Path]:
    """Write a folder that is only there when it is whole; call it under :func:`locked`.

    Yields a folder beside the target that is renamed at the end, or removed when something goes
    wrong. What would keep it from being renamed is found out before.

    Args:
        target: The folder.
        replace: Whether one that is there gives way, with all that is in it.
        remedy: Options for a folder that is there, as the end of a sentence.

    Raises:
        ReplayError: The target exists and is not to be replaced, or cannot be written.
    """
    _tidy(target)
    if target.exists() and not replace:
        raise ReplayError(f"{target} exists already; name another --out, or give {remedy}")
    if target.exists() and (not target.is_dir() or os.path.ismount(target)):
        raise ReplayError(f"{target} is no folder that can be replaced; name another --out")
    partial = _beside(target, "partial")
    try:
        partial.mkdir()
        yield partial
        if target.exists():
            old = _beside(target, "replaced")
            target.rename(old)
            partial.rename(target)
            shutil.rmtree(old, ignore_errors=True)
        else:
            partial.rename(target)
    except OSError as error:
        raise ReplayError(f"cannot write {target}: {error}; no partial result was left") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _beside(target: Path, kind: str) -> Path:
    return target.with_name(f".{target.name}.{kind}-{secrets.token_hex(4)}")


def _tidy(target: Path) -> None:
    """Remove what a killed replay left, and bring back what it was about to replace."""
    for old in target.parent.glob(f".{_literal(target.name)}.replaced-*"):
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.rename(target)
    for partial in target.parent.glob(f".{_literal(target.name)}.partial-*"):
        shutil.rmtree(partial, ignore_errors=True)


def _literal(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
