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

"""Weight files: the shipped emotion networks and the detectors fetched on request.

Nothing here is downloaded unless :func:`fetch` is called, which only ``fer-ros models fetch`` does.
"""

from __future__ import annotations

import http.client
import os
import stat
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from fer_ros import files
from fer_ros.perception.errors import ModelError
from fer_ros.resources import PACKAGE

CACHE_ENV = "FER_ROS_CACHE"
"""Environment variable with the folder of fetched files."""

YUNET_ENV = "FER_ROS_YUNET"
"""Environment variable with the path of a YuNet file."""

MODELS_FOLDER = PACKAGE / "models"
"""Folder of the shipped networks."""

MANIFEST = "SHA256SUMS"
"""File beside the shipped networks with their digests, as the tool ``sha256sum`` writes it."""

OnBytes = Callable[[int], None]
"""Called with the number of bytes that are there so far."""


@dataclass(frozen=True)
class ExternalModel:
    """A weight file that others publish."""

    url: str
    file_name: str
    sha256: str
    size: int
    """[bytes]"""
    licence: str
    about: str


EXTERNAL: dict[str, ExternalModel] = {
    "yunet": ExternalModel(
        url="https://github.com/ShiqiYu/libfacedetection.train/raw/"
        "0047ac24afb1a50a0c6105001c89d1b5b805dbf1/onnx/yunet_s_dynamic.onnx",
        file_name="yunet_s_dynamic.onnx",
        sha256="daede24002cc8590f457998cc5e6c9e8b82f45f6bd969506a8913cd4ed10a2d3",
        size=237_823,
        licence="Apache-2.0",
        about="YuNet with an input of any size",
    ),
    "yunet-640": ExternalModel(
        url="https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/"
        "face_detection_yunet_2023mar.onnx",
        file_name="face_detection_yunet_2023mar.onnx",
        sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        size=232_589,
        licence="MIT",
        about="YuNet of the OpenCV zoo, input fixed at 640x640: the same weights, slower",
    ),
}
"""Detectors that can be fetched, the preferred one first."""

DEFAULT_DETECTOR = "yunet"
"""What ``fer-ros models fetch`` gets without a name."""

SHIPPED_DETECTOR = "fer-face"
"""Name of the face detector that comes with the package."""

VERIFIER_SUFFIX = "-verifier"
"""After a detector's name, in the name of its verifier's file."""

_TIMEOUT = 30.0
_ATTEMPTS = 3
_CHUNK = 1 << 16


def cache_folder() -> Path:
    """Return the folder of fetched files; it need not exist yet.

    Raises:
        ModelError: None is named, and the user has no home folder.
    """
    named, base = os.environ.get(CACHE_ENV), os.environ.get("XDG_CACHE_HOME")
    try:
        if named:
            return Path(named).expanduser()
        return (Path(base) if base else Path.home() / ".cache") / "fer_ros"
    except RuntimeError as error:
        raise ModelError(f"there is no home folder ({error}); name one in {CACHE_ENV}") from None


def cached_path(name: str) -> Path:
    """Return where a fetched file lies, or would lie."""
    return cache_folder() / EXTERNAL[name].file_name


def locate(name: str) -> Path | None:
    """Return the path of a fetched file, or None where it has not been fetched."""
    try:
        path = cached_path(name)
        return path if path.is_file() else None
    except (ModelError, OSError):  # no home folder, or one that may not be looked into
        return None


def find_yunet(path: str = "") -> Path | None:
    """Find the YuNet file: the argument, else the environment variable, else the cache folder.

    Returns:
        The file, or None where nothing is named and nothing has been fetched.

    Raises:
        ModelError: A file is named but not there, or the fetched one has been altered.
    """
    for source, named in (("the given path", path), (YUNET_ENV, os.environ.get(YUNET_ENV, ""))):
        if named:
            file = expanded(named)
            if not file.is_file():
                raise ModelError(
                    f"no YuNet file at {file} ({source}); correct it or leave it empty"
                )
            return file
    for name in EXTERNAL:
        found = locate(name)
        if found is not None:
            verify(name)
            return found
    return None


def unpublished(path: str = "") -> str:
    """Return a warning about a YuNet file that is none of the published ones; else nothing.

    Args:
        path: As for :func:`find_yunet`.
    """
    found = find_yunet(path)
    if found is None or digest_of(found) in {model.sha256 for model in EXTERNAL.values()}:
        return ""
    return (
        f"{found} is none of the published YuNet files (SHA-256 {digest_of(found)}); "
        "if that is not on purpose, run `fer-ros models fetch`"
    )


def expanded(name: str) -> Path:
    """Return a path with ``~`` replaced.

    Raises:
        ModelError: There is no such home folder.
    """
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise ModelError(f"{name}: {error}") from None


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits.

    Raises:
        OSError: It is no file, or cannot be read.
    """
    return files.sha256_of(path)


def verify(name: str) -> None:
    """Check a fetched file.

    Raises:
        ModelError: It is not there, or is not the file that was published.
    """
    path = locate(name)
    if path is None:
        raise ModelError(f"{name} is not in {cache_folder()}; run `fer-ros models fetch {name}`")
    if digest_of(path) != EXTERNAL[name].sha256:
        raise ModelError(
            f"{path} is damaged or has been altered: its SHA-256 is {digest_of(path)}, published "
            f"was {EXTERNAL[name].sha256}; delete it and run `fer-ros models fetch {name}`"
        )


def shipped_models() -> dict[str, Path]:
    """Return the emotion networks that came with the package, by name."""
    networks = files.listed(MODELS_FOLDER, "*.onnx")
    return {
        path.stem: path
        for path in networks
        if path.stem.removesuffix(VERIFIER_SUFFIX) != SHIPPED_DETECTOR
    }


def shipped_detector() -> Path:
    """Return the face detector's file that came with the package."""
    return MODELS_FOLDER / f"{SHIPPED_DETECTOR}.onnx"


def verifier_of(detector: Path) -> Path | None:
    """Return the file of a detector's verifier, ``NAME-verifier.onnx`` beside it; None: no such."""
    file = detector.with_name(f"{detector.stem}{VERIFIER_SUFFIX}.onnx")
    return file if file.is_file() else None


def check_shipped(path: Path) -> None:
    """Compare a shipped network with the manifest beside it.

    Raises:
        ModelError: The file is not listed there, or has been altered.
    """
    manifest = path.parent / MANIFEST
    lines = manifest.read_text("ascii").splitlines() if manifest.is_file() else []
    listed = {name: digest for digest, name in (line.split() for line in lines)}
    if path.name not in listed:
        raise ModelError(f"{path} is not listed in {manifest}; reinstall the package")
    if digest_of(path) != listed[path.name]:
        raise ModelError(
            f"{path} has been altered: its SHA-256 is {digest_of(path)} and not "
            f"{listed[path.name]}; reinstall the package"
        )


def fetch(name: str, progress: OnBytes | None = None) -> Path:
    """Get a detector from its official address into the cache folder.

    A download that broke off goes on where it stopped; the file appears under its name only when
    it is whole and its SHA-256 is right. A whole file that is there already is left as it is.

    Args:
        name: A key of :data:`EXTERNAL`.
        progress: Called with the number of bytes that are there.

    Returns:
        The path of the file.

    Raises:
        ModelError: No such model, no connection, or the server sent something else.
    """
    if name not in EXTERNAL:
        raise ModelError(f"unknown model {name!r}; known: {', '.join(EXTERNAL)}")
    model, path = EXTERNAL[name], cached_path(name)
    if path.is_file() and digest_of(path) == model.sha256:
        return path
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _complete(model, part, progress or (lambda _: None))
    except urllib.error.HTTPError as error:
        raise ModelError(
            f"{model.url} responds with {error.code} {error.reason}; {_by_hand(model)}"
        ) from error
    except (
        urllib.error.URLError,
        http.client.HTTPException,
        ConnectionError,
        TimeoutError,
    ) as error:
        peer = urllib.parse.urlsplit(model.url).netloc
        reason = getattr(error, "reason", error)
        raise ModelError(
            f"no connection to {peer}: {reason}. Run the command again to go on where it stopped, "
            f"or, offline, {_by_hand(model)}"
        ) from error
    except OSError as error:
        raise ModelError(f"cannot write to {path.parent}: {error}") from error
    found = digest_of(part)
    if found != model.sha256:
        part.unlink()
        raise ModelError(
            f"{model.url} sent another file than the published one: SHA-256 {found}, expected "
            f"{model.sha256}; nothing was kept"
        )
    part.replace(path)
    return path


def _by_hand(model: ExternalModel) -> str:
    return (
        f"get {model.url} by other means and put it to {cache_folder() / model.file_name}, or name "
        f"its place in {YUNET_ENV}"
    )


def _size_of(part: Path) -> int:
    """Return the size of a partial file; 0 where there is none, or something else lies there."""
    try:
        found = part.lstat()
    except FileNotFoundError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def _opened(part: Path, resumed: bool) -> BinaryIO:
    """Open a partial file for writing, without following a link.

    Raises:
        OSError: The path is not a regular file.
    """
    try:
        found = part.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            raise FileExistsError(f"{part} is a link or no file; somebody put it there, remove it")
    except FileNotFoundError:
        pass
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if resumed else os.O_TRUNC)
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(part, flags, 0o644), "wb")


def _complete(model: ExternalModel, part: Path, progress: OnBytes) -> None:
    """Download until the partial file has its full size, with a few attempts."""
    for attempt in range(_ATTEMPTS):
        last = attempt == _ATTEMPTS - 1
        try:
            _transfer(model, part, progress)
        except urllib.error.HTTPError as error:
            if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                part.unlink(missing_ok=True)
            elif last or error.code < 500:
                raise
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError):
            if last:
                raise
        if _size_of(part) >= model.size:
            return
        time.sleep(0.2 * attempt)
    raise http.client.IncompleteRead(b"", model.size)


def _transfer(model: ExternalModel, part: Path, progress: OnBytes) -> None:
    """One request for what is missing; writes at most the published size and one byte."""
    have = _size_of(part)
    if have >= model.size:
        return
    request = urllib.request.Request(model.url, headers={"User-Agent": "fer_ros"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
        resumed = response.status == HTTPStatus.PARTIAL_CONTENT
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise http.client.HTTPException("the server sent another part than asked for")
        with _opened(part, resumed) as file:
            have = have if resumed else 0
            while have <= model.size:
                chunk = response.read(min(_CHUNK, model.size + 1 - have))
                if not chunk:
                    break
                file.write(chunk)
                have += len(chunk)
                progress(have)
