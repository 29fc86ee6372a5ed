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

"""The digest of a job changes with whatever its results depend on, and with nothing else."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from cascades import needs_cascades

from fer_ros.perception import model_store
from fer_ros.replay.request import Job
from fer_ros.transport.bag import BagReader

PLUGIN = """
from fer_ros.perception.detection import FerFaceDetector
def make(settings, model_path, providers, threads):
    return FerFaceDetector(settings, None, providers, threads)
"""


@pytest.fixture
def digest(happy_bag):
    """Return the digest of a job with some parameters."""
    reader = BagReader(happy_bag)
    return lambda **values: Job(happy_bag, Path("out"), parameters=values).digest(reader)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package with a detector."""
    (tmp_path / "faces_of_others.py").write_text(PLUGIN)
    info = tmp_path / "faces_of_others-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: faces-of-others\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[fer_ros.detectors]\ntheirs = faces_of_others:make\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("faces_of_others", None)


def changed(path: Path) -> None:
    """Add an empty entry of metadata, so that it stays an ONNX model."""
    path.write_bytes(path.read_bytes() + b"\x72\x00")


@pytest.mark.parametrize("detector", ["auto", "fer-face"])
def test_another_shipped_detector_is_another_job(digest, tmp_path, monkeypatch, detector):
    monkeypatch.setenv(model_store.CACHE_ENV, str(tmp_path / "empty"))
    monkeypatch.delenv(model_store.YUNET_ENV, raising=False)
    before = digest(detector=detector)
    shipped = model_store.shipped_detector()
    copy = Path(shutil.copy(shipped, tmp_path))
    verifier = Path(shutil.copy(model_store.verifier_of(shipped), tmp_path))
    monkeypatch.setattr(model_store, "shipped_detector", lambda: copy)
    assert digest(detector=detector) == before
    changed(verifier)
    after = digest(detector=detector)
    changed(copy)
    assert len({before, after, digest(detector=detector)}) == 3


@pytest.mark.parametrize("detector", ["auto", "fer-face", "yunet", "theirs"])
def test_another_named_file_is_another_job(digest, tmp_path, package, detector):
    file = tmp_path / "own.onnx"
    shutil.copy(model_store.shipped_detector(), file)
    before = digest(detector=detector, detector_model=str(file))
    changed(file)
    assert digest(detector=detector, detector_model=str(file)) != before


@pytest.mark.parametrize("part", ["faces_of_others.py", "METADATA", "entry_points.txt"])
def test_another_package_is_another_job(digest, package, part):
    before = digest(detector="theirs")
    (path,) = package.rglob(part)
    text = path.read_text().replace("Version: 1.0", "Version: 1.1").replace(":make", ":made")
    path.write_text(f"{text}\n" if part.endswith(".py") else text)
    assert digest(detector="theirs") != before


@pytest.mark.parametrize(
    "detector", [pytest.param("haar", marks=needs_cascades), "fer-face", "theirs"]
)
def test_a_yunet_file_that_is_not_used_does_not_matter(
    digest, tmp_path, package, monkeypatch, detector
):
    monkeypatch.delenv(model_store.YUNET_ENV, raising=False)
    before = digest(detector=detector)
    monkeypatch.setenv(model_store.YUNET_ENV, str(tmp_path / "not there.onnx"))
    assert digest(detector=detector) == before


@needs_cascades
def test_a_replay_with_haar_needs_no_yunet_file(command, happy_bag, tmp_path, monkeypatch):
    monkeypatch.setenv(model_store.YUNET_ENV, str(tmp_path / "not there.onnx"))
    out = tmp_path / "out"
    assert command("replay", happy_bag, "--out", out, ros_args=["-p", "detector:=haar"]) == 0
